use std::fs;

use super::*;
use crate::testing::{NAME, names, now};

fn settings(directory: &std::path::Path) -> Settings {
    Settings { keep: Keep::Directory(directory.to_owned()), names: names(&[NAME]), publication: None }
}

#[tokio::test]
async fn processes_that_start_at_once_share_one_authority_and_one_leaf() {
    let directory = tempfile::tempdir().unwrap();
    let one = || start(settings(directory.path()), now());
    let (a, b, c) = tokio::join!(one(), one(), one());
    let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
    for other in [b, c] {
        assert_eq!(a.bundle(), other.bundle());
        let leaf = |tls: &Tls| tls.with_current(|current| current.leaf.clone());
        assert_eq!(leaf(&a), leaf(&other));
    }
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let before = start(settings(directory.path()), now()).await.unwrap();
    let after = start(settings(directory.path()), now()).await.unwrap();
    assert_eq!(before.bundle(), after.bundle());
    assert_eq!(before.life(), after.life());
}

#[tokio::test]
async fn a_pass_renews_and_the_other_process_follows() {
    let directory = tempfile::tempdir().unwrap();
    let one = start(settings(directory.path()), now()).await.unwrap();
    let other = start(settings(directory.path()), now()).await.unwrap();
    let due = one.life().renew_at();

    one.pass(due).await.unwrap();
    assert_eq!(one.life().ends, due + LEAF_LIFE);
    assert_ne!(one.life(), other.life());
    other.pass(due).await.unwrap();
    assert_eq!(one.life(), other.life());
    assert_eq!(one.bundle(), other.bundle());
}

#[tokio::test]
async fn damage_found_by_a_pass_leaves_what_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let tls = start(settings(directory.path()), now()).await.unwrap();
    let life = tls.life();
    fs::write(directory.path().join("tls.key"), "rubbish").unwrap();

    let error = tls.pass(life.renew_at()).await.unwrap_err();

    assert!(matches!(error, Error::Keep(KeepError::Unusable { .. })), "{error:?}");
    assert_eq!(tls.life(), life);
    let kept = fs::read_to_string(directory.path().join("tls.key")).unwrap();
    assert_eq!(kept, "rubbish");
}

#[tokio::test]
async fn following_ends_when_it_is_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let tls = start(settings(directory.path()), now()).await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    tls.follow(Duration::from_secs(3600), stop).await;
    assert_eq!(tls.life().ends, now() + LEAF_LIFE);
}

#[test]
fn secrets_are_not_in_debug_output() {
    let material = issue_all(&names(&[NAME]), now()).unwrap();
    let text = format!("{material:?}");
    assert!(text.contains("PrivateKey(hidden)"), "{text}");
    for part in [Part::CaKey, Part::LeafKey] {
        let pem = String::from_utf8(material.parts().remove(&part).unwrap()).unwrap();
        let secret = pem.lines().nth(1).unwrap();
        assert!(!text.contains(secret), "{part}");
    }
}

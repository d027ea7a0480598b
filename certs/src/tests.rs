use std::fs;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::testing::{NAME, names, now, without_authority};

fn settings(directory: &std::path::Path) -> Settings {
    Settings {
        keep: Keep::Directory(directory.to_owned()),
        issues: true,
        names: names(&[NAME]),
        publication: None,
        pace: Pace { settle: Duration::ZERO, overlap: Duration::ZERO },
        clients: None,
        metrics: Metrics::default(),
    }
}

/// Puts something into the directory as somebody else would.
fn put(directory: &std::path::Path, material: &KeyMaterial) {
    for (part, content) in material.parts() {
        fs::write(directory.join(part.name()), content).unwrap();
    }
}

#[tokio::test]
async fn processes_that_start_at_once_share_one_authority_and_one_leaf() {
    let directory = tempfile::tempdir().unwrap();
    let one = || start(settings(directory.path()), now());
    let (a, b, c) = tokio::join!(one(), one(), one());
    let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
    for other in [b, c] {
        assert_eq!(a.bundle(), other.bundle());
        assert_eq!(a.fingerprint(), other.fingerprint());
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
    let due = one.life().renew_at(LEAF_LIFE);

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

    let error = tls.pass(life.renew_at(LEAF_LIFE)).await.unwrap_err();

    assert!(matches!(error, Error::Keep(KeepError::Unusable { .. })), "{error:?}");
    assert_eq!(tls.life(), life);
    let kept = fs::read_to_string(directory.path().join("tls.key")).unwrap();
    assert_eq!(kept, "rubbish");
}

#[tokio::test]
async fn a_rotation_that_was_asked_for_ends_with_one_authority_for_all_processes() {
    let directory = tempfile::tempdir().unwrap();
    let one = start(settings(directory.path()), now()).await.unwrap();
    let other = start(settings(directory.path()), now()).await.unwrap();
    let (before, leaf) = (one.bundle(), one.fingerprint());
    let keep = Keep::Directory(directory.path().to_owned());
    let kept = keep.look().await.unwrap().unwrap();
    keep.ask(&Request::Authority(kept.authority.unwrap().fingerprint())).await.unwrap();

    let pass = one.pass(now()).await.unwrap();
    assert_eq!(pass.action, Action::Overlap, "it serves the new certificate before it forgets the old CA");
    let pass = one.pass(now()).await.unwrap();
    assert!(matches!(pass.action, Action::Keep { .. }), "{:?}", pass.action);
    assert_ne!((one.bundle(), one.fingerprint()), (before, leaf));
    assert_eq!(one.bundle().certificates().len(), 1);
    other.pass(now()).await.unwrap();
    // It had served the old certificate until now, whose CA it does not forget before it serves the new one.
    other.pass(now()).await.unwrap();
    assert_eq!((one.bundle(), one.fingerprint()), (other.bundle(), other.fingerprint()));
}

#[tokio::test]
async fn what_somebody_else_puts_there_is_served_if_it_fits_and_refused_with_a_sentence_if_not() {
    let directory = tempfile::tempdir().unwrap();
    let external = || Settings { issues: false, ..settings(directory.path()) };
    let absent = start(external(), now()).await.err().map(|error| error.to_string()).unwrap();
    assert!(absent.starts_with("there is no certificate in ") && absent.ends_with(" is not Sluice"), "{absent}");
    let foreign = |name: &str| without_authority(issue_all(&names(&[name]), now(), &[]).unwrap());
    put(directory.path(), &foreign("somebody.else.svc"));
    let unfit = start(external(), now()).await.err().map(|error| error.to_string()).unwrap();
    assert!(unfit.ends_with(&format!("is not served: the serving certificate does not cover {NAME}")), "{unfit}");

    let first = foreign(NAME);
    put(directory.path(), &first);
    let tls = start(external(), now()).await.unwrap();
    assert_eq!(tls.fingerprint(), first.leaf.fingerprint());
    put(directory.path(), &foreign("somebody.else.svc"));
    let pass = tls.pass(now()).await.unwrap();
    assert_eq!(pass.refused, Some(Reason::NameMissing(names(&[NAME])[0].clone())));
    assert_eq!(tls.fingerprint(), first.leaf.fingerprint());
    put(directory.path(), &KeyMaterial { leaf: foreign(NAME).leaf, ..first.clone() });
    assert_eq!(tls.pass(now()).await.unwrap().refused, Some(Reason::LeafUntrusted));
    fs::write(directory.path().join("tls.key"), foreign(NAME).parts().remove(&Part::LeafKey).unwrap()).unwrap();
    let error = tls.pass(now()).await.unwrap_err();
    let said = format!("{:#}", anyhow::Error::new(error));
    assert!(said.contains("tls.key cannot be used: it does not fit the certificate in tls.crt"), "{said}");
    assert_eq!(tls.fingerprint(), first.leaf.fingerprint());

    let second = foreign(NAME);
    put(directory.path(), &second);
    tls.pass(now()).await.unwrap();
    assert_eq!(tls.fingerprint(), second.leaf.fingerprint());
    assert_eq!(
        fs::read(directory.path().join("ca.crt")).unwrap(),
        second.bundle.pem().as_bytes(),
        "nothing is written"
    );
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
    let material = issue_all(&names(&[NAME]), now(), &[]).unwrap();
    let text = format!("{material:?}");
    assert!(text.contains("PrivateKey(hidden)"), "{text}");
    for part in [Part::CaKey, Part::LeafKey] {
        let pem = String::from_utf8(material.parts().remove(&part).unwrap()).unwrap();
        let secret = pem.lines().nth(1).unwrap();
        assert!(!text.contains(secret), "{part}");
    }
}

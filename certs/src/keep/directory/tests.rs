use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::issue_all;
use crate::testing::{NAME, names, now, without_authority};

fn made() -> KeyMaterial {
    issue_all(&names(&[NAME]), now(), &[]).unwrap()
}

/// A directory that does not exist yet, in one that goes away with the test.
fn fresh() -> (TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("tls");
    (outer, path)
}

fn kept(directory: &Path) -> KeyMaterial {
    let material = made();
    let stored = store(directory, None, &material.parts()).unwrap();
    assert_eq!(stored, Stored::Written);
    material
}

fn entries(directory: &Path) -> BTreeSet<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Those that are there outside of a rotation.
fn kept_parts() -> impl Iterator<Item = Part> {
    Part::ALL.into_iter().filter(|part| *part != Part::NextCaKey)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_stored_is_loaded() {
    let (_outer, path) = fresh();
    assert_eq!(load(&path).unwrap(), None);
    let material = kept(&path);
    assert_eq!(load(&path).unwrap(), Some(material));
}

#[test]
fn only_the_owner_may_look() {
    let (_outer, path) = fresh();
    kept(&path);
    assert_eq!(mode(&path), 0o700);
    for part in kept_parts() {
        assert_eq!(mode(&path.join(part.name())), 0o600, "{part}");
    }
}

#[test]
fn a_replacement_replaces_all_files_at_once_and_leaves_nothing_behind() {
    let (_outer, path) = fresh();
    let old = kept(&path);
    let before = entries(&path);
    let new = made();

    store(&path, Some(&old), &new.parts()).unwrap();

    assert_eq!(load(&path).unwrap(), Some(new));
    let replaced = |name: &str| name.replace("..1", "..2");
    assert_eq!(entries(&path), before.iter().map(|n| replaced(n)).collect::<BTreeSet<_>>());
    // The one link that decides: every file is behind it.
    for part in kept_parts() {
        let link = fs::read_link(path.join(part.name())).unwrap();
        assert_eq!(link, Path::new("..data").join(part.name()));
    }
}

#[test]
fn a_crash_before_the_decisive_link_changes_nothing() {
    let (_outer, path) = fresh();
    let old = kept(&path);
    let half = path.join("..2");
    create_directory(&half).unwrap();
    fs::write(half.join("tls.crt"), "half a cert").unwrap();
    fs::write(half.join("left over"), "").unwrap();
    symlink("..2", path.join(NEXT)).unwrap();

    assert_eq!(load(&path).unwrap().as_ref(), Some(&old));
    let new = made();
    store(&path, Some(&old), &new.parts()).unwrap();
    assert_eq!(load(&path).unwrap(), Some(new));
    assert!(!half.join("left over").exists());
}

#[test]
fn the_slower_of_two_is_told_and_changes_nothing() {
    let (_outer, path) = fresh();
    let winner = kept(&path);
    let stored = store(&path, None, &made().parts()).unwrap();
    assert_eq!(stored, Stored::Overtaken);
    assert_eq!(load(&path).unwrap(), Some(winner));
}

#[test]
fn plain_files_are_read_and_replaced() {
    let (_outer, path) = fresh();
    fs::create_dir(&path).unwrap();
    let plain = made();
    for (part, content) in plain.parts() {
        fs::write(path.join(part.name()), content).unwrap();
    }
    assert_eq!(load(&path).unwrap().as_ref(), Some(&plain));

    let new = made();
    store(&path, Some(&plain), &new.parts()).unwrap();
    assert_eq!(load(&path).unwrap(), Some(new));
}

#[test]
fn material_of_someone_else_needs_no_authority_key() {
    let (_outer, path) = fresh();
    kept(&path);
    let material = without_authority(load(&path).unwrap().unwrap());
    fs::remove_file(path.join("ca.key")).unwrap();
    assert_eq!(load(&path).unwrap(), Some(material));
}

/// Damages a part and gives what a person is told, having checked that the key is not in it and that nothing was replaced.
fn told(part: Part, damage: impl FnOnce(&Path)) -> String {
    let (_outer, path) = fresh();
    let material = kept(&path);
    damage(&path.join(part.name()));
    let before = entries(&path);

    let error = load(&path).unwrap_err();
    let refused = store(&path, None, &material.parts()).unwrap_err();

    let debugged = format!("{error:?}");
    let said = format!("{:#}", anyhow::Error::new(error));
    assert_eq!(format!("{:#}", anyhow::Error::new(refused)), said);
    assert_eq!(entries(&path).difference(&before).next(), None, "nothing new");
    let text = format!("{said} {debugged}");
    assert!(!text.contains("PRIVATE KEY-----\n"), "{text}");
    assert!(text.contains(&path.display().to_string()), "{text} names the directory");
    assert!(text.contains("put the damaged part back"), "{text} says what to do");
    said
}

#[test]
fn damage_is_an_error_that_names_the_file() {
    for part in [Part::CaBundle, Part::LeafCertificate, Part::LeafKey] {
        let text = told(part, |path| fs::remove_file(path).unwrap());
        assert!(
            text.ends_with(&format!("{part} cannot be used: it is absent, though other parts are there")),
            "{text}"
        );
    }
    for (part, says) in [
        (Part::CaBundle, "it contains no certificate"),
        (Part::CaKey, "it is no private key that can sign"),
        (Part::LeafCertificate, "it contains no certificate"),
        (Part::LeafKey, "it holds no private key in PEM"),
    ] {
        let text = told(part, |path| fs::write(path, "rubbish").unwrap());
        assert!(text.contains(&format!("{part} cannot be used: {says}")), "{text}");
    }
}

#[test]
fn keys_that_fit_nothing_are_told_from_damage() {
    let other = made().parts();
    for (part, says) in [
        (Part::CaKey, "it is the key of no CA in ca.crt"),
        (Part::LeafKey, "it does not fit the certificate in tls.crt, or is of an unknown type"),
    ] {
        let text = told(part, |path| fs::write(path, &other[&part]).unwrap());
        assert!(text.contains(&format!("{part} cannot be used: {says}")), "{text}");
    }
}

#[test]
fn a_private_key_is_never_published_with_the_bundle() {
    let text = told(Part::CaBundle, |path| {
        let mut content = fs::read(path).unwrap();
        content.extend(made().parts().remove(&Part::LeafKey).unwrap());
        fs::write(path, content).unwrap();
    });
    assert!(text.contains("ca.crt cannot be used: it contains a private key"), "{text}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let (_outer, path) = fresh();
    kept(&path);
    let file = path.join("tls.crt");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let error = load(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read {}", file.display()));
}

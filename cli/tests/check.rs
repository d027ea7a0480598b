//! `sluice check` on the sample organisation and on a broken copy of it.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{example, sluice};

/// A copy of the sample organisation in which `from` is `to` in one file.
fn broken(changes: &[(&str, &str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for entry in fs::read_dir(example("org")).expect("the organisation") {
        let path = entry.expect("a file").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let mut text = fs::read_to_string(&path).expect("a file");
        for (_, from, to) in changes.iter().filter(|(file, _, _)| *file == name) {
            assert!(text.contains(from), "{name} has no {from}");
            text = text.replacen(from, to, 1);
        }
        fs::write(directory.path().join(&name), text).expect("written");
    }
    directory
}

fn check(path: &Path, more: &[&str]) -> (i32, Value) {
    let path = path.display().to_string();
    let run = sluice(&[&["check", &path, "-o", "json"], more].concat());
    (run.code, run.json())
}

#[test]
fn the_sample_organisation_is_fine() {
    let run = sluice(&["check", &example("org")]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(run.out.ends_with(" records: 0 problems, 0 warnings\n"), "{}", run.out);
}

#[test]
fn every_problem_is_listed_with_its_place() {
    let directory = broken(&[
        ("plans.yaml", "quota: {gpu: 8,", "quota: {gpu: lots,"),
        ("queues.yaml", "Europe/Berlin", "Europe/Atlantis"),
        ("projects.yaml", "registry.example.com/**", "registry.example.com/[x"),
        ("users.yaml", "username:", "usrname:"),
    ]);
    let (code, found) = check(directory.path(), &[]);
    assert_eq!(code, 3);
    let problems = found["problems"].as_array().expect("a list");
    let places: Vec<_> = problems.iter().filter_map(|it| Some((it["file"].as_str()?, it["field"].as_str()?))).collect();
    for place in [
        ("plans.yaml", "spec.quota.gpu"),
        ("queues.yaml", "spec.timeZone"),
        ("projects.yaml", "spec.images[0]"),
        ("users.yaml", "spec.usrname"),
    ] {
        assert!(places.contains(&place), "{place:?} is not in {places:?}");
    }
    assert!(problems.iter().all(|it| !it["message"].as_str().unwrap_or_default().is_empty()), "{problems:?}");

    let text = sluice(&["check", &directory.path().display().to_string()]);
    assert_eq!(text.code, 3);
    assert_eq!(text.err.lines().filter(|line| line.starts_with("error: ")).count(), problems.len(), "{}", text.err);
    assert!(text.err.contains("queues.yaml: PlatformQueue night: spec.timeZone: "), "{}", text.err);
}

#[test]
fn what_dangles_is_a_warning() {
    let directory = broken(&[("projects.yaml", "plan: gold", "plan: platin")]);
    let (code, found) = check(directory.path(), &[]);
    assert_eq!((code, &found["problems"]), (0, &serde_json::json!([])));
    let warning = &found["warnings"][0];
    assert_eq!((&warning["kind"], &warning["field"]), (&"Project".into(), &"spec.plan".into()), "{found}");
    let says = warning["message"].as_str().expect("a sentence");
    assert!(says.starts_with("ResourcePlan platin is not in these files; "), "{says}");
    assert_eq!(check(directory.path(), &["--strict"]).0, 2);
    let text = sluice(&["check", &directory.path().display().to_string()]);
    assert!(text.err.contains("kubectl apply --dry-run=server -f asks it"), "{}", text.err);
}

#[test]
fn nothing_to_check_is_bad_input() {
    let empty = tempfile::tempdir().expect("a directory");
    let run = sluice(&["check", &empty.path().display().to_string()]);
    assert_eq!(run.code, 3);
    assert!(run.err.trim().ends_with("there is no record of sluice.dev"), "{}", run.err);
    let run = sluice(&["check", "/nowhere/at/all"]);
    assert_eq!(run.code, 3);
    assert!(run.err.starts_with("error: cannot read /nowhere/at/all: "), "{}", run.err);
}

//! The drills that are short; `cargo xtask drill` runs all of them.

use e2e::alone;

/// Every expectation of the drill holds: what is refused, what is not, and that nothing is let through or lost.
#[track_caller]
fn assert_as_expected(name: &str) {
    let mut p = alone();
    let drill = drill::find(name).expect("a drill");
    let report = drill::run(&mut p, drill, &drill::Options::default()).unwrap_or_else(|error| panic!("{error:#}"));
    let broken: Vec<_> = report.expectations.iter().filter(|expectation| !expectation.held).collect();
    assert!(broken.is_empty(), "{broken:#?}\nlet through: {:?}\nlost: {:?}", report.let_through, report.lost);
    // An empty drill would hold too.
    assert!(report.expectations.len() > 15 && report.refused() > 20, "{report:#?}");
}

#[test]
fn drill_killed() {
    assert_as_expected("killed");
}

#[test]
fn drill_besieged() {
    assert_as_expected("besieged");
}

#[test]
fn drill_deleted() {
    assert_as_expected("deleted");
}

#[test]
fn drill_versions() {
    assert_as_expected("versions");
}

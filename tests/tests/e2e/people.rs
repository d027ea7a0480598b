//! A short turn of people who send at random; `cargo xtask race --people` takes as long as you like.

use drill::people::{Options, on};
use e2e::alone;
use std::time::Duration;

#[test]
fn people_at_work_hold_what_the_ledger_says() {
    let p = alone();
    let report = on(&p, Options { seed: 7, time: Duration::from_secs(25) }).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(report.differences.is_empty(), "seed {}\n{}", report.seed, report.differences.join("\n"));
    // Nobody who was refused everything would differ.
    assert!(report.accepted > 50 && report.revisions > 200, "{report:#?}");
}

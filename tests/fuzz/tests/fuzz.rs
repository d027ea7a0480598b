//! A bounded number of cases of every target, and all that was found before.

use fuzz::{Target, corpus, targets};

/// Enough to meet most branches in a few seconds; `cargo xtask fuzz` goes on from other seeds.
const CASES: u32 = 192;

#[track_caller]
fn assert_holds(name: &str) {
    let target: &Target = targets::ALL.iter().find(|target| target.name == name).expect("a target");
    for (file, input) in corpus::kept(target).expect("the corpus can be read") {
        if let Err(why) = (target.property)(&input) {
            panic!("{file}: {why}");
        }
    }
    if let Err(found) = target.run(0, CASES) {
        panic!("{}\n{:#}", found.why, found.input);
    }
}

#[test]
fn class_panic_a_review_is_answered_under_its_uid_or_is_none() {
    assert_holds("reviews");
}

#[test]
fn class_reinvocation_what_is_written_settles() {
    assert_holds("admission");
}

#[test]
fn every_mix_of_containers_costs_and_gets_what_is_there_at_one_moment() {
    assert_holds("arithmetic");
}

#[test]
fn class_reinvocation_patches_apply_once() {
    assert_holds("patches");
}

#[test]
fn class_parsing_records_and_windows() {
    assert_holds("records");
}

#[test]
fn class_parsing_images_and_patterns() {
    assert_holds("images");
}

#[test]
fn class_parsing_quantities() {
    assert_holds("quantities");
}

#[test]
fn class_container_lists_templates_wherever_they_are() {
    assert_holds("pointers");
}

#[test]
fn class_parsing_slots() {
    assert_holds("slots");
}

#[test]
fn class_dra_shapes_no_claim_gets_another_model() {
    assert_holds("claims");
}

#[test]
fn class_exhaustion_selectors() {
    assert_holds("selectors");
}

#[test]
fn every_target_is_among_the_tests() {
    let names: Vec<_> = targets::ALL.iter().map(|target| target.name).collect();
    assert_eq!(
        names,
        [
            "reviews",
            "admission",
            "arithmetic",
            "patches",
            "records",
            "images",
            "quantities",
            "pointers",
            "slots",
            "claims",
            "selectors"
        ]
    );
}

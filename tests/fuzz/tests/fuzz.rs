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

macro_rules! fuzzed {
    ($($test:ident: $target:literal;)*) => {
        $(
        #[test]
        fn $test() {
            assert_holds($target);
        }
        )*

        #[test]
        fn every_target_is_among_the_tests() {
            assert_eq!(targets::ALL.iter().map(|target| target.name).collect::<Vec<_>>(), [$($target),*]);
        }
    };
}

fuzzed! {
    class_panic_a_review_is_answered_under_its_uid_or_is_none: "reviews";
    class_retry_reinvocation_what_is_written_settles: "admission";
    class_retry_reinvocation_patches_apply_once: "patches";
    class_parsing_records_and_windows: "records";
    class_parsing_images_and_patterns: "images";
    class_parsing_quantities: "quantities";
    class_container_lists_templates_wherever_they_are: "pointers";
}

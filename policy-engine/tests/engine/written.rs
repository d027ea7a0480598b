//! Whoever compares an object before and after its admission sees everything that rules write.

use policy_engine::admission::written;
use policy_engine::object::place::Place;

use crate::stories;
use crate::support::apply::apply;

/// A rule that writes at a new place is added to `admission/written.rs`: otherwise a dry run against the API server does
/// not show what it writes.
#[test]
fn every_place_that_a_rule_writes_in_what_is_created_is_listed() {
    let (mut looked_at, mut missing) = (0, Vec::new());
    for (here, story) in stories::all().0 {
        let Ok(outcome) = story.play() else { continue };
        let (Ok(decision), Some(object), None) = (outcome.decision, outcome.object, outcome.old) else { continue };
        let listed = written::places(&object, &apply(&decision.mutations, &object));
        // What nobody asked for, the API server put there and it is not in what was submitted.
        for mutation in decision.mutations.iter().filter(|mutation| !mutation.unasked) {
            looked_at += 1;
            let at = mutation.at.pointer();
            if !listed.iter().any(|place| at.starts_with(place) || place.starts_with(&at)) {
                missing.push(format!("{here}: {}: {} writes {}", story.story, mutation.rule, Place::from(at)));
            }
        }
    }
    assert!(missing.is_empty(), "not listed:\n{}", missing.join("\n"));
    assert!(looked_at > 500, "only {looked_at} places");
}

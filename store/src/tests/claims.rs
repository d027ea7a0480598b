//! Claims: named, not yet there, made for a Pod, swapped, and what they spend while they are bound.

use jiff::{SignedDuration, Timestamp};
use policy_engine::ledger::{ClaimMade, ObjectName, Request, Resource, Sight, Tags, Use};
use policy_engine::policy::ids::{ProjectId, UserId};

use super::fixture::*;
use crate::UsageQuery;

on_both!(
    a_claim_that_many_name_is_paid_once_while_one_of_them_lives,
    a_claim_costs_nothing_until_a_pod_names_it,
    a_claim_that_a_pod_waits_for_is_paid_at_its_creation,
    nobody_pays_because_a_colleagues_pod_waits_for_the_name,
    a_larger_claim_of_the_same_name_is_paid_or_refused,
    a_claim_made_for_a_pod_takes_the_place_of_what_was_reserved,
    a_claim_made_twice_for_a_pod_with_a_gate_is_paid_whichever_came,
    what_a_pod_reserved_stays_reserved_while_a_smaller_claim_may_never_come,
    room_that_a_smaller_claim_gave_back_is_not_taken_again_unasked,
    a_dearer_template_is_paid_before_the_claim_is_seen,
    bound_claims_spend_and_are_counted_exactly_once,
    what_was_spent_goes_on_where_charges_were_emptied_and_ends_where_nothing_is_held,
    what_lasts_less_than_a_second_is_spent_too,
);

async fn a_claim_that_many_name_is_paid_once_while_one_of_them_lives(database: Database) {
    let ledger = database.open().await;
    for uid in ["p1", "p2", "p3"] {
        assert_reserved(&ledger, pod(uid, uid, vec![named("c1", "mine", 2)])).await;
    }
    assert_stands(&ledger, 0, 2, 3).await;
    pod_gone(&ledger, "p1").await;
    pod_gone(&ledger, "p2").await;
    assert_stands(&ledger, 0, 2, 1).await;
    pod_gone(&ledger, "p3").await;
    assert_stands(&ledger, 0, 0, 0).await;
}

async fn a_claim_costs_nothing_until_a_pod_names_it(database: Database) {
    let ledger = database.open().await;
    for number in 0..9 {
        assert_reserved(&ledger, claim(&format!("c{number}"), &format!("spare-{number}"), 3)).await;
    }
    assert_stands(&ledger, 0, 0, 0).await;
    assert_reserved(&ledger, pod("p1", "train", vec![named("c1", "spare-1", 3)])).await;
    assert_stands(&ledger, 0, 3, 1).await;
    let short = [(user("alice"), Resource::Gpu, 3000, 3000, 3000), (user("alice"), Resource::Devices, 3, 3, 3)];
    let project_too = [(project(), Resource::Gpu, 3000, 3000, 4000), (project(), Resource::Devices, 3, 3, 4)];
    let all: Vec<_> = project_too.into_iter().chain(short).collect();
    assert_refused(&ledger, pod("p2", "other", vec![named("c2", "spare-2", 3)]), &all).await;
    claim_gone(&ledger, "c1").await;
    assert_stands(&ledger, 0, 0, 1).await;
}

async fn nobody_pays_because_a_colleagues_pod_waits_for_the_name(database: Database) {
    let ledger = database.open().await;
    assert_reserved(&ledger, pod("p1", "train", vec![unborn("mine")])).await;
    let bobs = ClaimMade {
        uid: "c1".to_owned(),
        namespace: "llm".to_owned(),
        name: "mine".to_owned(),
        price: gpus(2),
        payers: payers("bob"),
        shared: false,
        for_pod: None,
    };
    assert_reserved(&ledger, Request::ClaimMade(bobs.clone())).await;
    assert_stands(&ledger, 0, 0, 1).await;
    // Reserved for the Pod it is paid, by whose it is.
    let held = Use::Claim {
        name: "mine".to_owned(),
        uid: "c1".to_owned(),
        price: gpus(2),
        payers: payers("bob"),
        shared: false,
    };
    assert_reserved(&ledger, pod("p1", "train", vec![held])).await;
    assert_stands(&ledger, 0, 2, 1).await;
    let devices = async || ledger.balance(&user("bob")).await.expect("a sum").total().devices;
    assert_eq!(devices().await, 2);
    pod_gone(&ledger, "p1").await;
    assert_eq!(devices().await, 0);
    // A shared one is paid from its creation on, whoever waits for it; and one that is shared later when that is seen.
    assert_reserved(&ledger, pod("p2", "wait", vec![unborn("mine")])).await;
    assert_eq!(devices().await, 0);
    let place = ObjectName::claim("llm", "mine", &payers("bob"), true);
    let (uid, price, payers) = ("c1".to_owned(), gpus(2), payers("bob"));
    observe(&ledger, Sight::Claim { uid, bound: None, price, got: None, payers, place, at: later() }).await;
    assert_eq!(devices().await, 2);
    claim_gone(&ledger, "c1").await;
    assert_reserved(&ledger, Request::ClaimMade(ClaimMade { uid: "c2".to_owned(), shared: true, ..bobs })).await;
    assert_eq!(devices().await, 2);
}

async fn a_claim_that_a_pod_waits_for_is_paid_at_its_creation(database: Database) {
    let ledger = database.open().await;
    assert_reserved(&ledger, pod("p1", "train", vec![unborn("mine")])).await;
    assert_stands(&ledger, 0, 0, 1).await;
    let short = [
        (project(), Resource::Gpu, 0, 5000, 4000),
        (project(), Resource::Devices, 0, 5, 4),
        (user("alice"), Resource::Gpu, 0, 5000, 3000),
        (user("alice"), Resource::Devices, 0, 5, 3),
    ];
    assert_refused(&ledger, claim("c1", "mine", 5), &short).await;
    assert_reserved(&ledger, claim("c2", "mine", 2)).await;
    assert_stands(&ledger, 0, 2, 1).await;
}

async fn a_larger_claim_of_the_same_name_is_paid_or_refused(database: Database) {
    let ledger = database.open().await;
    assert_reserved(&ledger, claim("c1", "mine", 1)).await;
    assert_reserved(&ledger, pod("p1", "train", vec![named("c1", "mine", 1)])).await;
    // Deleted and made anew before anybody saw that it was gone: there is one of them at a time.
    assert_reserved(&ledger, claim("c2", "mine", 3)).await;
    assert_stands(&ledger, 0, 3, 1).await;
    let short = [(user("alice"), Resource::Gpu, 3000, 1000, 3000), (user("alice"), Resource::Devices, 3, 1, 3)];
    assert_refused(&ledger, claim("c3", "mine", 4), &short).await;
    claim_gone(&ledger, "c1").await;
    assert_stands(&ledger, 0, 3, 1).await;
    claim_gone(&ledger, "c2").await;
    assert_stands(&ledger, 0, 0, 1).await;
    // The Pod goes on using whatever has that name.
    assert_refused(
        &ledger,
        claim("c4", "mine", 4),
        &[(user("alice"), Resource::Gpu, 0, 4000, 3000), (user("alice"), Resource::Devices, 0, 4, 3)],
    )
    .await;
    assert_reserved(&ledger, claim("c5", "mine", 2)).await;
    assert_stands(&ledger, 0, 2, 1).await;
}

async fn a_claim_made_for_a_pod_takes_the_place_of_what_was_reserved(database: Database) {
    let ledger = database.open().await;
    assert_reserved(&ledger, pod("p1", "train", vec![inline(2)])).await;
    assert_reserved(&ledger, claim_for("p1", "c1", 2)).await;
    assert_stands(&ledger, 0, 2, 1).await;
    // The template was replaced by a larger one in between: the difference is asked for.
    claim_gone(&ledger, "c1").await;
    assert_stands(&ledger, 0, 2, 1).await;
    assert_reserved(&ledger, claim_for("p1", "c2", 3)).await;
    assert_stands(&ledger, 0, 3, 1).await;
    pod_gone(&ledger, "p1").await;
    claim_gone(&ledger, "c2").await;
    assert_stands(&ledger, 0, 0, 0).await;
    assert_eq!(ledger.charges().await.expect("an answer"), []);
    assert_eq!(ledger.uses().await.expect("an answer"), []);
}

/// The controller makes one for a Pod with a gate, and makes another one where it does not hear of the first.
async fn a_claim_made_twice_for_a_pod_with_a_gate_is_paid_whichever_came(database: Database) {
    for (came, lost) in [("c1", "c2"), ("c2", "c1")] {
        let ledger = database.open().await;
        assert_reserved(&ledger, claim_for("p1", "c1", 1)).await;
        assert_reserved(&ledger, claim_for("p1", "c2", 1)).await;
        assert_stands(&ledger, 0, 0, 0).await;
        // Its gate goes.
        assert_reserved(&ledger, pod("p1", "train", vec![inline(1)])).await;
        assert_stands(&ledger, 0, 2, 1).await;
        claim_gone(&ledger, lost).await;
        assert_stands(&ledger, 0, 1, 1).await;
        pod_gone(&ledger, "p1").await;
        claim_gone(&ledger, came).await;
        assert_stands(&ledger, 0, 0, 0).await;
    }
}

async fn what_a_pod_reserved_stays_reserved_while_a_smaller_claim_may_never_come(database: Database) {
    let ledger = database.open().await;
    assert_reserved(&ledger, pod("p1", "train", vec![inline(2)])).await;
    assert_reserved(&ledger, claim_for("p1", "c1", 2)).await;
    // It is deleted, and the controller asks for another one, from a template that is smaller now.
    assert_reserved(&ledger, claim_for("p1", "c2", 1)).await;
    claim_gone(&ledger, "c1").await;
    assert_stands(&ledger, 0, 2, 1).await;
    claim_gone(&ledger, "c2").await;
    assert_stands(&ledger, 0, 2, 1).await;
}

async fn room_that_a_smaller_claim_gave_back_is_not_taken_again_unasked(database: Database) {
    let ledger = database.open().await;
    assert_reserved(&ledger, pod("p1", "train", vec![inline(2)])).await;
    assert_reserved(&ledger, claim_for("p1", "c1", 1)).await;
    assert_stands(&ledger, 0, 2, 1).await;
    claim_seen(&ledger, "c1", 1).await;
    assert_stands(&ledger, 0, 1, 1).await;
    assert_reserved(&ledger, pod("p2", "other", vec![inline(2)])).await;
    claim_gone(&ledger, "c1").await;
    assert_stands(&ledger, 0, 3, 2).await;
    let short = [(user("alice"), Resource::Gpu, 3000, 1000, 3000), (user("alice"), Resource::Devices, 3, 1, 3)];
    assert_refused(&ledger, claim_for("p1", "c2", 2), &short).await;
    assert_reserved(&ledger, claim_for("p1", "c3", 1)).await;
    assert_stands(&ledger, 0, 3, 2).await;
}

async fn a_dearer_template_is_paid_before_the_claim_is_seen(database: Database) {
    let ledger = database.open().await;
    assert_reserved(&ledger, pod("p1", "train", vec![inline(1)])).await;
    assert_reserved(&ledger, claim_for("p1", "c1", 1)).await;
    // The Pod is resized; its template asks for more by now. The claim may still never come, and the next one cost that.
    assert_reserved(&ledger, pod("p1", "train", vec![inline(2)])).await;
    assert_stands(&ledger, 0, 2, 1).await;
    claim_seen(&ledger, "c1", 1).await;
    assert_stands(&ledger, 0, 1, 1).await;
    claim_gone(&ledger, "c1").await;
    assert_stands(&ledger, 0, 1, 1).await;
}

async fn what_was_spent_goes_on_where_charges_were_emptied_and_ends_where_nothing_is_held(database: Database) {
    let ledger = database.open().await;
    let start = Timestamp::now() - SignedDuration::from_mins(60);
    let after = |minutes| start + SignedDuration::from_mins(minutes);
    let bound = |uid: &str, user: &str, at| Sight::Claim {
        uid: uid.to_owned(),
        bound: Some(Tags { project: ProjectId::new("llm"), user: UserId::new(user), ..Tags::default() }),
        price: gpus(1),
        got: None,
        payers: payers("alice"),
        place: ObjectName::claim("llm", uid, &payers("alice"), false),
        at,
    };
    for uid in ["goes-on", "gone"] {
        assert_reserved(&ledger, claim(uid, uid, 1)).await;
        observe(&ledger, bound(uid, uid, after(0))).await;
    }
    database.say("DELETE FROM uses; DELETE FROM charges; DELETE FROM accounts; DELETE FROM compared").await;
    drop(ledger);
    let ledger = database.open().await;
    assert_reserved(&ledger, claim("goes-on", "goes-on", 1)).await;
    observe(&ledger, bound("goes-on", "goes-on", after(30))).await;
    assert_stands(&ledger, 1, 0, 0).await;
    ledger.compared().await.expect("an answer");
    let query = UsageQuery { since: after(0), until: after(600), project: None, user: None };
    let hours = ledger.usage(&query).await.expect("an answer");
    let spent: Vec<_> = hours.iter().map(|it| (it.tags.user.as_str(), it.device_seconds / 60)).collect();
    assert_eq!(spent, [("goes-on", 600), ("gone", 60)]);
}

async fn bound_claims_spend_and_are_counted_exactly_once(database: Database) {
    let ledger = database.open().await;
    let tags = Tags { project: ProjectId::new("llm"), user: UserId::new("alice"), ..Tags::default() };
    let start = Timestamp::from_second(1_800_000_000).expect("a time");
    let after = |minutes| start + SignedDuration::from_mins(minutes);
    let seen = |bound: bool, at| Sight::Claim {
        uid: "c1".to_owned(),
        bound: bound.then(|| tags.clone()),
        price: gpus(2),
        got: None,
        payers: payers("alice"),
        place: ObjectName::claim("llm", "mine", &payers("alice"), false),
        at,
    };
    assert_reserved(&ledger, pod("p1", "train", vec![named("c1", "mine", 2)])).await;
    observe(&ledger, seen(true, after(0))).await;
    assert_stands(&ledger, 2, 0, 1).await;
    drop(ledger);
    // A restart says again what is already known.
    let ledger = database.open().await;
    observe(&ledger, seen(true, after(10))).await;
    observe(&ledger, seen(false, after(30))).await;
    observe(&ledger, seen(false, after(40))).await;
    observe(&ledger, seen(true, after(60))).await;
    let spent = async |since, until, user: Option<&str>| {
        let query = UsageQuery { since, until, project: None, user: user.map(UserId::new) };
        let hours = ledger.usage(&query).await.expect("an answer");
        hours.into_iter().map(|h| (h.tags.user, h.milli_gpu_seconds, h.device_seconds)).collect::<Vec<_>>()
    };
    let alice = |minutes: u64| vec![(UserId::new("alice"), minutes * 60 * 2000, minutes * 60 * 2)];
    assert_eq!(spent(after(0), after(60), None).await, alice(30));
    assert_eq!(spent(after(20), after(70), Some("alice")).await, alice(20));
    assert_eq!(spent(after(20), after(70), Some("bob")).await, []);
    claim_gone(&ledger, "c1").await;
    assert_eq!(ledger.forget_usage(after(31)).await.expect("an answer"), 1);
    assert_eq!(spent(after(0), after(60), None).await, []);
}

async fn what_lasts_less_than_a_second_is_spent_too(database: Database) {
    let ledger = database.open().await;
    let tags = Tags { project: ProjectId::new("llm"), user: UserId::new("alice"), ..Tags::default() };
    let start = Timestamp::from_second(1_800_000_000).expect("a time");
    assert_reserved(&ledger, pod("p1", "train", vec![named("c1", "mine", 3)])).await;
    let lasting: Vec<i64> = (1..=40).map(|nth| nth * 97 % 1999).collect();
    let mut at = start;
    for lasted in &lasting {
        for bound in [true, false] {
            let sight = Sight::Claim {
                uid: "c1".to_owned(),
                bound: bound.then(|| tags.clone()),
                price: gpus(3),
                got: None,
                payers: payers("alice"),
                place: ObjectName::claim("llm", "mine", &payers("alice"), false),
                at,
            };
            observe(&ledger, sight).await;
            at += SignedDuration::from_millis(*lasted);
        }
    }
    let query = UsageQuery { since: start, until: at, project: None, user: None };
    let hours = ledger.usage(&query).await.expect("an answer");
    let lasted = lasting.iter().sum::<i64>().unsigned_abs();
    let spent: Vec<_> = hours.iter().map(|it| (it.milli_gpu_seconds, it.device_seconds)).collect();
    assert_eq!(spent, [(lasted * 3000 / 1000, lasted * 3 / 1000)]);
}

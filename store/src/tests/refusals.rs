//! What was refused is found again.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::fixture::*;
use crate::{Denied, Refusal, Refusals};

on_both!(a_refusal_is_found_by_its_id_and_by_what_was_refused, what_was_refused_long_ago_is_forgotten);

fn refusal(id: &str, subject: &str, minutes_ago: i64) -> Refusal {
    let denied = |rule: &str| Denied {
        rule: rule.to_owned(),
        field: "spec.containers[0].image".to_owned(),
        message: format!("asked \"x\" of {id}"),
    };
    // What the database keeps is milliseconds.
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).expect("now");
    Refusal {
        id: id.to_owned(),
        at: now - SignedDuration::from_mins(minutes_ago),
        username: "bob".to_owned(),
        project: "llm".to_owned(),
        namespace: "llm-finetune".to_owned(),
        subject: subject.to_owned(),
        asked: format!("create {subject}"),
        denials: vec![denied("image"), denied("quota")],
    }
}

async fn kept(refusals: &Refusals, id: &str) -> Refusal {
    let deadline = Instant::now() + std::time::Duration::from_secs(20);
    loop {
        if let Some(found) = refusals.by_id(id).await.expect("an answer") {
            return found;
        }
        assert!(Instant::now() < deadline, "{id} is not kept");
    }
}

async fn a_refusal_is_found_by_its_id_and_by_what_was_refused(database: Database) {
    let refusals = database.open().await.refusals();
    let all = [refusal("1", "Pod/a", 3), refusal("2", "Job/train", 2), refusal("3", "Pod/a", 1)];
    for refusal in &all {
        assert!(refusals.keep(refusal.clone()));
    }
    // The API server asks again, and the id is the same.
    assert!(refusals.keep(refusal("1", "Pod/b", 3)) && refusals.keep(refusal("4", "Pod/c", 0)));
    kept(&refusals, "4").await;
    assert_eq!(kept(&refusals, "2").await, all[1]);
    let of_a = refusals.of("llm-finetune", "Pod/a").await.expect("an answer");
    assert_eq!(of_a, [all[2].clone(), all[0].clone()], "newest first");
    assert_eq!(refusals.of("llm-serving", "Pod/a").await.expect("an answer"), []);
    assert_eq!(refusals.by_id("5").await.expect("an answer"), None);
}

async fn what_was_refused_long_ago_is_forgotten(database: Database) {
    let refusals = database.open().await.refusals();
    assert!(refusals.keep(refusal("old", "Pod/a", 8 * 24 * 60)) && refusals.keep(refusal("new", "Pod/a", 6 * 24 * 60)));
    kept(&refusals, "new").await;
    assert!(refusals.keep(refusal("newer", "Pod/b", 0)));
    kept(&refusals, "newer").await;
    let ids = refusals.of("llm-finetune", "Pod/a").await.expect("an answer").into_iter().map(|it| it.id);
    assert_eq!(ids.collect::<Vec<_>>(), ["new"]);
}

//! What daemons began, ended, and are asked about.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::fixture::*;
use crate::{Beginning, Begun, Concerned, Entry, Find, Journal};

on_both!(
    what_was_begun_stands_until_it_ends_whoever_leads,
    for_one_pod_one_of_many_begins,
    a_gang_is_begun_for_as_a_whole,
    what_was_half_begun_or_half_ended_never_was,
    people_find_it_by_its_id_and_by_each_pod,
    what_is_over_for_long_is_forgotten_and_nothing_else,
    what_ended_of_late_is_told_and_nothing_else,
    one_daemon_does_not_crowd_out_what_another_did,
);

fn pod(name: &str) -> Concerned {
    Concerned { uid: format!("uid-{name}"), namespace: "llm".to_owned(), name: name.to_owned() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn beginning(subjects: &[&str], objects: &[&str], second: i64) -> Beginning {
    Beginning {
        daemon: "preemption",
        subjects: subjects.iter().copied().map(pod).collect(),
        objects: objects.iter().copied().map(pod).collect(),
        plan: json!({"victims": objects, "note": "it's \"quoted\" ✓"}),
        at: at(second),
    }
}

async fn begin(journal: &Journal, subjects: &[&str], objects: &[&str], second: i64) -> String {
    match journal.begin(&beginning(subjects, objects, second)).await.expect("an answer") {
        Begun::Yes { id } => id,
        Begun::AlreadyOpen { id } => panic!("{id} is open"),
    }
}

async fn open(journal: &Journal) -> Vec<String> {
    ids(journal.open("preemption").await.expect("an answer"))
}

async fn found(journal: &Journal, what: Find) -> Vec<String> {
    ids(journal.find(&what).await.expect("an answer"))
}

fn ids(entries: Vec<Entry>) -> Vec<String> {
    entries.into_iter().map(|entry| entry.id).collect()
}

async fn what_ended_of_late_is_told_and_nothing_else(database: Database) {
    let journal = database.open().await.journal();
    let (old, late, last) = (
        begin(&journal, &["a"], &[], 0).await,
        begin(&journal, &["b"], &["v"], 1).await,
        begin(&journal, &["c"], &[], 2).await,
    );
    begin(&journal, &["d"], &[], 3).await;
    for (id, second) in [(&old, 9), (&late, 10), (&last, 11)] {
        assert!(end(&journal, id, "in-vain", second).await);
    }
    let told = journal.ended_since("preemption", at(10)).await.expect("an answer");
    assert_eq!(told[1].outcome.as_deref(), Some("in-vain"));
    assert_eq!(ids(told), [last, late]);
    assert_eq!(ids(journal.ended_since("window-close", at(0)).await.expect("an answer")), Vec::<String>::new());
}

async fn end(journal: &Journal, id: &str, outcome: &str, second: i64) -> bool {
    journal.end(id, outcome, at(second)).await.expect("an answer")
}

async fn what_was_begun_stands_until_it_ends_whoever_leads(database: Database) {
    let begun = beginning(&["carol"], &["bob-7", "bob-6"], 0);
    let journal = database.open().await.journal();
    let id = begin(&journal, &["carol"], &["bob-7", "bob-6"], 0).await;
    assert!(id.starts_with("20270115-080000-") && id.len() == 21, "{id}");
    drop(journal);

    let journal = database.open().await.journal();
    assert!(journal.open("window-close").await.expect("an answer").is_empty());
    let expected = Entry {
        id: id.clone(),
        daemon: "preemption".to_owned(),
        subjects: begun.subjects.clone(),
        objects: begun.objects.clone(),
        plan: begun.plan.clone(),
        state: Value::Null,
        begun_at: at(0),
        ended_at: None,
        outcome: None,
    };
    assert_eq!(journal.open("preemption").await.expect("an answer"), std::slice::from_ref(&expected));
    let state = json!({"gone": ["uid-bob-7"]});
    assert!(journal.amend(&id, &state).await.expect("an answer"));
    assert_eq!(
        journal.open("preemption").await.expect("an answer"),
        [Entry { state: state.clone(), ..expected.clone() }]
    );
    assert_eq!(journal.begin(&begun).await.expect("an answer"), Begun::AlreadyOpen { id: id.clone() });

    assert!(end(&journal, &id, "it runs", 9).await);
    assert!(!end(&journal, &id, "it gave up", 10).await);
    assert!(!journal.amend(&id, &json!({"gone": []})).await.expect("an answer"));
    assert_eq!(open(&journal).await, [""; 0]);
    let ended = Entry { state, ended_at: Some(at(9)), outcome: Some("it runs".to_owned()), ..expected };
    assert_eq!(journal.find(&Find::Id(id.clone())).await.expect("an answer"), [ended]);
    // The Pod waits again: another entry.
    let again = begin(&journal, &["carol"], &["bob-7"], 20).await;
    assert_eq!(open(&journal).await, [again.as_str()]);
    assert_eq!(ids(journal.recent("preemption", "uid-carol").await.expect("an answer")), [again, id]);
    assert!(journal.recent("preemption", "uid-bob-7").await.expect("an answer").is_empty(), "nothing was done for it");
    assert!(!end(&journal, "no such entry", "it runs", 9).await);
}

async fn for_one_pod_one_of_many_begins(database: Database) {
    let journals = [database.open().await.journal(), database.open().await.journal()];
    for round in 0..8 {
        let mut beginning = JoinSet::new();
        for asked in 0..16 {
            let journal = journals[asked % 2].clone();
            beginning
                .spawn(async move { journal.begin(&super::journal::beginning(&["carol"], &["bob"], round)).await });
        }
        let (mut begun, mut told) = (Vec::new(), Vec::new());
        while let Some(answer) = beginning.join_next().await {
            match answer.expect("no panic").expect("an answer") {
                Begun::Yes { id } => begun.push(id),
                Begun::AlreadyOpen { id } => told.push(id),
            }
        }
        assert_eq!((begun.len(), told.len()), (1, 15), "{begun:?}");
        assert!(told.iter().all(|id| *id == begun[0]), "{told:?}");
        assert_eq!(open(&journals[1]).await, begun);
        assert!(end(&journals[0], &begun[0], "it runs", round).await);
    }
}

async fn a_gang_is_begun_for_as_a_whole(database: Database) {
    let journal = database.open().await.journal();
    let one = begin(&journal, &["g2"], &["bob"], 0).await;
    let gang = beginning(&["g1", "g2", "g3"], &["alice"], 1);
    assert_eq!(journal.begin(&gang).await.expect("an answer"), Begun::AlreadyOpen { id: one.clone() });
    let g1 = begin(&journal, &["g1"], &[], 2).await;
    assert_eq!(open(&journal).await, [one.as_str(), g1.as_str()], "oldest first");
    assert!(end(&journal, &one, "it runs", 3).await && end(&journal, &g1, "it runs", 3).await);
    let all = begin(&journal, &["g1", "g2", "g3"], &["alice"], 4).await;
    let last = journal.begin(&beginning(&["g3"], &[], 5)).await.expect("an answer");
    assert_eq!(last, Begun::AlreadyOpen { id: all });
}

async fn what_was_half_begun_or_half_ended_never_was(database: Database) {
    let mut killed = [0, 0];
    for statements in 0.. {
        let ledger = database.open().await;
        ledger.fuse.arm(statements);
        let said = ledger.journal().begin(&beginning(&["g1", "g2"], &["bob"], statements)).await;
        ledger.fuse.mend();
        drop(ledger);
        // The next process finds it, or begins it: the second of the gang is not left behind as taken.
        let ledger = database.open().await;
        let journal = ledger.journal();
        let before = open(&journal).await;
        let id = match journal.begin(&beginning(&["g2", "g1"], &["bob"], statements)).await.expect("an answer") {
            Begun::Yes { id } => id,
            Begun::AlreadyOpen { id } => {
                assert_eq!(before, [id.as_str()], "after {statements} statements");
                id
            }
        };
        ledger.fuse.arm(statements);
        let ended = journal.end(&id, "it runs", at(statements)).await;
        ledger.fuse.mend();
        drop((ledger, journal));
        let journal = database.open().await.journal();
        if ended.is_err() {
            end(&journal, &id, "it runs", statements).await;
        }
        assert_eq!(open(&journal).await, [""; 0]);
        let all = found(&journal, Find::Uid("uid-bob".to_owned())).await;
        assert_eq!(all.len(), usize::try_from(statements).expect("small") + 1, "one each time");
        killed = [killed[0] + u32::from(said.is_err()), killed[1] + u32::from(ended.is_err())];
        if said.is_ok() && ended.is_ok() {
            break;
        }
    }
    assert!(killed.iter().all(|killed| *killed > 4), "the transactions have more statements than {killed:?}");
}

async fn people_find_it_by_its_id_and_by_each_pod(database: Database) {
    let journal = database.open().await.journal();
    let first = begin(&journal, &["carol"], &["bob", "dave"], 0).await;
    let second = begin(&journal, &["erin"], &["carol"], 1).await;
    let named = |name: &str| Find::Pod { namespace: "llm".to_owned(), name: name.to_owned() };
    assert_eq!(found(&journal, named("carol")).await, [second.as_str(), first.as_str()], "newest first");
    assert_eq!(found(&journal, named("dave")).await, [first.as_str()]);
    assert_eq!(found(&journal, Find::Uid("uid-erin".to_owned())).await, [second.as_str()]);
    assert_eq!(found(&journal, Find::Id(first.clone())).await, [first]);
    let elsewhere = Find::Pod { namespace: "vision".to_owned(), name: "carol".to_owned() };
    assert_eq!(found(&journal, elsewhere).await, [""; 0]);
    assert_eq!(found(&journal, Find::Id("%".to_owned())).await, [""; 0]);
}

async fn what_is_over_for_long_is_forgotten_and_nothing_else(database: Database) {
    let journal = database.open().await.journal();
    let old = begin(&journal, &["a"], &["x"], 0).await;
    let open_for_long = begin(&journal, &["b"], &["x"], 1).await;
    assert!(end(&journal, &old, "it runs", 2).await);
    let of_x = || found(&journal, Find::Uid("uid-x".to_owned()));
    let days = |days: i64| SignedDuration::from_hours(24 * days).as_secs();
    let c = begin(&journal, &["c"], &["x"], days(90)).await;
    assert!(end(&journal, &c, "it runs", days(90)).await);
    assert_eq!(of_x().await, [c.as_str(), open_for_long.as_str(), old.as_str()], "not yet");
    let d = begin(&journal, &["d"], &["x"], days(91)).await;
    assert!(end(&journal, &d, "it runs", days(91)).await);
    assert_eq!(of_x().await, [d.as_str(), c.as_str(), open_for_long.as_str()]);
    let e = begin(&journal, &["e"], &["x"], days(92)).await;
    assert!(journal.end_keeping(&e, "it runs", at(days(92)), 2).await.expect("an answer"));
    assert_eq!(of_x().await, [e.as_str(), d.as_str(), open_for_long.as_str()], "two that are over, and what is not");
    assert_eq!(open(&journal).await, [open_for_long]);
}

async fn one_daemon_does_not_crowd_out_what_another_did(database: Database) {
    let journal = database.open().await.journal();
    let preempted = begin(&journal, &["carol"], &["x"], 0).await;
    assert!(end(&journal, &preempted, "it runs", 1).await);
    let mut closed = Vec::new();
    for second in 2..6 {
        let beginning = Beginning { daemon: "window-close", ..beginning(&["x"], &["x"], second) };
        let Begun::Yes { id } = journal.begin(&beginning).await.expect("an answer") else { panic!("nothing is open") };
        assert!(journal.end_keeping(&id, "evicted", at(second), 2).await.expect("an answer"));
        closed.insert(0, id);
    }
    assert_eq!(
        found(&journal, Find::Uid("uid-x".to_owned())).await,
        [&closed[0], &closed[1], &preempted].map(String::as_str)
    );
}

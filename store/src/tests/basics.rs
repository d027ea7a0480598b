//! Charging, refusing, releasing.

use policy_engine::ledger::{Account, AdmitPod, Amounts, Limits, MOST_OF_A_NAME, Outcome, Request, Resource, Sight};
use policy_engine::policy::ids::ProjectId;
use policy_engine::policy::quota::Quota;

use super::fixture::*;
use crate::{OpenFailed, Store};

on_both!(
    what_is_admitted_is_charged_once_and_released_once,
    all_limits_that_fail_are_reported,
    a_dry_run_writes_nothing,
    what_is_foreseen_soon_after_a_charge_needs_no_statement,
    the_same_name_again_and_again_costs_what_can_be_there_at_once,
    class_exhaustion_a_name_that_is_tried_without_end_is_refused,
    a_resize_raises_at_once_and_lowers_when_it_is_seen,
    a_sum_that_drifted_is_corrected,
    everything_is_there_after_opening_again,
    a_newer_schema_is_refused,
);

async fn what_is_admitted_is_charged_once_and_released_once(database: Database) {
    let ledger = database.open().await;
    for _again in 0..3 {
        assert_reserved(&ledger, pod("p1", "train", vec![inline(2)])).await;
        assert_stands(&ledger, 0, 2, 1).await;
    }
    for _again in 0..2 {
        pod_gone(&ledger, "p1").await;
        assert_stands(&ledger, 0, 0, 0).await;
    }
    assert_eq!(ledger.charges().await.expect("an answer"), []);
    assert_eq!(ledger.uses().await.expect("an answer"), []);
}

async fn all_limits_that_fail_are_reported(database: Database) {
    let ledger = database.open().await;
    assert_reserved(&ledger, pod("p1", "one", vec![inline(2)])).await;
    let asks = pod("p2", "two", vec![inline(3)]);
    let short = [
        (project(), Resource::Gpu, 2000, 3000, 4000),
        (project(), Resource::Devices, 2, 3, 4),
        (user("alice"), Resource::Gpu, 2000, 3000, 3000),
        (user("alice"), Resource::Devices, 2, 3, 3),
    ];
    assert_refused(&ledger, asks, &short).await;
    assert_stands(&ledger, 0, 2, 1).await;
    // What nobody limits is limited by what can be counted.
    let unlimited: Limits = [(Account::Project(ProjectId::new("vast")), Quota::default())].into_iter().collect();
    let amounts = Amounts { memory_bytes: u64::MAX / 2, ..Amounts::NOTHING };
    let vast = |uid: &str| {
        let (uid, name, payers) = (uid.to_owned(), uid.to_owned(), unlimited.clone());
        Request::AdmitPod(AdmitPod { uid, name, amounts, payers, ..AdmitPod::default() })
    };
    assert_reserved(&ledger, vast("v1")).await;
    let most = policy_engine::ledger::LARGEST;
    let account = Account::Project(ProjectId::new("vast"));
    assert_refused(&ledger, vast("v2"), &[(account, Resource::Memory, most, most, most)]).await;
}

async fn what_is_foreseen_soon_after_a_charge_needs_no_statement(database: Database) {
    let ledger = database.open().await;
    let foreseen = |gpu: u64| {
        let Request::AdmitPod(pod) = pod("", "", vec![]) else { unreachable!("a Pod") };
        let amounts = Amounts { milli_gpu: gpu * 1000, devices: gpu, ..Amounts::NOTHING };
        Request::AdmitPod(AdmitPod { amounts, ..pod })
    };
    // A sum is young for a second, which is long unless the machine is very busy.
    for _attempt in 0..20 {
        assert_reserved(&ledger, pod("p1", "train", vec![inline(2)])).await;
        ledger.fuse.arm(0);
        let fits = ledger.would_fit(foreseen(1), soon()).await;
        let refused = ledger.would_fit(foreseen(3), soon()).await;
        ledger.fuse.mend();
        let (Ok(fits), Ok(Outcome::Refused(shortages))) = (fits, refused) else { continue };
        assert_eq!(fits, Outcome::Reserved);
        let first = &shortages[0];
        assert_eq!(
            (first.resource, first.used + first.reserved, first.asked, first.limit),
            (Resource::Gpu, 2000, 3000, 4000)
        );
        // What is no longer charged is not foreseen as charged.
        pod_gone(&ledger, "p1").await;
        return assert_eq!(ledger.would_fit(foreseen(3), soon()).await.expect("an answer"), Outcome::Reserved);
    }
    panic!("every answer needed a statement");
}

async fn a_dry_run_writes_nothing(database: Database) {
    let ledger = database.open().await;
    let fits = ledger.would_fit(pod("p1", "one", vec![inline(3)]), soon()).await.expect("an answer");
    assert_eq!(fits, Outcome::Reserved);
    let refused = ledger.would_fit(pod("p1", "one", vec![inline(4)]), soon()).await.expect("an answer");
    assert!(matches!(&refused, Outcome::Refused(short) if short.len() == 2), "{refused:?}");
    assert_eq!(ledger.charges().await.expect("an answer"), []);
    assert_stands(&ledger, 0, 0, 0).await;
}

async fn class_exhaustion_a_name_that_is_tried_without_end_is_refused(database: Database) {
    let ledger = database.open().await;
    for number in 0..MOST_OF_A_NAME {
        assert_reserved(&ledger, pod(&format!("p{number}"), "same", vec![])).await;
    }
    let crowded = reserve(&ledger, pod("one-more", "same", vec![])).await;
    assert!(matches!(&crowded, Outcome::Crowded(place) if place.names() == ("llm", "same")), "{crowded:?}");
    assert_reserved(&ledger, pod("p0", "same", vec![])).await;
    assert_reserved(&ledger, pod("elsewhere", "other", vec![])).await;
    pod_gone(&ledger, "p1").await;
    assert_reserved(&ledger, pod("one-more", "same", vec![])).await;
    assert_stands(&ledger, 0, 0, 2).await;
}

async fn the_same_name_again_and_again_costs_what_can_be_there_at_once(database: Database) {
    let ledger = database.open().await;
    for uid in ["p1", "p2", "p3", "p4", "p5"] {
        assert_reserved(&ledger, pod(uid, "train", vec![inline(2)])).await;
    }
    assert_stands(&ledger, 0, 2, 1).await;
    assert_reserved(&ledger, pod("p6", "train", vec![inline(3)])).await;
    assert_stands(&ledger, 0, 3, 1).await;
    pod_gone(&ledger, "p6").await;
    assert_stands(&ledger, 0, 2, 1).await;
    for uid in ["p1", "p2", "p3", "p4", "p5"] {
        pod_gone(&ledger, uid).await;
    }
    assert_stands(&ledger, 0, 0, 0).await;
}

async fn a_resize_raises_at_once_and_lowers_when_it_is_seen(database: Database) {
    let ledger = database.open().await;
    let sized = |count| match pod("p1", "train", vec![]) {
        Request::AdmitPod(pod) => Request::AdmitPod(AdmitPod { amounts: cores(count), ..pod }),
        Request::ClaimMade(_) => unreachable!("a Pod"),
    };
    assert_reserved(&ledger, sized(2)).await;
    assert_reserved(&ledger, sized(8)).await;
    assert_stands(&ledger, 0, 0, 8).await;
    assert_refused(
        &ledger,
        sized(9),
        &[(project(), Resource::Cpu, 8000, 1000, 8000), (user("alice"), Resource::Cpu, 8000, 1000, 8000)],
    )
    .await;
    let seen = |at| Sight::Pod { uid: "p1".to_owned(), bound: true, amounts: cores(2), payers: payers("alice"), at };
    observe(&ledger, seen(jiff::Timestamp::now())).await;
    assert_stands(&ledger, 0, 0, 8).await;
    observe(&ledger, seen(later())).await;
    assert_stands(&ledger, 0, 0, 2).await;
}

async fn a_sum_that_drifted_is_corrected(database: Database) {
    let ledger = database.open().await;
    assert_reserved(&ledger, pod("p1", "train", vec![inline(2)])).await;
    assert_eq!(ledger.recount().await.expect("an answer"), []);
    spoil(&database, "UPDATE accounts SET reserved_devices = 7 WHERE account = 'project/llm'").await;
    let drifts = ledger.recount().await.expect("an answer");
    let [drift] = &drifts[..] else { panic!("{drifts:?}") };
    assert_eq!((&drift.account, drift.kept.reserved.devices, drift.counted.reserved.devices), (&project(), 7, 2));
    assert_stands(&ledger, 0, 2, 1).await;
}

async fn everything_is_there_after_opening_again(database: Database) {
    let ledger = database.open().await;
    assert_reserved(&ledger, pod("p1", "train", vec![inline(2), named("c1", "mine", 1)])).await;
    let before = (ledger.charges().await.expect("an answer"), ledger.uses().await.expect("an answer"));
    drop(ledger);
    let ledger = database.open().await;
    assert_eq!((ledger.charges().await.expect("an answer"), ledger.uses().await.expect("an answer")), before);
    assert_stands(&ledger, 0, 3, 1).await;
}

async fn a_newer_schema_is_refused(database: Database) {
    drop(database.open().await);
    spoil(&database, "UPDATE _sqlx_migrations SET version = 99 WHERE version = 2").await;
    let refused = Store::open(&database.url).await.map(|_| ()).expect_err("a newer schema");
    assert!(matches!(refused, OpenFailed::Newer { found: 99, known: 5 }), "{refused}");
    assert!(refused.to_string().contains("written by a newer Sluice"), "{refused}");
}

/// Somebody else writes to the database.
async fn spoil(database: &Database, sql: &'static str) {
    use sqlx::{Connection as _, PgConnection, SqliteConnection};
    if database.url.starts_with("sqlite") {
        let mut connection = SqliteConnection::connect(&database.url).await.expect("a connection");
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("carried out");
    } else {
        let mut connection = PgConnection::connect(&database.url).await.expect("a connection");
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("carried out");
    }
}

#[test]
fn a_url_of_another_kind_is_refused_without_its_password() {
    let refused = |url: &'static str| {
        let mut said = String::new();
        run(Database::sqlite(), async |_| {
            said = Store::open(url).await.map(|_| ()).expect_err("no such database").to_string();
        });
        said
    };
    assert!(refused("mysql://root:secret@host/db").contains("begins with `mysql`; it may begin with sqlite:"));
    let said = refused("postgres://root:secret@host:x/db");
    assert!(said.contains("cannot be read") && !said.contains("secret"), "{said}");
}

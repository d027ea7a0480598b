//! A server that dies, and comes back.

use std::time::{Duration, Instant};

use policy_engine::ledger::Outcome;

use super::fixture::*;
use crate::{OpenFailed, Store, Unavailable};

#[test]
fn a_database_that_dies_is_said_soon_and_used_again_when_it_is_back() {
    run(Database::of(Server::start()), async |database| {
        let ledger = database.open().await;
        assert_reserved(&ledger, pod("p1", "one", vec![inline(1)])).await;
        database.server().postgres.lock().expect("whole").stop().expect("it stops");
        let begin = Instant::now();
        let said = ledger.reserve(pod("p2", "two", vec![inline(1)]), soon()).await;
        assert!(matches!(said, Err(Unavailable::Database(_))), "{said:?}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        let refused = Store::open(&database.url).await.map(|_| ()).expect_err("nobody answers");
        assert!(matches!(refused, OpenFailed::Unreachable(_)), "{refused}");
        database.server().postgres.lock().expect("whole").start_again().expect("it starts");
        assert_eq!(reserve(&ledger, pod("p2", "two", vec![inline(1)])).await, Outcome::Reserved);
        assert_stands(&ledger, 0, 2, 2).await;
    });
}

#[test]
fn who_only_asks_makes_no_file_and_changes_no_schema() {
    run(Database::sqlite(), async |database| {
        let refused = Store::look(&database.url).await.map(|_| ()).expect_err("no file");
        assert!(matches!(refused, OpenFailed::Unreachable(_)), "{refused}");
        assert_reserved(&database.open().await, pod("p1", "one", vec![inline(1)])).await;
        assert_stands(&Store::look(&database.url).await.expect("a ledger").ledger(), 0, 1, 1).await;
    });
}

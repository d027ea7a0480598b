//! Two processes on one database, and more who want something than there is.

use policy_engine::ledger::Outcome;
use tokio::task::JoinSet;

use super::fixture::*;

on_both!(two_processes_never_give_the_last_one_twice);

async fn two_processes_never_give_the_last_one_twice(database: Database) {
    let ledgers = [database.open().await, database.open().await];
    for round in 0..8 {
        let mut asking = JoinSet::new();
        for asked in 0..32 {
            let ledger = ledgers[asked % 2].clone();
            let uid = format!("p{round}-{asked}");
            asking.spawn(async move { (ledger.reserve(pod(&uid, &uid, vec![inline(1)]), soon()).await, uid) });
        }
        let mut reserved = Vec::new();
        while let Some(answer) = asking.join_next().await {
            let (outcome, uid) = answer.expect("no panic");
            if outcome.expect("an answer") == Outcome::Reserved {
                reserved.push(uid);
            }
        }
        // Alice may have three, and gets every one of them.
        assert_eq!(reserved.len(), 3, "{reserved:?}");
        assert_stands(&ledgers[0], 0, 3, 3).await;
        for uid in reserved {
            pod_gone(&ledgers[round % 2], &uid).await;
        }
        assert_stands(&ledgers[1], 0, 0, 0).await;
    }
}

//! A process that ends between two statements, whichever they are.

use super::fixture::*;

on_both!(what_was_half_done_is_done_again_or_was_never_done);

async fn what_was_half_done_is_done_again_or_was_never_done(database: Database) {
    let mut killed = 0;
    for statements in 0.. {
        let ledger = database.open().await;
        ledger.fuse.arm(statements);
        let said = ledger.reserve(pod("p1", "train", vec![inline(2), named("c1", "mine", 1)]), soon()).await;
        ledger.fuse.mend();
        drop(ledger);
        // The next process finds sums that are those of its charges, and the same request is charged once.
        let ledger = database.open().await;
        assert_eq!(ledger.recount().await.expect("an answer"), [], "after {statements} statements");
        assert_reserved(&ledger, pod("p1", "train", vec![inline(2), named("c1", "mine", 1)])).await;
        assert_stands(&ledger, 0, 3, 1).await;
        pod_gone(&ledger, "p1").await;
        claim_gone(&ledger, "c1").await;
        assert_stands(&ledger, 0, 0, 0).await;
        assert_eq!(ledger.charges().await.expect("an answer"), []);
        match said {
            Ok(_) => break,
            Err(_) => killed += 1,
        }
    }
    assert!(killed > 5, "the transaction has more statements than {killed}");
}

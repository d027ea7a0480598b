//! What happens while the ledger's database is away.

use e2e::gpu::inline;
use e2e::manifest::pod;
use e2e::quota::settles;
use e2e::refusal::assert_warned;
use e2e::{ADMIN, alone, create, kubectl, ok, project, running, within};
use ground::{Ground, Postgres};
use serde_json::json;

fn without_ledger(p: &Ground, answer: &str) {
    let patch = json!({"spec": {"withoutLedger": answer}}).to_string();
    ok(kubectl(p, ADMIN, &["patch", "platformpolicy", "default", "--type=merge", "-p", &patch]));
}

#[test]
fn without_its_database_a_pod_is_to_be_tried_again_or_a_debt_that_counts_once_it_is_back() {
    let mut p = alone();
    let directory = tempfile::tempdir().expect("a directory");
    let mut postgres = Postgres::start(directory.path(), false).expect("a database server");
    let url = postgres.create("ledger").expect("a database");
    p.run_sluice_on(url).expect("sluice starts");
    project(&p, "debt", json!({"plan": "gold"}));
    let gpu = |name: &str| pod("debt", name, inline("rtx-6000-pro", "100"));
    ok(create(&p, "alice", gpu("paid")));
    settles(&p, "debt", "1", "0", 1);

    postgres.stop().expect("the database ends");
    let refused = create(&p, "alice", gpu("refused"));
    assert!(!refused.success && refused.stderr.contains("sluice: retry: "), "{}", refused.stderr);
    without_ledger(&p, "Admit");
    within(10, "the policy to be heard", || {
        let admitted = create(&p, "alice", gpu("debt"));
        admitted.success.then(|| assert_warned(&admitted, "quota: the ledger does not answer; admitted as a debt"))
    });
    running(&p, "debt", "app=debt", 1);
    without_ledger(&p, "Retry");

    postgres.start_again().expect("the database comes back");
    settles(&p, "debt", "2", "0", 2);
    ok(kubectl(&p, "alice", &["-n", "debt", "delete", "pod", "paid", "debt"]));
    settles(&p, "debt", "0", "0", 0);
}

//! What takes the place of something at a full quota.

use e2e::gpu::inline;
use e2e::manifest::{pod, with, workload};
use e2e::{create, kubectl, kubectl_with, list, ok, project, running, shared};
use serde_json::json;

/// The plan gives the project two GPUs.
fn all() -> serde_json::Value {
    with(inline("rtx-5090", "100"), json!({"metadata": {"labels": {"platform-go/dra-gpu-count": "2"}}}))
}

#[test]
fn what_has_ended_is_free_at_once() {
    let p = shared();
    project(&p, "replaced", json!({}));
    let whole = pod("replaced", "whole", all());
    ok(create(&p, "alice", whole.clone()));
    for _ in 0..4 {
        running(&p, "replaced", "app=whole", 1);
        // kubectl deletes it, and creates it as soon as it is gone.
        ok(kubectl_with(&p, "alice", &["replace", "--force", "-f", "-"], &whole.to_string()));
    }
    running(&p, "replaced", "app=whole", 1);
    ok(kubectl(&p, "alice", &["-n", "replaced", "delete", "pod/whole"]));
    let recreate = json!({"spec": {"strategy": {"type": "Recreate"}}});
    ok(create(&p, "alice", with(workload("Deployment", "replaced", "whole", all()), recreate)));
    running(&p, "replaced", "app=whole", 1);
    ok(kubectl(&p, "alice", &["-n", "replaced", "rollout", "restart", "deployment/whole"]));
    ok(kubectl(&p, "alice", &["-n", "replaced", "rollout", "status", "deployment/whole", "--timeout=30s"]));
    let refused = list(&p, "replaced", "events", "").into_iter().filter(|it| it["reason"] == "FailedCreate");
    assert_eq!(refused.map(|it| it["message"].clone()).collect::<Vec<_>>(), Vec::<serde_json::Value>::new());
}

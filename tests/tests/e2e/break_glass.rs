//! What holds once an admin has taken the webhooks away: the API server says it by itself.

use e2e::gpu::inline;
use e2e::manifest::{object, pod, with, workload};
use e2e::refusal::assert_refused_by_policy;
use e2e::{ADMIN, alone, create, find, get, kubectl, list, must, ok, patch, running};
use serde_json::{Value, json};

const HERE: &str = "llm-finetune";
const COLLEAGUES: &str = "sluice-colleagues";

fn owned_by(uid: &str) -> Value {
    let gone = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": uid});
    json!({"metadata": {"ownerReferences": [gone]}})
}

#[test]
fn class_colleagues_objects_after_break_glass() {
    let p = alone();
    ok(create(&p, "alice", with(workload("Deployment", HERE, "hers", json!({})), json!({"spec": {"replicas": 1}}))));
    let her_pod = running(&p, HERE, "app=hers", 1).remove(0);
    ok(create(&p, "alice", pod(HERE, "hers-with-gpu", inline("h100", "100"))));
    running(&p, HERE, "app=hers-with-gpu", 1);
    let templates = list(&p, HERE, "resourceclaimtemplates", "app.kubernetes.io/managed-by=sluice");
    ok(create(&p, "alice", object("v1", "Secret", HERE, "hers", json!({"stringData": {"key": "hers"}}))));
    ok(kubectl(&p, ADMIN, &["delete", "mutatingwebhookconfiguration,validatingwebhookconfiguration", "sluice"]));

    let her_pod = format!("pod/{}", her_pod["metadata"]["name"].as_str().expect("a name"));
    let her_set = list(&p, HERE, "replicasets", "app=hers").remove(0);
    let her_set = format!("replicaset/{}", her_set["metadata"]["name"].as_str().expect("a name"));
    let template = templates.first().expect("the platform's template")["metadata"]["name"].as_str().expect("a name");
    let deleted = kubectl(&p, "bob", &["-n", HERE, "delete", "resourceclaimtemplate", template]);
    assert_refused_by_policy(
        &deleted,
        COLLEAGUES,
        "made by sluice, and bob is no Manager here; ask a Manager of the project",
    );
    let says = "made by alice, and bob is no Manager here; ask them, or a Manager of the project";
    for hers in ["deployment/hers", &her_set, &her_pod, "secret/hers"] {
        let deleted = kubectl(&p, "bob", &["-n", HERE, "delete", hers, "--wait=false"]);
        assert_refused_by_policy(&deleted, COLLEAGUES, says);
    }
    // What its owner's end would delete; nobody else's object ends by this.
    let says = "made by alice, and bob asked other metadata.ownerReferences, by which it would be deleted";
    for hers in ["deployment/hers", &her_set, &her_pod] {
        let planted = owned_by("00000000-0000-4000-8000-000000000000");
        assert_refused_by_policy(&patch(&p, "bob", HERE, hers, &planted), COLLEAGUES, says);
    }
    let none = json!({"metadata": {"ownerReferences": null}});
    assert_refused_by_policy(&patch(&p, "bob", HERE, &her_pod, &none), COLLEAGUES, says);
    assert!(get(&p, HERE, "deployment/hers")["metadata"]["ownerReferences"].is_null());

    // Nobody answers questions, and nobody keeps them.
    let question = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "PlatformReview", "metadata": {"name": "kept"}, "spec": {"question": "me"}});
    let says = "a PlatformReview is a question and is never stored; create it with dryRun=All";
    for who in ["bob", ADMIN] {
        assert_refused_by_policy(&create(&p, who, &question), "sluice-reviews", says);
    }
    assert_eq!(find(&p, "", "platformreview/kept"), None);

    // One's own ends as ever, and the platform's word comes back with the chart.
    ok(kubectl(&p, "alice", &["-n", HERE, "delete", "deployment/hers", "secret/hers"]));
    must(p.install_chart(&[]));
    e2e::process::assert_governed(&p, 30);
    ok(create(&p, "bob", pod(HERE, "after-break-glass", json!({}))));
}

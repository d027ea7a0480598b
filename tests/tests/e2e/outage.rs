//! What happens while Sluice is not there.

use e2e::manifest::{pod, with, workload};
use e2e::refusal::assert_denied;
use e2e::{ADMIN, alone, apply, create, eventually, find, kubectl, kubectl_with, ok, running, within};
use serde_json::json;

fn refused_for_want_of_sluice(output: &ground::Output) {
    assert!(!output.success, "{}", output.stdout);
    assert!(output.stderr.contains("failed calling webhook"), "{}", output.stderr);
}

#[test]
fn class_while_away_a_killed_sluice_stops_governed_pods_and_nothing_else_and_governs_again_when_it_is_back() {
    let mut p = alone();
    ok(apply(&p, "bob", pod("detector", "outage-before", json!({}))));
    running(&p, "detector", "app=outage-before", 1);
    ok(create(
        &p,
        "carol",
        with(workload("Deployment", "detector", "outage-hers", json!({})), json!({"spec": {"replicas": 1}})),
    ));
    let hers = running(&p, "detector", "app=outage-hers", 1).remove(0);
    let hers = format!("pod/{}", hers["metadata"]["name"].as_str().expect("a name"));
    p.kill("sluice").expect("sluice runs");

    refused_for_want_of_sluice(&apply(&p, "bob", pod("detector", "outage-governed", json!({}))));
    // A colleague's work stays: the API server knows whose it is.
    for object in [hers.as_str(), "deployment/outage-hers"] {
        let says = "made by carol, and bob is no Manager here; ask them, or a Manager of the project";
        for more in [&[][..], &["--force"], &["--cascade=orphan"]] {
            let deleted = kubectl(&p, "bob", &[&["-n", "detector", "delete", object], more].concat());
            assert!(deleted.stderr.contains(says) || deleted.stderr.contains("runs on "), "{}", deleted.stderr);
            assert!(!deleted.success, "{}", deleted.stdout);
        }
    }
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": &hers[4..], "namespace": "detector"}});
    let path = format!("/api/v1/namespaces/detector/pods/{}/eviction", &hers[4..]);
    refused_for_want_of_sluice(&kubectl_with(&p, "bob", &["create", "--raw", &path, "-f", "-"], &eviction.to_string()));
    // A Manager's and an Admin's word holds, and what one has made oneself one ends.
    ok(kubectl(&p, "carol", &["-n", "detector", "delete", "deployment/outage-hers", "--wait=false"]));
    for elsewhere in ["default", "kube-system"] {
        ok(create(&p, ADMIN, pod(elsewhere, "outage-elsewhere", json!({}))));
        running(&p, elsewhere, "app=outage-elsewhere", 1);
    }
    ok(kubectl(&p, "bob", &["-n", "detector", "delete", "pod/outage-before", "--wait=false"]));
    eventually("the Pod to be gone", || find(&p, "detector", "pod/outage-before").is_none().then_some(()));

    p.run_sluice().expect("sluice starts");
    let root = pod("detector", "outage-after", json!({"spec": {"securityContext": {"runAsUser": 0}}}));
    let refused = within(5, "bob's Pod to be judged again", || {
        let output = apply(&p, "bob", &root);
        output.stderr.contains("sluice: ").then_some(output)
    });
    assert_denied(&refused, &[("root-shell", "group vision-lab")]);
    ok(apply(&p, "bob", pod("detector", "outage-again", json!({}))));
    running(&p, "detector", "app=outage-again", 1);
}

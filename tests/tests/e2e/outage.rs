//! What happens while Sluice is not there.

use e2e::manifest::pod;
use e2e::refusal::assert_denied;
use e2e::{ADMIN, alone, apply, create, eventually, find, kubectl, ok, running, within};
use serde_json::json;

fn refused_for_want_of_sluice(output: &ground::Output) {
    assert!(!output.success, "{}", output.stdout);
    assert!(output.stderr.contains("failed calling webhook"), "{}", output.stderr);
}

#[test]
fn a_killed_sluice_stops_governed_pods_and_nothing_else_and_governs_again_when_it_is_back() {
    let mut p = alone();
    ok(apply(&p, "bob", pod("detector", "outage-before", json!({}))));
    running(&p, "detector", "app=outage-before", 1);
    p.kill("sluice").expect("sluice runs");

    refused_for_want_of_sluice(&apply(&p, "bob", pod("detector", "outage-governed", json!({}))));
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

//! What `kubectl diff` shows of what Sluice wrote in: nothing, as GitOps tools that ask the API server see nothing.

use e2e::gpu::{device_claim, inline};
use e2e::manifest::{IMAGE, object, pod, with, workload};
use e2e::{get, kubectl, kubectl_with, ok, project_with_bob, shared};
use serde_json::{Value, json};

const HERE: &str = "compared";

/// What people apply: everything that Sluice writes in, and what it leaves as it is.
fn manifests() -> Vec<Value> {
    let limited = json!({"spec": {"containers": [
        {"name": "main", "image": IMAGE, "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}});
    let requests =
        json!({"spec": {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]}}});
    vec![
        pod(HERE, "by-name", limited.clone()),
        pod(HERE, "by-labels", inline("h100", "50")),
        with(device_claim(HERE, "mine", json!({})), requests),
        workload("Deployment", HERE, "server", limited),
        object(
            "v1",
            "Service",
            HERE,
            "server",
            json!({"spec": {"selector": {"app": "server"}, "ports": [{"port": 80}]}}),
        ),
    ]
}

#[test]
fn what_was_applied_differs_in_nothing_however_it_is_compared() {
    let p = shared();
    project_with_bob(&p, HERE, json!({"plan": "gold"}));
    let list = json!({"apiVersion": "v1", "kind": "List", "items": manifests()}).to_string();
    let bob = |args: &[&str]| kubectl_with(&p, "bob", &[args, &["-f", "-"]].concat(), &list);
    for server_side in [&[][..], &["--server-side"]] {
        ok(bob(&[&["apply"], server_side].concat()));
        let claimed = get(&p, HERE, "pod/by-name")["spec"].clone();
        ok(bob(&[&["apply"], server_side].concat()));
        let differs = bob(&[&["diff"], server_side].concat());
        assert_eq!((differs.stdout.as_str(), differs.success), ("", true), "{}", differs.stderr);
        let after = &get(&p, HERE, "pod/by-name")["spec"];
        assert_eq!(after["resourceClaims"], claimed["resourceClaims"]);
        assert_eq!(after["containers"], claimed["containers"]);
        ok(bob(&["delete", "--wait=true"]));
    }
    // From one way to the other: where a field was replaced, kubectl asks for --force-conflicts.
    ok(bob(&["apply"]));
    let other = bob(&["diff", "--server-side"]);
    assert!(other.stderr.contains("conflict") && other.stderr.contains("nvidia.com/gpu"), "{}", other.stderr);
    let forced = bob(&["diff", "--server-side", "--force-conflicts"]);
    let spec = forced.stdout.lines().any(|line| line.starts_with("+  ") && line.contains("limits:"));
    assert!(!forced.stderr.contains("conflict") && !spec, "{}{}", forced.stdout, forced.stderr);
    ok(kubectl(&p, "bob", &["-n", HERE, "delete", "pod,deployment,resourceclaim,service", "--all"]));
}

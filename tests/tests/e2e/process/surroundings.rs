//! What is done to webhook configurations and to the API server: it is governed again without a restart of Sluice.

use e2e::manifest::pod;
use e2e::process::assert_governed;
use e2e::refusal::assert_denied;
use e2e::{ADMIN, alone, apply, create, eventually, find, get, http_get, kubectl, label, must, ok, sluice, within};
use ground::Ground;
use serde_json::{Value, json};

const CONFIGURATIONS: [&str; 2] = ["mutatingwebhookconfiguration/sluice", "validatingwebhookconfiguration/sluice"];

/// The CA bundle of every entry.
fn bundles(p: &Ground) -> Vec<Value> {
    let entries = CONFIGURATIONS.map(|configuration| get(p, "", configuration)["webhooks"].clone());
    let entries = entries.iter().flat_map(|entries| entries.as_array().into_iter().flatten());
    entries.map(|entry| entry["clientConfig"]["caBundle"].clone()).collect()
}

fn foreign(name: &str) -> Value {
    pod("detector", name, json!({"spec": {"containers": [{"name": "main", "image": "quay.io/somebody/app"}]}}))
}

#[test]
fn a_ca_bundle_that_is_taken_away_is_put_back() {
    let p = alone();
    let (before, pid) = (bundles(&p), p.pid("sluice"));
    assert!(before.len() >= 5 && before.iter().all(|bundle| bundle.as_str().is_some_and(|it| it.len() > 500)));
    for configuration in CONFIGURATIONS {
        let entries = get(&p, "", configuration)["webhooks"].as_array().map_or(0, Vec::len);
        let remove = |index| json!({"op": "remove", "path": format!("/webhooks/{index}/clientConfig/caBundle")});
        let patch = Value::from_iter((0..entries).map(remove)).to_string();
        ok(kubectl(&p, ADMIN, &["patch", configuration, "--type=json", "-p", &patch]));
    }
    within(15, "every entry to have its bundle again", || (bundles(&p) == before).then_some(()));
    assert_governed(&p, 10);
    assert_eq!(p.pid("sluice"), pid);
}

#[test]
fn break_glass_lets_everything_through_and_helm_upgrade_brings_governance_back() {
    let p = alone();
    let pid = p.pid("sluice");
    ok(kubectl(&p, ADMIN, &[&["delete"], &CONFIGURATIONS[..]].concat()));
    let made = eventually("a foreign image to be let through", || {
        let output = create(&p, "bob", foreign("break-glass"));
        output.success.then_some(output)
    });
    assert!(!made.stderr.contains("sluice"), "{}", made.stderr);
    assert_eq!(label(&get(&p, "detector", "pod/break-glass"), "user-id"), "");
    let privileged =
        json!({"spec": {"containers": [{"name": "main", "image": "x", "securityContext": {"privileged": true}}]}});
    let refused = create(&p, "bob", pod("detector", "break-floor", privileged));
    assert!(refused.stderr.contains(r#"violates PodSecurity "baseline:latest": privileged"#), "{}", refused.stderr);

    must(p.install_chart(&[]));
    assert_governed(&p, 15);
    assert!(bundles(&p).iter().all(|bundle| bundle.as_str().is_some_and(|it| it.len() > 500)));
    assert_eq!(p.pid("sluice"), pid);
    // Nobody is stamped on it, so it is no Member's.
    let refused = kubectl(&p, "bob", &["-n", "detector", "delete", "pod/break-glass", "--wait=false"]);
    assert_denied(&refused, &[("project", "bob is a Member of project detector")]);
    let audit = sluice(&p, &["audit", "detector"], "");
    let said = audit.stdout.lines().skip_while(|line| !line.starts_with("Pod detector/break-glass created "));
    let said: Vec<_> = said.take(2).collect();
    assert!(audit.code == 1 && said.len() == 2, "{}{}", audit.stdout, audit.stderr);
    assert!(said[0].ends_with(", unstamped: nobody judged it"), "{said:?}");
    assert!(said[1].starts_with("  would be refused: image: spec.containers[0].image: asked quay.io/somebody/app"));
    ok(kubectl(&p, ADMIN, &["-n", "detector", "delete", "pod/break-glass", "--wait=false"]));
}

#[test]
fn an_api_server_that_was_killed_is_governed_again_when_it_is_back() {
    let mut p = alone();
    let pid = p.pid("sluice");
    must(p.kill("kube-apiserver"));
    must(p.repair());
    assert_governed(&p, 15);
    let project = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "Project", "metadata": {"name": "after-restart"},
        "spec": {"owner": "mia", "images": ["registry.example.com/**"]}});
    eventually("a record to be written", || apply(&p, ADMIN, &project).success.then_some(()));
    eventually("records to be followed again", || {
        let namespace = find(&p, "", "namespace/after-restart")?;
        (label(&namespace, "project-id") == "after-restart").then_some(())
    });
    assert_eq!((http_get(&p, "/readyz").0, p.pid("sluice")), (200, pid));
    ok(kubectl(&p, ADMIN, &["delete", "project/after-restart", "namespace/after-restart", "--wait=false"]));
}

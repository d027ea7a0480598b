//! Each rule is enforced, warns or is off, for the platform and per project.

use e2e::gpu::{claim_template, device_claim};
use e2e::manifest::{IMAGE, pod};
use e2e::quota::settles;
use e2e::refusal::{assert_denied, assert_refused_by_policy, assert_warned};
use e2e::{
    ADMIN, alone, create, eventually, get, http_get, kubectl, kubectl_with, label, let_in_groups, must, ok, project,
    shared, sluice, with_policy,
};
use ground::Ground;
use serde_json::{Value, json};

fn foreign(namespace: &str, name: &str) -> Value {
    pod(namespace, name, json!({"spec": {"containers": [{"name": "main", "image": "quay.io/somebody/app"}]}}))
}

#[test]
fn a_rule_that_warns_in_a_project_says_what_it_would_refuse_and_the_others_refuse() {
    let p = shared();
    project(&p, "modes-warn", json!({"ruleModes": {"image": "warn"}}));
    let made = create(&p, "alice", foreign("modes-warn", "foreign"));
    assert_warned(&made, "not enforced: image: spec.containers[0].image: asked quay.io/somebody/app:latest");
    ok(made);
    let rooted = json!({"spec": {"securityContext": {"runAsUser": 0}}});
    let refused = create(&p, "alice", pod("modes-warn", "rooted", rooted));
    assert_denied(&refused, &[("root-shell", "project modes-warn does not allow root containers")]);
    assert_denied(&create(&p, "bob", foreign("detector", "foreign")), &[("image", "project detector allows")]);
}

#[test]
fn a_rule_that_is_off_in_a_project_says_and_writes_nothing() {
    let p = shared();
    project(&p, "modes-off", json!({"ruleModes": {"image": "off", "service-account-token": "off"}}));
    let made = create(&p, "alice", foreign("modes-off", "foreign"));
    assert!(!made.stderr.contains("image"), "{}", made.stderr);
    ok(made);
    let spec = &get(&p, "modes-off", "pod/foreign")["spec"];
    assert_eq!(spec["containers"][0]["image"], "quay.io/somebody/app");
    assert!(spec["volumes"].as_array().is_some_and(|volumes| !volumes.is_empty()), "the token stays: {spec}");
    assert_eq!(label(&get(&p, "modes-off", "pod/foreign"), "user-id"), "alice");
}

#[test]
fn a_mode_of_the_platform_holds_in_every_project() {
    let dry = |p: &Ground, object: &Value| {
        kubectl_with(p, "bob", &["create", "--dry-run=server", "-f", "-"], &object.to_string())
    };
    let owl = pod("detector", "modes-owl", json!({"metadata": {"labels": {"platform-go/queue-name": "urgent"}}}));
    let rooted =
        json!({"spec": {"securityContext": {"runAsUser": 0}, "containers": [{"name": "main", "image": IMAGE}]}});
    let rooted = pod("detector", "modes-rooted", rooted);
    with_policy(&[("policy.ruleModes.queue", "warn"), ("policy.ruleModes.root-shell", "off")], |p| {
        let warned = create(p, "bob", &owl);
        assert_warned(&warned, "not enforced: queue: metadata.labels[platform-go/queue-name]: asked queue urgent");
        ok(warned);
        ok(create(p, "bob", &rooted));
        assert_eq!(get(p, "detector", "pod/modes-rooted")["spec"]["securityContext"], json!({"runAsUser": 0}));
    });
    let p = alone();
    assert_denied(&dry(&p, &rooted), &[("root-shell", "group vision-lab")]);
    assert_denied(&dry(&p, &owl), &[("queue", "asked queue urgent")]);
}

/// What runs differs in nothing from what would run without Sluice, and nobody has forgotten what is wrong with it.
#[test]
fn where_everything_only_warns_what_is_made_stays_as_it_is_written_and_is_named_by_the_audit() {
    let p = shared();
    project(&p, "modes-all", json!({"ruleModes": {"*": "warn"}, "plan": "gold"}));
    ok(create(&p, ADMIN, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "modes-none"}})));
    eventually("the service account", || e2e::find(&p, "modes-none", "serviceaccount/default"));
    let container = |more: Value| e2e::manifest::with(json!({"name": "main", "image": IMAGE}), more);
    let (gpu, path) = (json!({"limits": {"nvidia.com/gpu": "1"}}), json!({"path": "/var/log"}));
    let specs = [
        ("root", json!({"containers": [container(json!({"securityContext": {"runAsUser": 0}}))]})),
        ("path", json!({"containers": [container(json!({}))], "volumes": [{"name": "logs", "hostPath": path}]})),
        ("token", json!({"containers": [container(json!({}))], "automountServiceAccountToken": true})),
        ("gpu", json!({"containers": [container(json!({"resources": gpu}))]})),
        ("foreign", json!({"containers": [{"name": "main", "image": "quay.io/somebody/app"}]})),
    ];
    for (name, spec) in &specs {
        for (user, namespace) in [("alice", "modes-all"), (ADMIN, "modes-none")] {
            ok(create(&p, user, pod(namespace, name, json!({"spec": spec}))));
        }
        let running = |namespace: &str| {
            let pod = get(&p, namespace, &format!("pod/{name}"));
            (pod["status"]["phase"] == "Running").then_some(pod)
        };
        let [here, there] =
            ["modes-all", "modes-none"].map(|namespace| eventually("the Pod to run", || running(namespace)));
        assert_eq!(as_written(&here), as_written(&there), "{name}");
    }
    let audit = sluice(&p, &["audit", "modes-all", "-o", "json"], "");
    assert_eq!(audit.code, 1, "{}", audit.stderr);
    let found: Value = serde_json::from_str(&audit.stdout).expect("JSON");
    let said = |name: &str| {
        let is = |it: &&Value| it["kind"] == "Pod" && it["name"] == name;
        let finding = found["findings"].as_array().and_then(|all| all.iter().find(is));
        finding.unwrap_or_else(|| panic!("a finding about {name}: {}", audit.stdout)).to_string()
    };
    for (name, says) in [
        ("root", "root-shell: spec.containers[0].securityContext.runAsUser: asked UID 0"),
        ("path", "privilege: spec.volumes"),
        ("token", "service-account-token: spec.automountServiceAccountToken"),
        ("gpu", "extended-resource: spec.containers[0].resources.limits[nvidia.com/gpu]"),
        ("foreign", "image: spec.containers[0].image: asked quay.io/somebody/app"),
    ] {
        assert!(said(name).contains(says), "{name}: {}", said(name));
    }
    let text = sluice(&p, &["audit", "modes-all"], "").stdout;
    assert!(text.contains("would be refused once enforced: image: "), "{text}");
    assert!(text.contains("would be changed once enforced: "), "{text}");
    assert!(text.contains("once enforced, root-shell would set runAsNonRoot on "), "{text}");
    let (_, page) = http_get(&p, "/metrics");
    let counted = page.lines().find(|line| {
        line.contains("webhook_unenforced_denials_total") && line.contains("image") && line.contains("modes-all")
    });
    assert!(counted.is_some_and(|line| line.ends_with(" 1")), "{counted:?}");
    // The claim that the scheduler made.
    settles(&p, "modes-all", "1", "0", 1);
    ok(kubectl(&p, ADMIN, &["delete", "namespace/modes-none", "--wait=false"]));
}

/// A Pod's spec without what is another in each Namespace: the node, and the name of the volume with the token.
fn as_written(pod: &Value) -> Value {
    let mut spec = pod["spec"].clone();
    spec["nodeName"] = Value::Null;
    let volumes = spec["volumes"].as_array_mut().into_iter().flatten();
    volumes.for_each(|volume| hide(&mut volume["name"]));
    for container in spec["containers"].as_array_mut().into_iter().flatten() {
        let mounts = container["volumeMounts"].as_array_mut().into_iter().flatten();
        mounts.for_each(|mount| hide(&mut mount["name"]));
    }
    spec
}

fn hide(name: &mut Value) {
    if name.as_str().is_some_and(|name| name.starts_with("kube-api-access-")) {
        *name = "kube-api-access".into();
    }
}

/// What the scheduler was refused for a Pod by a rule, as an Event says. The Pod has no node.
fn scheduler_refused(p: &Ground, namespace: &str, pod: &str, rule: &str) -> String {
    let refused = eventually("the scheduler to be refused", || {
        let events = e2e::list(p, namespace, "events", "");
        let said = events.into_iter().filter(|it| it["involvedObject"]["name"] == pod);
        said.filter_map(|it| it["message"].as_str().map(str::to_owned)).find(|it| it.contains(&format!("{rule}: ")))
    });
    assert_eq!(get(p, namespace, &format!("pod/{pod}"))["spec"].get("nodeName"), None);
    refused
}

/// The rule only warns of how the GPU is asked for; how many there may be is another rule's, at the claim that the scheduler makes.
#[test]
fn what_the_scheduler_claims_for_an_extended_resource_is_within_the_quota() {
    let p = shared();
    project(&p, "modes-claimed", json!({"plan": "bronze", "ruleModes": {"extended-resource": "warn"}}));
    let asking = |name: &str, count: &str| {
        let container = json!({"name": "main", "image": IMAGE, "resources": {"limits": {"nvidia.com/gpu": count}}});
        // The only node that has the plan's model.
        let spec = json!({"nodeSelector": {"kubernetes.io/hostname": "gpu-a"}, "containers": [container]});
        pod("modes-claimed", name, json!({"spec": spec}))
    };
    ok(create(&p, "alice", asking("first", "1")));
    settles(&p, "modes-claimed", "1", "0", 1);
    ok(create(&p, "alice", asking("second", "2")));
    let refused = scheduler_refused(&p, "modes-claimed", "second", "quota");
    assert!(refused.contains("asked 2 GPU; project modes-claimed uses 1 GPU"), "{refused}");
    ok(kubectl(&p, "alice", &["-n", "modes-claimed", "delete", "pod", "first"]));
    settles(&p, "modes-claimed", "2", "0", 2);
    ok(kubectl(&p, "alice", &["-n", "modes-claimed", "delete", "pod", "second"]));
}

/// The scheduler knows of no plan, and has chosen before it makes the claim.
#[test]
fn what_the_scheduler_chooses_for_an_extended_resource_is_of_the_plans_models() {
    let p = shared();
    project(&p, "modes-chosen", json!({"plan": "gold", "ruleModes": {"extended-resource": "warn"}}));
    let on = |name: &str, node: &str| {
        let container = json!({"name": "main", "image": IMAGE, "resources": {"limits": {"nvidia.com/gpu": "1"}}});
        let spec = json!({"nodeSelector": {"kubernetes.io/hostname": node}, "containers": [container]});
        pod("modes-chosen", name, json!({"spec": spec}))
    };
    ok(create(&p, "alice", on("other", "gpu-a")));
    let refused = scheduler_refused(&p, "modes-chosen", "other", "gpu-model");
    assert!(refused.contains("a rtx-5090, for an extended resource; plan gold"), "{refused}");
    ok(create(&p, "alice", on("planned", "gpu-b")));
    eventually("the Pod to have a device of the plan's", || {
        get(&p, "modes-chosen", "pod/planned")["spec"]["nodeName"].as_str().map(str::to_owned)
    });
    ok(kubectl(&p, "alice", &["-n", "modes-chosen", "delete", "pod", "other", "planned"]));
}

/// What is freed for somebody who goes on is not taken from where rules only warn.
#[test]
fn class_stolen_device_nobody_tolerates_the_holds_of_others_in_any_mode_or_namespace() {
    let p = shared();
    project(&p, "modes-holds", json!({"ruleModes": {"*": "warn"}}));
    must(p.admin_apply(
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "modes-free"}}).to_string(),
    ));
    let_in_groups(
        &p,
        "modes-free-claims",
        "alice",
        &["resource.k8s.io"],
        &["resourceclaims", "resourceclaimtemplates"],
    );
    let spec = |toleration: &Value| {
        let exactly = json!({"deviceClassName": "gpu.nvidia.com", "tolerations": [toleration]});
        json!({"devices": {"requests": [{"name": "gpu", "exactly": exactly}]}})
    };
    let claim =
        |here: &str, name: &str, toleration: &Value| device_claim(here, name, json!({"spec": spec(toleration)}));
    let (every, hold) = (json!({"operator": "Exists"}), json!({"key": "platform-go/hold", "operator": "Exists"}));
    eventually("alice's right to claims", || {
        let refused = create(&p, "alice", claim("modes-free", "thief", &every));
        (!refused.stderr.contains("cannot create resource")).then_some(())
    });
    let all = (&every, "asked to tolerate every taint of devices");
    for (toleration, says) in [all, (&hold, "asked to tolerate platform-go/hold")] {
        for here in ["modes-holds", "modes-free"] {
            let template = claim_template(here, "thief", json!({"spec": {"spec": spec(toleration)}}));
            for object in [claim(here, "thief", toleration), template] {
                assert_refused_by_policy(&create(&p, "alice", &object), "sluice-holds", says);
            }
        }
    }
    let named = json!({"key": "example.com/slow", "operator": "Exists"});
    for here in ["modes-holds", "modes-free"] {
        ok(create(&p, "alice", claim(here, "slow", &named)));
    }
}

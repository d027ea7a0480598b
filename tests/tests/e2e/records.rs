//! Records: who writes them, what each can know about itself, what is missing, and what became unreadable.

use e2e::manifest::pod;
use e2e::refusal::{assert_denied, assert_refused_by_rbac, assert_warned};
use e2e::{ADMIN, alone, apply, create, eventually, find, get, kubectl, kubectl_with, ok, shared, sluice};
use ground::Ground;
use serde_json::{Value, json};

fn record(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

fn delete(p: &Ground, objects: &[&str]) {
    for object in objects {
        ok(kubectl(p, ADMIN, &["delete", object, "--ignore-not-found"]));
    }
}

/// Waits for a condition of a record; returns its message.
fn condition(p: &Ground, object: &str, kind: &str, status: &str) -> String {
    eventually(&format!("{object} to have the condition {kind}={status}"), || {
        let found = find(p, "", object)?;
        let conditions = found["status"]["conditions"].as_array()?;
        let wanted = conditions.iter().find(|it| it["type"] == kind && it["status"] == status)?;
        let current = wanted["observedGeneration"] == found["metadata"]["generation"];
        current.then(|| wanted["message"].as_str().unwrap_or_default().to_owned())
    })
}

#[test]
fn what_a_record_can_know_about_itself_is_refused_with_its_field() {
    let p = shared();
    let project = |more: Value| e2e::manifest::with(json!({"owner": "mia"}), more);
    ok(create(&p, ADMIN, record("Project", "know-parent", project(json!({})))));
    ok(create(&p, ADMIN, record("Project", "know-child", project(json!({"parent": "know-parent"})))));
    let window = json!([{"days": ["Mon"], "start": "18:00", "end": "08:00"}]);
    let cases = [
        (
            record("ResourcePlan", "know", json!({"timeZone": "Mars/Olympus", "windows": window})),
            "spec.timeZone: given \"Mars/Olympus\"",
        ),
        (record("Project", "know", project(json!({"images": ["a/**", "a//b"]}))), "spec.images[1]: "),
        (record("Project", "know-parent", project(json!({"parent": "know-child"}))), "spec.parent: know-parent → "),
        (record("User", "know", json!({"username": "alice"})), "spec.username: alice is User alice"),
        (
            record("Project", "know", project(json!({"namespaces": ["know", "detector"]}))),
            "spec.namespaces[1]: namespace detector is that of Project detector",
        ),
        (record("Project", "know", project(json!({"namespaces": ["kube-system"]}))), "spec.namespaces[0]: "),
        (
            record("ResourcePlan", "know", json!({"id": "gold"})),
            "spec.id: the id gold is that of ResourcePlan gold; choose another",
        ),
        (
            record(
                "GpuModel",
                "know",
                json!({"deviceClassName": "gpu.nvidia.com", "productNames": ["NVIDIA H100 80GB HBM3"]}),
            ),
            "spec.productNames[0]: \"NVIDIA H100 80GB HBM3\" is GpuModel h100",
        ),
    ];
    for (object, says) in cases {
        assert_denied(&apply(&p, ADMIN, object), &[("record", says)]);
    }
    let several = json!({"owner": "mia", "images": ["a//b"], "namespaces": ["detector"], "id": "llm-eval"});
    let refused = create(&p, ADMIN, record("Project", "know", several));
    for field in ["spec.id", "spec.images[0]", "spec.namespaces[0]"] {
        assert!(refused.stderr.contains(&format!("\nrecord: {field}: ")), "{field}: {}", refused.stderr);
    }
    delete(&p, &["project/know-child", "project/know-parent"]);
}

#[test]
fn a_reference_to_what_is_not_there_warns_and_the_condition_clears_when_it_comes() {
    let p = shared();
    let spec = json!({"owner": "mia", "plan": "dangling-plan", "members": [{"user": "dangling-user"}]});
    let made = create(&p, ADMIN, record("Project", "dangling", spec));
    assert_warned(&made, "spec.plan: ");
    assert_warned(&made, "spec.members[0].user: ");
    ok(made);
    let message = condition(&p, "project/dangling", "ReferencesResolved", "False");
    assert!(message.contains("spec.plan: ") && message.contains("spec.members[0].user: "), "{message}");
    // Only that part is unusable: the owner works there.
    eventually("mia's rights there", || {
        kubectl(&p, "mia", &["-n", "dangling", "auth", "can-i", "create", "pods"]).success.then_some(())
    });
    let refused = create(&p, "mia", pod("dangling", "usable", json!({})));
    assert_denied(&refused, &[("image", "project dangling allows no image")]);

    ok(create(&p, ADMIN, record("ResourcePlan", "dangling-plan", json!({}))));
    ok(create(&p, ADMIN, record("User", "dangling-user", json!({"username": "dangling-user"}))));
    assert_eq!(condition(&p, "project/dangling", "ReferencesResolved", "True"), "");
    ok(kubectl(&p, ADMIN, &["delete", "resourceplan/dangling-plan"]));
    let message = condition(&p, "project/dangling", "ReferencesResolved", "False");
    assert!(message.contains("dangling-plan") && !message.contains("dangling-user"), "{message}");
    delete(&p, &["project/dangling", "user/dangling-user"]);
}

#[test]
fn class_records_only_platform_admins_write_them() {
    let p = shared();
    let plan = record("ResourcePlan", "theirs", json!({}));
    for person in ["mia", "alice"] {
        assert_refused_by_rbac(&create(&p, person, &plan));
    }
    let let_in = ["create", "clusterrolebinding", "theirs", "--clusterrole=sluice-admin", "--user=mia", "--user=ada"];
    ok(kubectl(&p, ADMIN, &let_in));
    eventually("RBAC to let mia in", || {
        kubectl(&p, "mia", &["auth", "can-i", "create", "resourceplans.sluice.dev"]).success.then_some(())
    });
    let says = "mia asked to create ResourcePlan theirs; only platform Admins write records; ask one";
    assert_denied(&create(&p, "mia", &plan), &[("record", says)]);
    let patch = ["patch", "resourceplan/gold", "--type=merge", "-p", r#"{"spec": {"queues": ["night"]}}"#];
    assert_denied(&kubectl(&p, "mia", &patch), &[("record", "mia asked to update ResourcePlan gold")]);
    let refused = kubectl(&p, "mia", &["delete", "resourceplan/gold"]);
    assert_denied(&refused, &[("record", "mia asked to delete ResourcePlan gold")]);
    let status = [&patch[..], &["--subresource=status"]].concat();
    let refused = kubectl(&p, "mia", &status);
    assert!(!refused.success, "{}", refused.stdout);

    ok(create(&p, "ada", &plan));
    ok(kubectl(&p, "ada", &["delete", "resourceplan/theirs"]));
    delete(&p, &["clusterrolebinding/theirs"]);
}

/// What the PlatformPolicy says, once it is about the records as they are: the version of the policy, and the problems.
fn in_force(p: &Ground) -> (String, u64) {
    let args =
        ["dry-run", "-f", "examples/shows/image-digest.yaml", "--as", "carol", "--policy", "cluster", "-o", "json"];
    let said: Value = serde_json::from_str(&ok(sluice(p, &args, ""))).expect("JSON");
    let version = said[0]["policyVersion"].as_str().expect("a version").to_owned();
    eventually("the PlatformPolicy to tell the version in force", || {
        let status = get(p, "", "platformpolicy/default")["status"].clone();
        (status["version"] == version.as_str())
            .then(|| (version.clone(), status["problems"].as_u64().unwrap_or(u64::MAX)))
    })
}

#[test]
fn a_record_that_became_unreadable_takes_nobody_else_down() {
    let p = alone();
    let before = in_force(&p);
    ok(kubectl(&p, ADMIN, &["delete", "validatingwebhookconfiguration", "sluice"]));
    let broken = json!({"timeZone": "Mars/Olympus", "queues": ["batch"], "windows": [{"days": ["Mon"], "start": "18:00", "end": "08:00"}]});
    ok(create(&p, ADMIN, record("ResourcePlan", "restored", broken)));
    ok(create(&p, ADMIN, record("User", "restored", json!({"username": "bob"}))));
    e2e::must(p.install_chart(&[]));

    let message = condition(&p, "resourceplan/restored", "Ready", "False");
    assert!(message.contains("spec.timeZone: given \"Mars/Olympus\""), "{message}");
    let message = condition(&p, "user/restored", "Ready", "False");
    assert!(message.contains("spec.username: bob is User bob"), "{message}");
    let with_them = in_force(&p);
    assert_ne!(with_them.0, before.0);
    assert_eq!(with_them.1, before.1 + 2, "one for each");

    let owl = pod("detector", "restored", json!({"metadata": {"labels": {"platform-go/queue-name": "urgent"}}}));
    let refused = eventually("bob's Pod to be judged again", || {
        let output = create(&p, "bob", &owl);
        output.stderr.contains("sluice: ").then_some(output)
    });
    assert_denied(&refused, &[("queue", "asked queue urgent; plan bronze of project detector")]);
    // The mutating call refused that one; the validating configuration is new, and hears of its CA in its own time.
    let allowed = pod("detector", "restored", json!({})).to_string();
    eventually("what is right to be admitted again", || {
        kubectl_with(&p, "bob", &["create", "--dry-run=server", "-f", "-"], &allowed).success.then_some(())
    });
    let kept =
        apply(&p, ADMIN, record("ResourcePlan", "restored", json!({"timeZone": "Mars/Olympus", "queues": ["night"]})));
    assert_denied(&kept, &[("record", "spec.timeZone: given \"Mars/Olympus\"")]);

    delete(&p, &["resourceplan/restored", "user/restored"]);
    assert_eq!(in_force(&p), before);
}

#[test]
fn kubectl_get_shows_what_each_kind_of_record_is_about() {
    let p = shared();
    let head = |kind: &str, name: &str| {
        let table = ok(kubectl(&p, ADMIN, &["get", kind, name]));
        let head = table.lines().next().unwrap_or_default();
        head.split("  ").map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let project = ["GPU USED", "GPU RESERVED", "GPU LIMIT", "DEVICES HELD", "WINDOW OPEN", "CLOSES AT"];
    let cases: [(&str, &str, &[&str]); 7] = [
        ("sp", "llm-finetune", &project),
        ("srp", "gold", &["OPEN", "NEXT BOUNDARY", "PROJECTS"]),
        ("spq", "night", &["RUNNING", "WAITING", "GPU USED", "DESERVED"]),
        ("sg", "nlp-lab", &["PROJECTS", "MEMBERS"]),
        ("su", "alice", &["PERSONAL PROJECT", "RUNNING PODS"]),
        ("sgm", "h100", &["DEVICES", "ALLOCATED"]),
        ("platformpolicies", "default", &["VERSION", "PROBLEMS"]),
    ];
    for (kind, name, columns) in cases {
        assert_eq!(head(kind, name), [&["NAME"], columns].concat(), "{kind}");
    }
    let limit = &get(&p, "", "project/llm-finetune")["status"]["gpuLimit"];
    assert_eq!(limit, "8");
    assert_eq!(get(&p, "", "user/alice")["status"]["personalProject"], "alice-personal");
    assert_eq!(get(&p, "", "group/nlp-lab")["status"]["members"], 2);
}

#[test]
fn an_unknown_field_is_refused_by_strict_validation() {
    let p = shared();
    let spec = json!({"queues": [], "windowz": []});
    let args = ["apply", "--validate=strict", "-f", "-"];
    let refused = kubectl_with(&p, ADMIN, &args, &record("ResourcePlan", "strict", spec).to_string());
    assert!(!refused.success && refused.stderr.contains("unknown field \"spec.windowz\""), "{}", refused.stderr);
    assert_eq!(find(&p, "", "resourceplan/strict"), None);
}

#[test]
fn applying_the_organisation_again_changes_nothing() {
    let p = shared();
    let kinds = "users,groups,projects,resourceplans,platformqueues,gpumodels";
    let generations = || {
        let text = ok(kubectl(&p, ADMIN, &["get", kinds, "-o=json"]));
        let list: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
        let one = |it: &Value| (it["metadata"]["uid"].clone(), it["metadata"]["generation"].clone());
        list["items"].as_array().expect("items").iter().map(one).collect::<std::collections::HashMap<_, _>>()
    };
    let before = generations();
    let said = ok(kubectl(&p, ADMIN, &["apply", "-f", "examples/org"]));
    assert!(said.lines().count() >= 24 && said.lines().all(|line| line.ends_with(" unchanged")), "{said}");
    let after = generations();
    // Other tests make and delete records of their own.
    let common: Vec<_> = before.iter().filter(|(uid, _)| after.contains_key(uid)).collect();
    assert!(common.len() >= 24 && common.into_iter().all(|(uid, generation)| after[uid] == *generation));
}

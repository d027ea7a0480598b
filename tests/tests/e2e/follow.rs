//! Drift: what the records say is put back within seconds, and what others own is never touched.

use e2e::manifest::pod;
use e2e::refusal::{assert_denied, assert_refused_by_policy, assert_refused_by_rbac};
use e2e::{
    ADMIN, alone, apply, create, eventually, find, get, kubectl, kubectl_with, label, list, ok, shared, with_policy,
    within,
};
use ground::Ground;
use serde_json::{Value, json};

/// Two are promised; the machine that runs the tests is shared.
const REPAIRED: u64 = 5;
const POD_SECURITY: &str = "pod-security.kubernetes.io/enforce";

fn record(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// A project of mia's, who has no other, that is bound to its namespaces.
fn project(p: &Ground, name: &str, more: Value) {
    let spec = e2e::manifest::with(json!({"owner": "mia", "namespaces": [name]}), more);
    ok(apply(p, ADMIN, record("Project", name, spec.clone())));
    for namespace in spec["namespaces"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        bound(p, namespace, name);
        let binding = || find(p, namespace, "rolebinding/sluice-admin");
        within(REPAIRED, "mia's rights", || binding().map(drop));
    }
}

fn bound(p: &Ground, namespace: &str, project: &str) {
    within(REPAIRED, &format!("{namespace} to be bound to {project}"), || {
        let found = find(p, "", &format!("namespace/{namespace}"))?;
        (label(&found, "project-id") == project).then_some(())
    });
}

fn delete(p: &Ground, objects: &[&str]) {
    for object in objects {
        ok(kubectl(p, ADMIN, &["delete", object, "--wait=false", "--ignore-not-found"]));
    }
}

fn subjects(binding: &Value) -> Vec<&str> {
    binding["subjects"].as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect()
}

#[test]
fn labels_of_a_bound_namespace_are_put_back_whoever_took_them() {
    let p = shared();
    project(&p, "drift", json!({}));
    let namespace = || get(&p, "", "namespace/drift");
    assert_eq!(namespace()["metadata"]["labels"][POD_SECURITY], "baseline");
    for (change, key, value) in [
        ("platform-go/project-id-", "platform-go/project-id", "drift"),
        ("platform-go/project-id=detector", "platform-go/project-id", "drift"),
        (&format!("{POD_SECURITY}-")[..], POD_SECURITY, "baseline"),
        (&format!("{POD_SECURITY}=privileged")[..], POD_SECURITY, "baseline"),
    ] {
        ok(kubectl(&p, ADMIN, &["label", "--overwrite", "namespace/drift", change]));
        within(REPAIRED, &format!("{change} to be undone"), || {
            (namespace()["metadata"]["labels"][key] == value).then_some(())
        });
    }
    // A floor is no ceiling.
    ok(kubectl(&p, ADMIN, &["label", "--overwrite", "namespace/drift", &format!("{POD_SECURITY}=restricted")]));
    ok(kubectl(&p, ADMIN, &["label", "namespace/drift", "platform-go/project-id-"]));
    bound(&p, "drift", "drift");
    assert_eq!(namespace()["metadata"]["labels"][POD_SECURITY], "restricted");
    delete(&p, &["project/drift", "namespace/drift"]);
}

#[test]
fn class_namespace_filled() {
    let p = shared();
    let plan = |pods: &str| record("ResourcePlan", "filled", json!({"namespaceQuota": {"count/pods": pods}}));
    let kept = |pods: &str| {
        within(REPAIRED, &format!("{pods} Pods to be allowed"), || {
            let quota = find(&p, "filled", "resourcequota/sluice-plan")?;
            // The API server counts nothing before the quota's controller has.
            let counted = quota["status"]["hard"]["count/pods"] == pods && quota["status"]["used"].is_object();
            (counted && quota["spec"]["hard"] == json!({"count/pods": pods})).then_some(quota)
        })
    };
    ok(apply(&p, ADMIN, plan("2")));
    project(&p, "filled", json!({"plan": "filled", "images": ["registry.example.com/**"]}));
    kept("2");
    // Behind a gate they cost nothing.
    let gated = |name: &str| pod("filled", name, json!({"spec": {"schedulingGates": [{"name": "example.com/later"}]}}));
    for name in ["one", "two"] {
        ok(create(&p, "mia", gated(name)));
    }
    let refused = create(&p, "mia", gated("three"));
    let says = "exceeded quota: sluice-plan, requested: count/pods=1, used: count/pods=2, limited: count/pods=2";
    assert!(refused.stderr.contains(says), "{}", refused.stderr);

    let on = ["-n", "filled"];
    let raise = r#"{"spec": {"hard": {"count/pods": "9", "secrets": "0"}}}"#;
    let patch = [&on[..], &["patch", "resourcequota/sluice-plan", "--type=merge", "-p", raise]].concat();
    let take = [&on[..], &["delete", "resourcequota/sluice-plan", "--wait=false"]].concat();
    for args in [&patch, &take] {
        assert_refused_by_rbac(&kubectl(&p, "mia", args));
        ok(kubectl(&p, ADMIN, args));
        kept("2");
    }
    // Without our mark, and with what it would never limit.
    ok(kubectl(&p, ADMIN, &take));
    let squats = [&on[..], &["create", "quota", "sluice-plan", "--hard=pods=9", "--scopes=BestEffort"]].concat();
    let _raced = kubectl(&p, ADMIN, &squats);
    kept("2");

    ok(apply(&p, ADMIN, plan("3")));
    kept("3");
    ok(create(&p, "mia", gated("three")));
    ok(kubectl(
        &p,
        ADMIN,
        &["patch", "project/filled", "--type=json", "-p", r#"[{"op": "remove", "path": "/spec/plan"}]"#],
    ));
    within(REPAIRED, "no limits without a plan", || {
        find(&p, "filled", "resourcequota/sluice-plan").is_none().then_some(())
    });
    delete(&p, &["project/filled", "namespace/filled", "resourceplan/filled"]);
}

#[test]
fn rolebindings_follow_the_members_and_those_of_others_stay() {
    let p = shared();
    // A binding's role cannot be edited: one that was made for another has to be made anew.
    ok(kubectl(&p, ADMIN, &["create", "namespace", "access"]));
    let squats = ["-n", "access", "create", "rolebinding", "sluice-manager", "--clusterrole=admin", "--user=eve"];
    ok(kubectl(&p, ADMIN, &squats));
    // Somebody rules there already: an admin has looked.
    ok(kubectl(&p, ADMIN, &["annotate", "namespace/access", "platform-go/adopt=access"]));
    project(&p, "access", json!({"members": [{"user": "bob", "role": "Manager"}]}));
    let binding = |name: &str| find(&p, "access", &format!("rolebinding/{name}"));
    let has = |name: &str, people: &[&str]| {
        within(REPAIRED, &format!("{name} to have {people:?}"), || {
            binding(name).filter(|it| subjects(it) == people).map(drop)
        });
    };
    has("sluice-admin", &["mia"]);
    has("sluice-manager", &["bob"]);
    assert_eq!(get(&p, "access", "rolebinding/sluice-manager")["roleRef"]["name"], "sluice-project-manager");
    let own = ["-n", "access", "create", "rolebinding", "own", "--clusterrole=view", "--user=dave"];
    ok(kubectl(&p, ADMIN, &own));
    let untouched = binding("own");

    let eve = r#"[{"op": "add", "path": "/subjects/-", "value": {"kind": "User", "name": "eve", "apiGroup": "rbac.authorization.k8s.io"}}]"#;
    ok(kubectl(&p, ADMIN, &["-n", "access", "patch", "rolebinding/sluice-admin", "--type=json", "-p", eve]));
    has("sluice-admin", &["mia"]);
    ok(kubectl(&p, ADMIN, &["-n", "access", "delete", "rolebinding/sluice-manager"]));
    has("sluice-manager", &["bob"]);
    project(
        &p,
        "access",
        json!({"members": [{"user": "bob", "role": "Manager"}, {"user": "carol"}, {"user": "dave"}]}),
    );
    has("sluice-member", &["carol", "dave"]);
    eventually("dave's rights there", || {
        kubectl(&p, "dave", &["-n", "access", "auth", "can-i", "create", "pods"]).success.then_some(())
    });
    project(&p, "access", json!({"members": [{"user": "carol"}]}));
    has("sluice-member", &["carol"]);
    within(REPAIRED, "the Manager's binding to go", || binding("sluice-manager").is_none().then_some(()));
    assert_eq!(binding("own"), untouched);
    delete(&p, &["project/access", "namespace/access"]);
}

#[test]
fn priority_classes_follow_the_queues_and_those_of_others_stay() {
    let p = shared();
    let foreign = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 3,
        "metadata": {"name": "platform-go-foreign"}});
    ok(create(&p, ADMIN, &foreign));
    let untouched = find(&p, "", "priorityclass/platform-go-foreign");
    ok(create(&p, ADMIN, record("PlatformQueue", "foreign", json!({"priority": 4}))));
    ok(create(&p, ADMIN, record("PlatformQueue", "drifting", json!({"priority": 70}))));
    let class = || find(&p, "", "priorityclass/platform-go-drifting");
    let is = |value: u64| {
        within(REPAIRED, &format!("the class to have the value {value}"), || class().filter(|it| it["value"] == value))
    };
    let first = is(70);
    assert_eq!(first["preemptionPolicy"], "Never");
    ok(kubectl(&p, ADMIN, &["delete", "priorityclass/platform-go-drifting"]));
    assert_ne!(is(70)["metadata"]["uid"], first["metadata"]["uid"]);
    ok(apply(&p, ADMIN, record("PlatformQueue", "drifting", json!({"priority": 71}))));
    is(71);
    delete(&p, &["platformqueue/drifting"]);
    within(REPAIRED, "the class to go with its queue", || class().is_none().then_some(()));

    let why =
        eventually("the foreign class to be named in the queue's status", || not_done(&p, "platformqueue/foreign"));
    assert!(why.contains("platform-go-foreign"), "{why}");
    delete(&p, &["platformqueue/foreign"]);
    ok(apply(&p, ADMIN, record("PlatformQueue", "drifting", json!({"priority": 70}))));
    is(70);
    assert_eq!(find(&p, "", "priorityclass/platform-go-foreign"), untouched);
    delete(&p, &["platformqueue/drifting", "priorityclass/platform-go-foreign"]);
}

/// Why a record is not ready, if it is not for something that the platform leaves alone.
fn not_done(p: &Ground, object: &str) -> Option<String> {
    let found = get(p, "", object);
    let conditions = found["status"]["conditions"].as_array()?;
    let ready = conditions.iter().find(|it| it["type"] == "Ready" && it["reason"] == "NotDone")?;
    ready["message"].as_str().map(str::to_owned)
}

#[test]
fn a_namespace_that_exists_is_taken_over_only_if_it_is_empty_or_handed_over() {
    let p = shared();
    for namespace in ["adopt-empty", "adopt-full", "adopt-ruled", "adopt-foreign"] {
        ok(kubectl(&p, ADMIN, &["create", "namespace", namespace]));
    }
    ok(kubectl(&p, ADMIN, &["label", "namespace/adopt-foreign", "platform-go/project-id=detector"]));
    eventually("a service account there", || find(&p, "adopt-full", "serviceaccount/default"));
    ok(create(&p, ADMIN, pod("adopt-full", "settler", json!({}))));
    // Its maker rules there, and would go on.
    ok(kubectl(
        &p,
        ADMIN,
        &["-n", "adopt-ruled", "create", "rolebinding", "maker", "--clusterrole=admin", "--user=eve"],
    ));
    let labels = |name: &str| get(&p, "", &format!("namespace/{name}"))["metadata"]["labels"].clone();
    let before = labels("adopt-full");

    let listed = json!({"owner": "mia", "namespaces": ["adopt-empty", "adopt-full", "adopt-ruled", "adopt-foreign"]});
    ok(create(&p, ADMIN, record("Project", "adopting", listed)));
    bound(&p, "adopt-empty", "adopting");
    let why = eventually("both to be named in the project's status", || not_done(&p, "project/adopting"));
    for says in [
        "namespace adopt-full is not bound to project adopting: it existed before and holds ",
        "namespace adopt-ruled is not bound to project adopting: it existed before and holds role binding maker; an admin may hand it over",
        "namespace adopt-foreign is not bound to project adopting: its label platform-go/project-id says detector",
    ] {
        assert!(why.contains(says), "{says:?} is not in {why:?}");
    }
    assert_eq!(
        (labels("adopt-full"), &labels("adopt-foreign")["platform-go/project-id"]),
        (before, &json!("detector"))
    );
    assert_eq!(list(&p, "adopt-full", "rolebindings", "app.kubernetes.io/managed-by=sluice"), Vec::<Value>::new());

    ok(kubectl(&p, ADMIN, &["annotate", "namespace/adopt-full", "platform-go/adopt=adopting"]));
    bound(&p, "adopt-full", "adopting");
    assert_eq!(label(&get(&p, "", "namespace/adopt-foreign"), "project-id"), "detector");

    delete(&p, &["project/adopting"]);
    within(REPAIRED, "both to be released", || {
        let free = |name| labels(name).get("platform-go/project-id").is_none();
        (free("adopt-empty") && free("adopt-full")).then_some(())
    });
    assert_eq!(labels("adopt-full").get(POD_SECURITY), None);
    assert!(find(&p, "adopt-full", "pod/settler").is_some(), "what is in it stays");
    within(REPAIRED, "mia's rights to go", || {
        find(&p, "adopt-full", "rolebinding/sluice-admin").is_none().then_some(())
    });
    assert_eq!(get(&p, "", "namespace/adopt-full")["status"]["phase"], "Active");
    delete(&p, &["namespace/adopt-empty", "namespace/adopt-full", "namespace/adopt-foreign"]);
}

#[test]
fn nobody_but_a_platform_admin_binds_a_namespace() {
    let p = shared();
    ok(kubectl(&p, ADMIN, &["create", "namespace", "unbound-yet"]));
    let verbs = "--verb=get,create,update,patch";
    ok(kubectl(&p, ADMIN, &["create", "clusterrole", "namespace-editor", verbs, "--resource=namespaces"]));
    let args = ["create", "clusterrolebinding", "namespace-editor", "--clusterrole=namespace-editor", "--user=carol"];
    ok(kubectl(&p, ADMIN, &args));
    eventually("RBAC to let carol in", || {
        kubectl(&p, "carol", &["auth", "can-i", "update", "namespaces"]).success.then_some(())
    });
    let by_carol = |args: &[&str]| kubectl(&p, "carol", args);
    let says = |text: &'static str| [("platform-labels", text)];
    let bind = by_carol(&["label", "namespace/unbound-yet", "platform-go/project-id=detector"]);
    assert_denied(&bind, &says("carol asked to bind the namespace to project detector; only a platform Admin does"));
    // That one belongs to a project the API server sees by itself.
    let belongs = "metadata.labels[platform-go/project-id]: namespace detector belongs to project detector; only platform Admins and Sluice change this label";
    let unbind = by_carol(&["label", "namespace/detector", "platform-go/project-id-"]);
    assert_refused_by_policy(&unbind, "sluice-namespaces", belongs);
    let mut bare = get(&p, "", "namespace/detector");
    bare["metadata"]["labels"] = json!({"kubernetes.io/metadata.name": "detector"});
    let replaced = kubectl_with(&p, "carol", &["replace", "-f", "-"], &bare.to_string());
    assert_refused_by_policy(&replaced, "sluice-namespaces", "only platform Admins and Sluice change this label");
    let adopt = by_carol(&["annotate", "namespace/unbound-yet", "platform-go/adopt=detector"]);
    assert_denied(&adopt, &says("carol asked to let a project take over the namespace"));
    let made = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "born-bound", "labels": {"platform-go/project-id": "detector"}}});
    assert_denied(&create(&p, "carol", made), &says("carol asked to bind the namespace to project detector"));
    ok(by_carol(&["label", "namespace/unbound-yet", "team=vision"]));
    delete(&p, &["clusterrolebinding/namespace-editor", "clusterrole/namespace-editor", "namespace/unbound-yet"]);
}

#[test]
fn where_host_paths_are_listed_the_floor_is_taken_away_and_comes_back() {
    let floor = |p: &Ground| get(p, "", "namespace/detector")["metadata"]["labels"].get(POD_SECURITY).cloned();
    with_policy(&[("policy.hostPaths[0]", "/data/shared")], |p| {
        within(REPAIRED, "the floor to be taken away", || floor(p).is_none().then_some(()));
        let mounts = json!({"spec": {"volumes": [{"name": "data", "hostPath": {"path": "/data/shared/sets"}}]}});
        ok(kubectl_with(
            p,
            "bob",
            &["create", "--dry-run=server", "-f", "-"],
            &pod("detector", "mounts", mounts).to_string(),
        ));
    });
    let p = alone();
    let level = within(REPAIRED, "the floor to come back", || floor(&p));
    assert_eq!(level, "baseline");
}

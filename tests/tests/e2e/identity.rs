//! For whom an object is: people, controllers, dashboards, operators, and what was there before the platform.

use e2e::manifest::{pod, with, workload};
use e2e::refusal::{assert_denials, assert_denied, assert_warned};
use e2e::{
    ADMIN, apply, create, eventually, find, get, kubectl, label, list, must, ok, project, running, shared, with_policy,
};
use ground::Ground;
use serde_json::{Value, json};

#[test]
fn pods_of_every_built_in_kind_belong_to_whoever_made_the_workload() {
    let p = shared();
    let kinds = ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"];
    for kind in kinds {
        let name = format!("chain-{}", kind.to_lowercase());
        ok(create(&p, "bob", workload(kind, "llm-finetune", &name, json!({}))));
    }
    for kind in kinds {
        let name = format!("chain-{}", kind.to_lowercase());
        let pods = eventually(&format!("Pods of {name}"), || {
            Some(list(&p, "llm-finetune", "pods", &format!("app={name}"))).filter(|pods| !pods.is_empty())
        });
        for pod in pods {
            assert_eq!((label(&pod, "user-id"), label(&pod, "queue-name")), ("bob", "default"), "{kind}");
        }
    }
    let sets = list(&p, "llm-finetune", "replicasets", "app=chain-deployment");
    assert_eq!(label(&sets[0], "user-id"), "bob", "each link of a chain is stamped");
}

#[test]
fn a_cron_jobs_jobs_belong_to_its_maker_and_a_job_made_from_it_by_hand_to_the_hand() {
    let p = shared();
    let minutely = json!({"spec": {"schedule": "* * * * *"}});
    ok(create(&p, "bob", with(workload("CronJob", "llm-finetune", "chain-cron", json!({})), minutely)));
    ok(kubectl(&p, "alice", &["-n", "llm-finetune", "create", "job", "chain-by-hand", "--from=cronjob/chain-cron"]));
    assert_eq!(label(&get(&p, "llm-finetune", "job/chain-by-hand"), "user-id"), "alice");
    let pod = eventually("the Pod of alice's Job", || {
        list(&p, "llm-finetune", "pods", "batch.kubernetes.io/job-name=chain-by-hand").pop()
    });
    assert_eq!(label(&pod, "user-id"), "alice");
    let of_cron = |object: &Value| object["metadata"]["ownerReferences"][0]["name"] == "chain-cron";
    let job = e2e::within(90, "the controller's own Job", || {
        list(&p, "llm-finetune", "jobs", "app=chain-cron")
            .into_iter()
            .find(|job| of_cron(job) && job["metadata"]["name"] != "chain-by-hand")
    });
    assert_eq!(label(&job, "user-id"), "bob");
    let name = job["metadata"]["name"].as_str().expect("a name").to_owned();
    let pod = eventually("its Pod", || {
        list(&p, "llm-finetune", "pods", &format!("batch.kubernetes.io/job-name={name}")).pop()
    });
    assert_eq!(label(&pod, "user-id"), "bob");
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "cronjob/chain-cron"]));
}

const OPERATOR: &str = "system:serviceaccount:gangs:operator";
const DASHBOARD: &str = "system:serviceaccount:dashboard:web";

/// A made-up kind with two places for pod templates, and an operator who may make Pods.
fn gangs(p: &Ground) {
    let crd = |plural: &str, kind: &str| {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.example.com")},
            "spec": {"group": "example.com", "scope": "Namespaced",
                "names": {"plural": plural, "kind": kind, "singular": kind.to_lowercase()},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                    {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
    };
    for (plural, kind) in [("gangs", "Gang"), ("mobs", "Mob")] {
        must(p.admin_apply(&crd(plural, kind).to_string()));
        must(p.admin(&["wait", "--for=condition=Established", "--timeout=30s", &format!("crd/{plural}.example.com")]));
    }
    for namespace in ["gangs", "dashboard"] {
        must(p.admin_apply(
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}).to_string(),
        ));
    }
    let roles = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "gangs"},
        "rules": [{"apiGroups": ["", "apps"], "resources": ["pods", "deployments"], "verbs": ["*"]},
            {"apiGroups": ["example.com"], "resources": ["*"], "verbs": ["*"]}]});
    must(p.admin_apply(&roles.to_string()));
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "gangs"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "gangs"},
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": "gangs"},
            {"kind": "ServiceAccount", "name": "stranger", "namespace": "gangs"},
            {"kind": "ServiceAccount", "name": "web", "namespace": "dashboard"}, {"kind": "User", "name": "bob"}]});
    must(p.admin_apply(&binding.to_string()));
}

fn gang(kind: &str, name: &str, image: &str) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": kind, "metadata": {"name": name, "namespace": "llm-finetune"},
        "spec": {"members": [{"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}]}})
}

/// What an operator makes for an object: a Pod with it as controller owner.
fn pod_of(owner: &Value, name: &str) -> Value {
    let reference = json!([{"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true}]);
    pod(
        "llm-finetune",
        name,
        json!({"metadata": {"ownerReferences": reference, "labels": {"platform-go/user-id": "ada"}}}),
    )
}

#[test]
fn operators_and_dashboards_act_for_those_whom_the_platform_can_believe() {
    let kind = "policy.workloadKinds[0]";
    let values = [
        (format!("{kind}.group"), "example.com"),
        (format!("{kind}.version"), "v1"),
        (format!("{kind}.resource"), "gangs"),
        (format!("{kind}.podTemplates[0]"), "/spec/members/*/template"),
        ("policy.trustedControllers[0]".to_owned(), OPERATOR),
        ("policy.trustedClients[0]".to_owned(), DASHBOARD),
    ];
    let values: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    with_policy(&values, |p| {
        gangs(p);
        a_listed_kind_is_stamped_and_its_templates_are_judged(p);
        an_unlisted_kind_is_refused_with_the_line_to_add(p);
        an_operator_whom_nobody_listed_is_refused_with_advice(p);
        a_dashboard_is_believed_for_members_only(p);
    });
}

fn a_listed_kind_is_stamped_and_its_templates_are_judged(p: &Ground) {
    let good = gang("Gang", "jets", "registry.example.com/app:1");
    // The webhook's configuration and the policy take effect a moment after they were written.
    eventually("objects of the listed kind to be stamped", || {
        let output = kubectl_as(p, &["create", "--dry-run=server", "-o=json", "-f", "-"], &good);
        let dry: Value = serde_json::from_str(&output.stdout).ok()?;
        (label(&dry, "user-id") == "bob").then_some(())
    });
    ok(create(p, "bob", &good));
    let jets = get(p, "llm-finetune", "gang/jets");
    assert_eq!(label(&jets, "user-id"), "bob");
    let refused = create(p, "bob", gang("Gang", "foreign", "quay.io/somebody/app"));
    assert_denied(
        &refused,
        &[("image", "spec.members[0].template.spec.containers[0].image: asked quay.io/somebody/app")],
    );
    let made = create(p, OPERATOR, pod_of(&jets, "jets-0"));
    assert_warned(&made, r#"asked "ada", set to "bob""#);
    assert_eq!(label(&get(p, "llm-finetune", "pod/jets-0"), "user-id"), "bob");
    let refused = create(p, OPERATOR, pod("llm-finetune", "jets-nobody", json!({})));
    assert_denied(&refused, &[("project", "have the operator set a controller reference")]);
    let gone = with(jets, json!({"metadata": {"uid": "4f2c8a8e-0000-4000-8000-000000000000"}}));
    let refused = create(p, OPERATOR, pod_of(&gone, "jets-gone"));
    assert_denied(&refused, &[("project", "Gang jets, does not exist any more")]);
}

fn kubectl_as(p: &Ground, args: &[&str], object: &Value) -> ground::Output {
    e2e::kubectl_with(p, "bob", args, &object.to_string())
}

fn an_unlisted_kind_is_refused_with_the_line_to_add(p: &Ground) {
    ok(create(p, "bob", gang("Mob", "unlisted", "registry.example.com/app:1")));
    let mob = get(p, "llm-finetune", "mob/unlisted");
    let line = r#"PlatformPolicy.spec.workloadKinds: {group: "example.com", version: "v1", resource: "mobs""#;
    assert_denied(&create(p, OPERATOR, pod_of(&mob, "mob-0")), &[("project", line)]);
}

fn an_operator_whom_nobody_listed_is_refused_with_advice(p: &Ground) {
    let jets = get(p, "llm-finetune", "gang/jets");
    let refused = create(p, "system:serviceaccount:gangs:stranger", pod_of(&jets, "jets-1"));
    assert_denied(&refused, &[("project", "to list it under PlatformPolicy.spec.trustedControllers")]);
}

fn a_dashboard_is_believed_for_members_only(p: &Ground) {
    let for_user =
        |name: &str, id: &str| pod("llm-finetune", name, json!({"metadata": {"labels": {"platform-go/user-id": id}}}));
    ok(create(p, DASHBOARD, for_user("by-dashboard", "bob")));
    assert_eq!(label(&get(p, "llm-finetune", "pod/by-dashboard"), "user-id"), "bob");
    let refused = create(p, DASHBOARD, for_user("for-carol", "carol"));
    assert_denied(&refused, &[("project", "carol is no member of project llm-finetune")]);
    let refused = create(p, DASHBOARD, for_user("for-nobody", "zoe"));
    assert_denied(&refused, &[("project", r#"for user "zoe", who does not exist"#)]);
    let refused = create(p, DASHBOARD, pod("llm-finetune", "unasserted", json!({})));
    assert_denied(&refused, &[("project", "set the label platform-go/user-id")]);
    let deployment = with(
        workload("Deployment", "llm-finetune", "by-dashboard", json!({})),
        json!({"metadata": {"labels": {"platform-go/user-id": "alice"}}}),
    );
    ok(create(p, DASHBOARD, deployment));
    assert_eq!(label(&running(p, "llm-finetune", "app=by-dashboard,pod-template-hash", 1)[0], "user-id"), "alice");
}

/// A project with a namespace that had a Deployment before, taken over because an admin says so.
fn adopted(p: &Ground, name: &str) {
    ok(create(
        p,
        ADMIN,
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name,
        "annotations": {"platform-go/adopt": name}}}),
    ));
    ok(create(p, ADMIN, workload("Deployment", name, "old", json!({}))));
    running(p, name, "app=old", 1);
    project(p, name, json!({}));
}

#[test]
fn workloads_from_before_the_platform_are_the_projects_with_a_warning() {
    let p = shared();
    adopted(&p, "adopted");
    ok(kubectl(&p, ADMIN, &["-n", "adopted", "scale", "deployment/old", "--replicas=2"]));
    let pods = running(&p, "adopted", "app=old", 2);
    let stamped: Vec<_> = pods.iter().filter(|pod| label(pod, "project-id") == "adopted").collect();
    assert_eq!(stamped.len(), 1, "the Pod from before is left as it was");
    assert_eq!((label(stamped[0], "user-id"), label(stamped[0], "plan-id")), ("", "bronze"));
    let claimed = kubectl(&p, "alice", &["-n", "adopted", "label", "deployment/old", "platform-go/user-id=alice"]);
    assert_warned(&claimed, r#"asked "alice", removed"#);
}

#[test]
fn workloads_from_before_the_platform_are_refused_where_the_admin_says_so() {
    with_policy(&[("policy.unstamped", "Refuse")], |p| {
        adopted(p, "adopted-refused");
        let refused = || {
            let set = list(p, "adopted-refused", "replicasets", "app=old").pop()?;
            let conditions = set["status"]["conditions"].as_array()?.clone();
            let failure = conditions.into_iter().find(|it| it["type"] == "ReplicaFailure")?;
            failure["message"].as_str().filter(|text| text.contains("sluice:")).map(str::to_owned)
        };
        ok(kubectl(p, ADMIN, &["-n", "adopted-refused", "scale", "deployment/old", "--replicas=2"]));
        let message = eventually("the ReplicaSet to say why it makes no Pod", refused);
        assert_denials(&message, &[("project", "delete it and create it anew")]);
    });
}

#[test]
fn an_admin_without_a_user_record_makes_work_of_the_project_alone() {
    let p = shared();
    let made = apply(&p, ADMIN, pod("llm-finetune", "break-glass", json!({})));
    assert_warned(&made, "has no User record; charged to project llm-finetune alone");
    let object = find(&p, "llm-finetune", "pod/break-glass").expect("it was made");
    assert_eq!((label(&object, "user-id"), label(&object, "plan-id")), ("", "gold"));
}

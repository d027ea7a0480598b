//! What a Member and a Manager may do to a colleague's work, by whatever verb.

use e2e::manifest::{pod, with, workload};
use e2e::refusal::{assert_denied, assert_refused_by_policy};
use e2e::{apply, create, eventually, find, get, kubectl, kubectl_with, label, list, ok, running, shared};
use ground::Ground;
use serde_json::json;

const NAMESPACE: &str = "detector";
const NOT_HIS: &str =
    "is carol's, and bob is a Member of project detector, who changes only their own; ask carol (Manager)";

fn evict(p: &Ground, user: &str, name: &str) -> ground::Output {
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": NAMESPACE}});
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{name}/eviction");
    kubectl_with(p, user, &["create", "--raw", &path, "-f", "-"], &eviction.to_string())
}

fn on(object: &str, rest: &[&str]) -> Vec<String> {
    ["-n", NAMESPACE].into_iter().chain([rest[0], object]).chain(rest[1..].iter().copied()).map(str::to_owned).collect()
}

fn run(p: &Ground, user: &str, args: &[String]) -> ground::Output {
    kubectl(p, user, &args.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_member_touches_no_colleagues_work_by_any_verb() {
    let p = shared();
    ok(create(&p, "carol", pod(NAMESPACE, "carols-pod", json!({"metadata": {"labels": {"of": "carol"}}}))));
    ok(create(&p, "carol", workload("Deployment", NAMESPACE, "carols", json!({}))));
    running(&p, NAMESPACE, "app=carols-pod", 1);
    running(&p, NAMESPACE, "app=carols", 1);
    let resize = r#"{"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "2"}}}]}}"#;
    let attempts = [
        on("pod/carols-pod", &["label", "x=y"]),
        on("pod/carols-pod", &["patch", "--subresource=resize", "-p", resize]),
        on("deployment/carols", &["scale", "--replicas=0"]),
        on("deployment/carols", &["patch", "-p", r#"{"spec": {"replicas": 0}}"#]),
    ];
    for attempt in &attempts {
        assert_denied(&run(&p, "bob", attempt), &[("project", NOT_HIS)]);
    }
    // Deletions the API server refuses before it asks Sluice.
    let deletions = [
        on("pod/carols-pod", &["delete", "--wait=false"]),
        on("deployment/carols", &["delete", "--wait=false"]),
        on("pods", &["delete", "-l", "of=carol", "--wait=false"]),
    ];
    let says = "made by carol, and bob is no Manager here";
    for deletion in &deletions {
        assert_refused_by_policy(&run(&p, "bob", deletion), "sluice-colleagues", says);
    }
    let raw = format!("/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=of%3Dcarol");
    assert_refused_by_policy(&kubectl(&p, "bob", &["delete", "--raw", &raw]), "sluice-colleagues", says);
    assert_denied(&evict(&p, "bob", "carols-pod"), &[("project", NOT_HIS)]);
    let debug = on("carols-pod", &["debug", "--image=registry.example.com/tools:1", "--profile=baseline"]);
    assert_denied(&run(&p, "bob", &debug), &[("project", NOT_HIS)]);
    let pod = get(&p, NAMESPACE, "pod/carols-pod");
    assert!(pod["metadata"]["deletionTimestamp"].is_null() && pod["metadata"]["labels"].get("x").is_none());
}

#[test]
fn a_manager_changes_everybodys_work_and_it_stays_its_owners() {
    let p = shared();
    let manifest = workload("Deployment", NAMESPACE, "bobs", json!({}));
    ok(apply(&p, "bob", &manifest));
    running(&p, NAMESPACE, "app=bobs", 1);
    ok(run(&p, "carol", &on("deployment/bobs", &["scale", "--replicas=2"])));
    let pods = running(&p, NAMESPACE, "app=bobs", 2);
    let edited = with(
        manifest,
        json!({"spec": {"replicas": 2, "template": {"metadata": {"labels": {"platform-go/queue-name": "batch"}}}}}),
    );
    ok(apply(&p, "carol", edited));
    eventually("the edited Pods", || {
        let pods = list(&p, NAMESPACE, "pods", "app=bobs");
        (pods.len() == 2 && pods.iter().all(|pod| label(pod, "queue-name") == "batch")).then_some(())
    });
    let pods_now = running(&p, NAMESPACE, "app=bobs", 2);
    assert!(pods.iter().chain(&pods_now).all(|pod| label(pod, "user-id") == "bob"));
    assert_eq!(label(&get(&p, NAMESPACE, "deployment/bobs"), "user-id"), "bob");

    let name = pods_now[0]["metadata"]["name"].as_str().expect("a name");
    ok(evict(&p, "carol", name));
    running(&p, NAMESPACE, "app=bobs", 2);
    ok(create(&p, "bob", pod(NAMESPACE, "bobs-pod", json!({}))));
    running(&p, NAMESPACE, "app=bobs-pod", 1);
    let resize = r#"{"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "100m"}}}]}}"#;
    let resized = run(&p, "carol", &on("pod/bobs-pod", &["patch", "--subresource=resize", "-p", resize]));
    assert!(!resized.stderr.contains("sluice:"), "{}", resized.stderr);
    ok(run(&p, "carol", &on("pods", &["delete", "-l", "app=bobs-pod", "--wait=false"])));
    ok(run(&p, "carol", &on("deployment/bobs", &["delete", "--wait=false"])));
}

#[test]
fn people_delete_their_own_and_the_garbage_collector_does_the_rest() {
    let p = shared();
    ok(create(&p, "bob", workload("Deployment", NAMESPACE, "cascade", json!({}))));
    running(&p, NAMESPACE, "app=cascade", 1);
    ok(run(&p, "bob", &on("deployment/cascade", &["delete", "--cascade=foreground", "--wait=false"])));
    eventually("everything to be gone", || {
        let left = list(&p, NAMESPACE, "deployments,replicasets,pods", "app=cascade").len();
        (left == 0 && find(&p, NAMESPACE, "deployment/cascade").is_none()).then_some(())
    });
    assert!(list(&p, NAMESPACE, "pods", "app=cascade").is_empty());
}

#[test]
fn a_finalizer_is_taken_off_an_object_that_is_being_deleted_by_whoever_made_it() {
    let p = shared();
    let held = pod(NAMESPACE, "held", json!({"metadata": {"finalizers": ["example.com/hold"]}}));
    ok(create(&p, "carol", held));
    running(&p, NAMESPACE, "app=held", 1);
    ok(run(&p, "carol", &on("pod/held", &["delete", "--wait=false"])));
    let pod = get(&p, NAMESPACE, "pod/held");
    assert!(!pod["metadata"]["deletionTimestamp"].is_null());
    // It says what is still to be done before her work may go.
    let patch = on("pod/held", &["patch", "--type=merge", "-p", r#"{"metadata": {"finalizers": null}}"#]);
    let says = "bob asked to take off example.com/hold of what carol made";
    assert_refused_by_policy(&run(&p, "bob", &patch), "sluice-finalizers", says);
    ok(run(&p, "carol", &patch));
    eventually("the Pod to be gone", || find(&p, NAMESPACE, "pod/held").is_none().then_some(()));
}

#[test]
fn what_a_deletion_asks_in_a_dry_run_is_judged_and_does_nothing() {
    let p = shared();
    ok(create(&p, "carol", pod(NAMESPACE, "dry", json!({}))));
    running(&p, NAMESPACE, "app=dry", 1);
    let delete = on("pod/dry", &["delete", "--dry-run=server"]);
    assert_refused_by_policy(&run(&p, "bob", &delete), "sluice-colleagues", "made by carol");
    ok(run(&p, "carol", &delete));
    assert!(get(&p, NAMESPACE, "pod/dry")["metadata"]["deletionTimestamp"].is_null());
}

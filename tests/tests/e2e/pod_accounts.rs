//! What runs in a Pod and asks the API server itself, by the token of the Pod's service account.

use std::path::{Path, PathBuf};

use e2e::manifest::{IMAGE, object, pod, with};
use e2e::quota::settles;
use e2e::refusal::{assert_denied, assert_refused_by_policy};
use e2e::{
    ADMIN, create, eventually, find, get, kubectl, kubectl_with, label, let_in, must, ok, project, project_with_bob,
    shared,
};
use ground::{Ground, Output, Who};
use serde_json::{Value, json};

const ACCOUNT: &str = "spark";

/// The account `spark` of a namespace, which may do what Spark's driver does.
fn account(p: &Ground, namespace: &str) {
    let rules =
        json!([{"apiGroups": [""], "resources": ["pods", "pods/eviction", "services", "configmaps"], "verbs": ["*"]}]);
    let rbac = "rbac.authorization.k8s.io/v1";
    must(p.admin_apply(&object("v1", "ServiceAccount", namespace, ACCOUNT, json!({})).to_string()));
    must(p.admin_apply(&object(rbac, "Role", namespace, ACCOUNT, json!({"rules": rules})).to_string()));
    let binding = json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}]});
    must(p.admin_apply(&object(rbac, "RoleBinding", namespace, ACCOUNT, binding).to_string()));
}

/// A Pod of this user's with the account. Its nodes are simulated: no kubelet mounts a token.
fn driver(p: &Ground, user: &str, namespace: &str, name: &str) -> Value {
    ok(create(p, user, pod(namespace, name, json!({"spec": {"serviceAccountName": ACCOUNT}}))));
    get(p, namespace, &format!("pod/{name}"))
}

/// A kubeconfig of whoever has a token of the account: of this Pod's, as its kubelet asks for it, or of none.
fn token(p: &Ground, namespace: &str, bound_to: Option<&Value>) -> PathBuf {
    let mut args = vec!["-n", namespace, "create", "token", ACCOUNT];
    let mut name = format!("{namespace}-unbound");
    if let Some(pod) = bound_to {
        let text = |key: &str| pod["metadata"][key].as_str().expect("a stored Pod");
        args.extend([
            "--bound-object-kind=Pod",
            "--bound-object-name",
            text("name"),
            "--bound-object-uid",
            text("uid"),
        ]);
        name = format!("{namespace}-{}", text("name"));
    }
    let token = ok(kubectl(p, ADMIN, &args));
    let admins = ok(kubectl(p, ADMIN, &["config", "view", "--raw", "-o=json"]));
    let mut config: Value = serde_json::from_str(&admins).expect("kubectl prints JSON");
    config["users"][0]["user"] = json!({"token": token.trim()});
    let path = p.layout().admin_kubeconfig().with_file_name(format!("token-{name}.json"));
    std::fs::write(&path, config.to_string()).expect("a file");
    path
}

/// kubectl with nothing but that token.
fn by(p: &Ground, token: &Path, args: &[&str], stdin: impl ToString) -> Output {
    let token = token.to_str().expect("a path");
    let args: Vec<_> = ["--kubeconfig", token].into_iter().chain(args.iter().copied()).collect();
    must(p.kubectl_with(Who::Admin, &args, &stdin.to_string()))
}

fn made(p: &Ground, token: &Path, object: &Value) -> Output {
    by(p, token, &["create", "-f", "-"], object)
}

/// What a driver makes: a Pod that names it as its controller.
fn executor(namespace: &str, name: &str, driver: &Value) -> Value {
    let owner = json!([{"apiVersion": "v1", "kind": "Pod", "name": driver["metadata"]["name"],
        "uid": driver["metadata"]["uid"], "controller": true}]);
    pod(namespace, name, json!({"metadata": {"ownerReferences": owner, "labels": {"spark-role": "executor"}}}))
}

#[test]
fn what_the_account_of_a_pod_makes_is_the_pods_users() {
    let (p, here) = (shared(), "deputies-work");
    project(&p, here, json!({"allowServiceAccountToken": true}));
    account(&p, here);
    let driver = driver(&p, "alice", here, "driver");
    let token = token(&p, here, Some(&driver));
    let gpu = json!({"spec": {"containers": [{"name": "main", "image": IMAGE, "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}});
    let executor = |name: &str| executor(here, name, &driver);
    ok(made(&p, &token, &with(executor("exec-1"), gpu)));
    ok(made(&p, &token, &executor("exec-2")));
    let stored = get(&p, here, "pod/exec-1");
    assert_eq!((label(&stored, "user-id"), label(&stored, "project-id")), ("alice", here));
    let account = format!("system:serviceaccount:{here}:{ACCOUNT}");
    assert_eq!(stored["metadata"]["annotations"]["platform-go/made-by"], account);
    settles(&p, here, "1", "0", 1);
    // Beside it what a driver has: a Service over its user's Pods, and settings that end with the driver.
    let service = json!({"spec": {"clusterIP": "None", "selector": {"app": "driver"}, "ports": [{"port": 7078}]}});
    ok(made(&p, &token, &object("v1", "Service", here, "driver-svc", service)));
    let selector = &get(&p, here, "service/driver-svc")["spec"]["selector"];
    assert_eq!(selector["platform-go/user-id"], "alice");
    let mut ends_with_it = executor("conf")["metadata"]["ownerReferences"].clone();
    ends_with_it[0]["blockOwnerDeletion"] = json!(true);
    let settings = json!({"metadata": {"ownerReferences": ends_with_it}, "data": {"spark.properties": "a=b"}});
    ok(made(&p, &token, &object("v1", "ConfigMap", here, "conf", settings)));
    // It changes and deletes what it made, and so does its user.
    ok(by(&p, &token, &["-n", here, "label", "pod/exec-2", "spark-exec-inactive=true"], ""));
    ok(by(&p, &token, &["-n", here, "delete", "pod/exec-1", "service/driver-svc", "configmap/conf"], ""));
    settles(&p, here, "0", "0", 0);
    ok(kubectl(&p, "alice", &["-n", here, "delete", "pod/exec-2"]));
    // What it makes ends with its driver.
    ok(made(&p, &token, &executor("exec-3")));
    ok(kubectl(&p, "alice", &["-n", here, "delete", "pod/driver"]));
    eventually("the driver's executor to end", || find(&p, here, "pod/exec-3").is_none().then_some(()));
}

#[test]
fn class_borrowed_token() {
    let (p, here) = (shared(), "deputies-bounds");
    project_with_bob(&p, here, json!({"allowServiceAccountToken": true}));
    account(&p, here);
    let hers = driver(&p, "alice", here, "hers");
    let his = driver(&p, "bob", here, "his");
    ok(create(&p, "bob", object("v1", "ConfigMap", here, "his", json!({}))));
    // A token of no Pod.
    let unbound = token(&p, here, None);
    let says = "its request names no Pod for whose user it would act, since its token is bound to none";
    assert_denied(&made(&p, &unbound, &executor(here, "unbound", &hers)), &[("project", says)]);
    // Of a Pod that is gone: neither the API server believes it, nor does Sluice what somebody says who may say anything.
    let gone = driver(&p, "alice", here, "gone");
    let of_gone = token(&p, here, Some(&gone));
    ok(kubectl(&p, "alice", &["-n", here, "delete", "pod/gone"]));
    let pods = format!("/api/v1/namespaces/{here}/pods");
    let refused = by(&p, &of_gone, &["create", "--raw", &pods, "-f", "-"], executor(here, "of-gone", &hers));
    let is_nobodys = !refused.success && refused.stderr.contains("You must be logged in to the server");
    assert!(is_nobodys, "{}", refused.stderr);
    let account = format!("system:serviceaccount:{here}:{ACCOUNT}");
    let said = |name: &Value, uid: &Value| {
        let extra = |key: &str, value: &Value| {
            format!("--as-user-extra=authentication.kubernetes.io/pod-{key}={}", value.as_str().expect("text"))
        };
        let args = [format!("--as={account}"), extra("name", name), extra("uid", uid)];
        let args: Vec<_> = args.iter().map(String::as_str).chain(["create", "-f", "-"]).collect();
        kubectl_with(&p, ADMIN, &args, &executor(here, "said", &hers).to_string())
    };
    let says = "its token is that of Pod gone, and there is none of that name and UID any more";
    assert_denied(&said(&gone["metadata"]["name"], &gone["metadata"]["uid"]), &[("project", says)]);
    let says = "its token is that of Pod hers, and there is none of that name and UID any more";
    assert_denied(&said(&hers["metadata"]["name"], &gone["metadata"]["uid"]), &[("project", says)]);
    // Of alice's Pod, who is an Admin of the project: it reaches her own things alone.
    let of_hers = token(&p, here, Some(&hers));
    let by_hers = |args: &[&str]| by(&p, &of_hers, &[&["-n", here], args].concat(), "");
    let is_his = "this Pod is bob's, and this account acts for alice, as a Member of project deputies-bounds, who changes only their own";
    assert_denied(&by_hers(&["label", "pod/his", "x=y"]), &[("project", is_his)]);
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "his", "namespace": here}});
    let path = format!("/api/v1/namespaces/{here}/pods/his/eviction");
    assert_denied(&by(&p, &of_hers, &["create", "--raw", &path, "-f", "-"], &eviction), &[("project", is_his)]);
    let says = format!("made by bob, and {account} is no Manager here");
    for object in ["pod/his", "configmap/his"] {
        assert_refused_by_policy(&by_hers(&["delete", object]), "sluice-colleagues", &says);
    }
    let controlled = made(&p, &of_hers, &executor(here, "planted", &his));
    assert_denied(&controlled, &[("project", "asked to be controlled by Pod his, which is bob's")]);
    // bob's Pod has the same account, and makes what is bob's.
    ok(made(&p, &token(&p, here, Some(&his)), &executor(here, "of-his", &his)));
    assert_eq!(label(&get(&p, here, "pod/of-his"), "user-id"), "bob");
    assert_denied(&by_hers(&["label", "pod/of-his", "x=y"]), &[("project", is_his)]);
    // Nobody gets the token of a colleague's Pod, whom RBAC lets ask for tokens by mistake.
    let_in(&p, "token-writers", "bob", &["serviceaccounts/token"]);
    let asked = |bound: Value| {
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": bound});
        let path = format!("/api/v1/namespaces/{here}/serviceaccounts/{ACCOUNT}/token");
        kubectl_with(&p, "bob", &["create", "--raw", &path, "-f", "-"], &request.to_string())
    };
    eventually("bob's right to ask for tokens", || asked(json!({})).success.then_some(()));
    let bound =
        json!({"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "hers", "uid": hers["metadata"]["uid"]}});
    let says = "spec.boundObjectRef: bob asked a token of Pod hers, which speaks for the Pod's user";
    assert_refused_by_policy(&asked(bound), "sluice-tokens", says);
}

#[test]
fn class_borrowed_token_where_the_project_allows_none() {
    let (p, here) = (shared(), "deputies-none");
    project(&p, here, json!({}));
    account(&p, here);
    let driver = driver(&p, "alice", here, "driver");
    let token = token(&p, here, Some(&driver));
    let says = "project deputies-none allows none; ask a platform Admin for Project.spec.allowServiceAccountToken";
    assert_denied(&made(&p, &token, &executor(here, "exec", &driver)), &[("project", says)]);
}

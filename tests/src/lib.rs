//! What the end-to-end tests stand on: control planes with Sluice and the sample organisation.
//!
//! A test begins with [`shared`] and uses object names of its own, so that tests run beside each other. One that kills
//! something begins with [`alone`], one that needs another policy goes through [`with_policy`], which restores it: they have
//! a control plane of their own, and only wait for each other. It is started when the first of them asks for it.
//! The process may be left in any way: the ground's warden ends what it started.

pub mod fleet;
pub mod gpu;
pub mod installed;
pub mod manifest;
pub mod process;
pub mod quota;
pub mod refusal;
pub mod windows;
pub mod wire;

use ground::oci::Image;
use ground::{Ground, Layout, Output, Who};
use serde_json::{Value, json};
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// The cluster's administrator, of `system:masters`, who has no User record.
pub const ADMIN: &str = "admin";
/// How long what happens by itself may take, in seconds: controllers, daemons, simulated nodes.
pub const SOON: u64 = 60;

/// How many RTX 5090 the shared platform has: most tests' plan gives no other model, and most leave their Pods running.
pub const SHARED_GPUS: usize = 32;

/// How often a command is said that another writer overtakes.
const TRIES: usize = 6;

/// Names other directories under `.dev/e2e/`, for a second run beside one that goes on.
const DIRECTORY: &str = "SLUICE_E2E";

static SHARED: LazyLock<Ground> = LazyLock::new(|| {
    let ground = start("");
    must(ground.grow(SHARED_GPUS));
    ground
});
static ALONE: LazyLock<Mutex<Ground>> = LazyLock::new(|| Mutex::new(start("-alone")));

static REAL: LazyLock<Mutex<Ground>> = LazyLock::new(|| {
    assert_eq!(ground::real_node::hindrance(), None, "the tests need a real node");
    let ground = must(Ground::start(layout("-real").with_real_node(true)));
    // What most tests' Pods run: a shell that waits.
    let archive = ground.layout().dir().join("app.tar");
    must(must(Image::of_busybox(manifest::IMAGE, &["sleep", "inf"])).write(&archive));
    must(ground.import_image(&archive));
    Mutex::new(ground)
});

fn layout(suffix: &str) -> Layout {
    let directory = std::env::var(DIRECTORY).unwrap_or_else(|_| "platform".to_owned());
    Layout::e2e(&format!("{directory}{suffix}"))
}

fn start(suffix: &str) -> Ground {
    let mut ground = must(Ground::start(layout(suffix)));
    must(ground.run_platform());
    ground
}

/// A platform for tests that disturb nobody.
pub fn shared() -> Shared {
    Shared(&SHARED)
}

/// See [`shared`].
#[derive(Debug, Clone, Copy)]
pub struct Shared(&'static Ground);

impl Deref for Shared {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        self.0
    }
}

/// A platform that no other test uses meanwhile. Sluice runs again when the test has ended, however it did. Take it once: a test
/// that waits for itself never ends.
pub fn alone() -> Alone {
    Alone(ALONE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// See [`alone`].
#[derive(Debug)]
pub struct Alone(MutexGuard<'static, Ground>);

impl Deref for Alone {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        &self.0
    }
}

impl DerefMut for Alone {
    fn deref_mut(&mut self) -> &mut Ground {
        &mut self.0
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        if let Err(error) = self.0.run_sluice() {
            eprintln!("sluice was not started again: {error}");
        }
    }
}

/// A scheduler that is listed while a test of [`with_policy`] runs: who may name it shows which policy is in force.
const PROBE: &str = "with-policy";

/// A control plane with a real node, where nothing is installed, or what an earlier test left there.
pub fn real() -> MutexGuard<'static, Ground> {
    REAL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `test` on a platform that no other test uses, with other values of the chart; restores them, also after a failure.
/// The policy is in force when the test begins; the API server hears of changed webhooks a moment later.
pub fn with_policy(values: &[(&str, &str)], test: impl FnOnce(&Ground)) {
    let ground = alone();
    let values: Vec<_> = values.iter().copied().chain([("policy.schedulers[0]", PROBE)]).collect();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        must(ground.install_chart(&values));
        wait_in_force(&ground, true);
        test(&ground);
    }));
    must(ground.install_chart(&[]));
    wait_in_force(&ground, false);
    outcome.unwrap_or_else(|failure| resume_unwind(failure));
}

fn wait_in_force(ground: &Ground, changed: bool) {
    let pod = manifest::pod("detector", "probe", json!({"spec": {"schedulerName": PROBE}})).to_string();
    within(SOON, "the policy to be in force", || {
        let output = kubectl_with(ground, "bob", &["create", "--dry-run=server", "-f", "-"], &pod);
        let refused = refusal::denials(&output.stderr).iter().any(|denial| denial.rule == "placement");
        ((output.success || refused) && refused != changed).then_some(())
    });
}

/// The value, or a failed test that says why.
#[track_caller]
pub fn must<T>(result: ground::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// Runs kubectl as [`ADMIN`], as a person, or as a service account (`system:…`, by impersonation).
#[track_caller]
pub fn kubectl(ground: &Ground, user: &str, args: &[&str]) -> Output {
    kubectl_with(ground, user, args, "")
}

/// The same with an input, for `-f -`.
///
/// `kubectl replace` reads an object, and writes it with the version that it read. A controller that writes its status
/// in between makes that a conflict, which says nothing of Sluice: it is said again, a few times.
#[track_caller]
pub fn kubectl_with(ground: &Ground, user: &str, args: &[&str], stdin: &str) -> Output {
    let impersonate = format!("--as={user}");
    let (who, first) = match user {
        ADMIN => (Who::Admin, None),
        _ if user.starts_with("system:") => (Who::Admin, Some(impersonate.as_str())),
        _ => (Who::User(user), None),
    };
    let args: Vec<&str> = first.into_iter().chain(args.iter().copied()).collect();
    let said = || must(ground.kubectl_with(who, &args, stdin));
    let overtaken = |output: &Output| output.stderr.contains("the object has been modified");
    (1..TRIES).map(|_| said()).find(|output| !overtaken(output)).unwrap_or_else(said)
}

/// `kubectl apply -f -` of one object or of several.
#[track_caller]
pub fn apply(ground: &Ground, user: &str, manifest: impl ToString) -> Output {
    kubectl_with(ground, user, &["apply", "-f", "-"], &manifest.to_string())
}

/// `kubectl create -f -`, which asks for the object as it is, without the annotation that `apply` adds.
#[track_caller]
pub fn create(ground: &Ground, user: &str, manifest: impl ToString) -> Output {
    kubectl_with(ground, user, &["create", "-f", "-"], &manifest.to_string())
}

/// Merges a patch into an object.
pub fn patch(ground: &Ground, user: &str, namespace: &str, object: &str, patch: &Value) -> Output {
    kubectl(ground, user, &["-n", namespace, "patch", object, "--type=merge", "-p", &patch.to_string()])
}

/// Runs an admin's command of `sluice`, as [`ADMIN`] and in the checkout.
#[track_caller]
pub fn sluice(ground: &Ground, args: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(ground.layout().bin("sluice"));
    command.args(args).current_dir(ground.layout().root());
    command.env("KUBECONFIG", ground.layout().admin_kubeconfig());
    must(Output::of(command, stdin))
}

/// A command of `sluice` with nothing but a person's kubeconfig.
#[track_caller]
pub fn sluice_as(ground: &Ground, user: &str, args: &[&str]) -> Output {
    let mut command = Command::new(ground.layout().bin("sluice"));
    command.args(args).current_dir("/").env_clear().env("KUBECONFIG", ground.layout().user_kubeconfig(user));
    must(Output::of(command, ""))
}

/// The output of a command that must succeed.
#[track_caller]
pub fn ok(output: Output) -> String {
    assert!(output.success, "exit code {}\n{}{}", output.code, output.stdout, output.stderr);
    output.stdout
}

/// An object as the API server has it: `get(&p, "llm-finetune", "pod/web")`.
#[track_caller]
pub fn get(ground: &Ground, namespace: &str, object: &str) -> Value {
    find(ground, namespace, object).unwrap_or_else(|| panic!("there is no {object} in {namespace}"))
}

/// The same, or nothing.
#[track_caller]
pub fn find(ground: &Ground, namespace: &str, object: &str) -> Option<Value> {
    let text = ok(kubectl(ground, ADMIN, &["-n", namespace, "get", object, "-o=json", "--ignore-not-found"]));
    (!text.is_empty()).then(|| serde_json::from_str(&text).expect("kubectl prints JSON"))
}

/// The objects of a kind with these labels.
#[track_caller]
pub fn list(ground: &Ground, namespace: &str, kind: &str, selector: &str) -> Vec<Value> {
    let text = ok(kubectl(ground, ADMIN, &["-n", namespace, "get", kind, "-l", selector, "-o=json"]));
    let list: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
    list["items"].as_array().cloned().unwrap_or_default()
}

/// Waits until `condition` gives a value, for at most [`SOON`].
#[track_caller]
pub fn eventually<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    within(SOON, what, condition)
}

/// Waits until `condition` gives a value, for at most `seconds`.
#[track_caller]
pub fn within<T>(seconds: u64, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    must(ground::until(what, seconds, || Ok::<_, ground::Error>(condition())))
}

/// Waits for `count` running Pods with these labels.
#[track_caller]
pub fn running(ground: &Ground, namespace: &str, selector: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} running Pods {selector} in {namespace}"), || {
        let pods = list(ground, namespace, "pods", selector);
        let run = |pod: &&Value| pod["status"]["phase"] == "Running" && pod["metadata"]["deletionTimestamp"].is_null();
        (pods.len() == count && pods.iter().filter(run).count() == count).then_some(pods)
    })
}

/// A project of a group of its own, with alice as its Admin and the plan `bronze`; `spec` is merged into the record.
/// Returns when its namespace is bound, has the account that Pods run as, and alice may work there.
#[track_caller]
pub fn project(ground: &Ground, name: &str, spec: Value) {
    let members = json!([{"user": "alice", "role": "Admin"}]);
    let record = |kind: &str, spec: Value| {
        let metadata = json!({"name": name});
        json!({"apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
    };
    let group = record("Group", json!({"allowRootContainers": true, "members": members}));
    let images = json!(["registry.example.com/**"]);
    let own = json!({"group": name, "plan": "bronze", "members": members, "images": images});
    ok(create(ground, ADMIN, group));
    ok(create(ground, ADMIN, manifest::with(record("Project", own), json!({"spec": spec}))));
    eventually("the project's namespace, and alice's rights there", || {
        let namespace = find(ground, "", &format!("namespace/{name}"))?;
        find(ground, name, "serviceaccount/default")?;
        let may = ["-n", name, "auth", "can-i", "create", "pods"];
        (label(&namespace, "project-id") == name && kubectl(ground, "alice", &may).success).then_some(())
    });
}

/// A [`project`] where bob is a Member beside alice.
pub fn project_with_bob(ground: &Ground, name: &str, spec: Value) {
    let members = json!([{"user": "alice", "role": "Admin"}, {"user": "bob", "role": "Member"}]);
    project(ground, name, manifest::with(json!({"members": members}), spec));
}

/// Rights that no member has, given to one by mistake: what remains is Sluice's word.
pub fn let_in(p: &Ground, name: &str, user: &str, resources: &[&str]) {
    let_in_groups(p, name, user, &["", "apps"], resources);
}

/// The same of resources of these API groups.
pub fn let_in_groups(p: &Ground, name: &str, user: &str, groups: &[&str], resources: &[&str]) {
    let rules = json!([{"apiGroups": groups, "resources": resources, "verbs": ["*"]}]);
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name}, "rules": rules});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}]});
    must(p.admin_apply(&role.to_string()));
    must(p.admin_apply(&binding.to_string()));
}

/// A label `platform-go/<key>` of an object; empty where there is none.
pub fn label<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"]["labels"][format!("platform-go/{key}")].as_str().unwrap_or_default()
}

/// The answer to a plain GET on the metrics port: status and body.
#[track_caller]
pub fn http_get(ground: &Ground, path: &str) -> (u16, String) {
    let url = must(ground.metrics_url());
    let address = url.strip_prefix("http://").expect("the metrics port speaks HTTP");
    wire::get_plain(address, path).expect("the metrics port answers")
}

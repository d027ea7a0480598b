//! The verdicts of `privilege` against the fixtures that Kubernetes tests its own Pod Security admission with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use jsonptr::Pointer;
use policy_engine::Denial;
use policy_engine::object::place::Place;
use policy_engine::policy::Policy;
use policy_engine::policy::rule_id::RuleId;
use serde_json::{Value, json};
use walkdir::WalkDir;

use crate::support::judge::{creation, judge};
use crate::support::policies::sample_organisation;

const MODULE: &str = "k8s.io/pod-security-admission";
/// The version whose verdicts the rule gives.
const VERSION: &str = "v1.37";

#[test]
fn pod_security_fixtures() {
    let fixtures = module_directory().join("test/testdata/baseline").join(VERSION);
    let passing = verdicts(&fixtures.join("pass"));
    let failing = verdicts(&fixtures.join("fail"));
    let wrong: Vec<_> = passing
        .iter()
        .filter(|(_, denials)| !denials.is_empty())
        .chain(failing.iter().filter(|(_, denials)| denials.is_empty()))
        .collect();
    assert!(wrong.is_empty(), "baseline says otherwise: {wrong:#?}");
    let judged = passing.len() + failing.len();
    println!("{judged} fixtures of Pod Security {VERSION} baseline were judged");
    assert!(judged > 30, "only {judged} fixtures in {}", fixtures.display());
}

/// Where the Go module of Pod Security admission is: the version that the control plane of the tests is built from.
fn module_directory() -> PathBuf {
    let cluster = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cluster");
    let output = Command::new("go")
        .args(["mod", "download", "-json", MODULE])
        .current_dir(cluster)
        .output()
        .expect("`go` runs; the fixtures of Pod Security are in a Go module");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let module: Value = serde_json::from_slice(&output.stdout).expect("go answers in JSON");
    PathBuf::from(module["Dir"].as_str().expect("go says where the module is"))
}

/// What `privilege` says of each Pod in a directory.
fn verdicts(directory: &Path) -> Vec<(String, Vec<String>)> {
    let files: Vec<_> = WalkDir::new(directory)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap_or_else(|why| panic!("no fixtures: {why}")).into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    assert!(!files.is_empty(), "no fixtures in {}", directory.display());
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a fixture");
            let pod: Value = serde_norway::from_str(&text).expect("a Pod");
            (path.display().to_string(), privilege(&pod).iter().map(ToString::to_string).collect())
        })
        .collect()
}

fn privilege(pod: &Value) -> Vec<Denial> {
    static SAMPLE: LazyLock<Policy> = LazyLock::new(|| sample_organisation().into());
    let decision = judge(&creation(pod, "llm-finetune", "alice"), &SAMPLE);
    decision.denials.into_iter().filter(|denial| denial.rule == RuleId::Privilege).collect()
}

/// Where a container asks, what *baseline* allows there and what it refuses. The fixtures try a part of these.
const OF_CONTAINERS: [(&str, &str, &str); 15] = [
    ("/securityContext/privileged", "[null, false]", "[true]"),
    (
        "/securityContext/capabilities",
        "[{}, {add: []}, {add: [CHOWN, SYS_CHROOT]}, {drop: [ALL]}]",
        "[{add: [NET_RAW]}, {add: [ALL]}, {add: [KILL, chown]}]",
    ),
    ("/securityContext/procMount", "[null, Default]", "[Unmasked, default]"),
    (
        "/securityContext/seccompProfile",
        "[{type: RuntimeDefault}, {type: Localhost}]",
        "[{type: Unconfined}, {type: ''}]",
    ),
    (
        "/securityContext/appArmorProfile",
        "[{type: RuntimeDefault}, {type: Localhost}]",
        "[{type: Unconfined}, {type: ''}]",
    ),
    (
        "/securityContext/seLinuxOptions",
        "[{}, {type: ''}, {type: container_engine_t}, {level: s0}]",
        "[{type: spc_t}, {user: u}, {role: r}]",
    ),
    ("/securityContext/windowsOptions", "[{}, {hostProcess: false}]", "[{hostProcess: true}]"),
    (
        "/ports",
        "[[], [{containerPort: 80}], [{containerPort: 80, hostPort: 0}]]",
        "[[{containerPort: 80}, {containerPort: 81, hostPort: 81}]]",
    ),
    ("/livenessProbe/httpGet", "[{port: 80}, {port: 80, host: ''}]", "[{port: 80, host: 127.0.0.1}]"),
    ("/readinessProbe/tcpSocket", "[{port: 80}]", "[{port: 80, host: 10.0.0.1}]"),
    ("/startupProbe/httpGet", "[{port: 80}]", "[{port: 80, host: metadata}]"),
    ("/lifecycle/postStart/httpGet", "[{port: 80}]", "[{port: 80, host: metadata}]"),
    ("/lifecycle/postStart/tcpSocket", "[{port: 80}]", "[{port: 80, host: metadata}]"),
    ("/lifecycle/preStop/httpGet", "[{port: 80}]", "[{port: 80, host: metadata}]"),
    ("/lifecycle/preStop/tcpSocket", "[{port: 80}]", "[{port: 80, host: metadata}]"),
];

/// The same for what a Pod asks for as a whole.
const OF_PODS: [(&str, &str, &str); 10] = [
    ("/spec/hostNetwork", "[null, false]", "[true]"),
    ("/spec/hostPID", "[null, false]", "[true]"),
    ("/spec/hostIPC", "[null, false]", "[true]"),
    ("/spec/volumes", "[[], [{name: v, emptyDir: {}}]]", "[[{name: w, emptyDir: {}}, {name: v, hostPath: {path: /}}]]"),
    ("/spec/securityContext/seccompProfile", "[{type: RuntimeDefault}, {type: Localhost}]", "[{type: Unconfined}]"),
    ("/spec/securityContext/appArmorProfile", "[{type: RuntimeDefault}, {type: Localhost}]", "[{type: Unconfined}]"),
    ("/spec/securityContext/seLinuxOptions", "[{}, {type: container_kvm_t}]", "[{type: spc_t}, {user: u}, {role: r}]"),
    ("/spec/securityContext/windowsOptions", "[{hostProcess: false}]", "[{hostProcess: true}]"),
    (
        "/spec/securityContext/sysctls",
        "[[], [{name: net.ipv4.tcp_notsent_lowat, value: '1'}]]",
        "[[{name: kernel.msgmax, value: '1'}]]",
    ),
    (
        "/metadata/annotations/container.apparmor.security.beta.kubernetes.io~1any",
        "['', runtime/default, localhost/mine]",
        "[unconfined, docker/default, Localhost/mine]",
    ),
];

#[test]
fn containers_of_every_kind_are_held_to_the_same() {
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for (at, allowed, refused) in OF_CONTAINERS {
            verdicts_at(&format!("/spec/{list}/0{at}"), allowed, refused);
        }
    }
    for (at, allowed, refused) in OF_PODS {
        verdicts_at(at, allowed, refused);
    }
}

fn verdicts_at(at: &str, allowed: &str, refused: &str) {
    let pointer = Pointer::parse(at).expect("a pointer");
    let here = Place::from(pointer.to_buf()).to_string();
    let values = |text| serde_norway::from_str::<Vec<Value>>(text).expect("a list");
    for (value, refused) in
        values(allowed).into_iter().map(|it| (it, false)).chain(values(refused).into_iter().map(|it| (it, true)))
    {
        // Baseline makes no exception for Windows.
        for os in ["linux", "windows"] {
            let one = json!([{"name": "c", "image": "registry.example.com/app"}]);
            let mut pod = json!({
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "web"},
                "spec": {"os": {"name": os}, "containers": one, "initContainers": one, "ephemeralContainers": one},
            });
            pointer.assign(&mut pod, value.clone()).expect("a place to write to");
            let denials = privilege(&pod);
            let fields: Vec<_> = denials.iter().map(|denial| denial.field.as_str()).collect();
            if refused {
                assert!(matches!(fields.as_slice(), [field] if field.starts_with(&here)), "{at}: {value}: {fields:?}");
            } else {
                assert!(fields.is_empty(), "{at}: {value}: {fields:?}");
            }
        }
    }
}

#[test]
fn a_user_namespace_allows_any_proc_mount() {
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {
            "hostUsers": false,
            "containers": [{"name": "c", "image": "a", "securityContext": {"procMount": "Unmasked"}}],
        },
    });
    assert_eq!(privilege(&pod), []);
    pod["spec"]["hostUsers"] = json!(true);
    assert_eq!(privilege(&pod).len(), 1);
}

//! What holds for every Pod.

use std::sync::LazyLock;

use policy_engine::Submission;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use policy_engine::policy::model::Sharing;
use policy_engine::policy::modes::RuleMode;
use policy_engine::policy::rule_id::RuleId;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::apply::{apply, merge};
use crate::support::judge::{creation, judge, update};
use crate::support::policies::sample_organisation;

const PROJECTS: [&str; 4] = ["llm-finetune", "detector", "llm-serving", "alice-personal"];
const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

static SAMPLE: LazyLock<Policy> = LazyLock::new(|| sample_organisation().into());

/// The sample organisation without the rules that only refuse, so that more Pods come to be.
static LAX: LazyLock<Policy> = LazyLock::new(|| {
    let mut records = sample_organisation();
    for rule in [RuleId::Project, RuleId::Image, RuleId::Privilege] {
        records.platform.rule_modes.insert(rule, RuleMode::Off);
    }
    records.into()
});

/// The same where every rule only warns.
static WARNING: LazyLock<Policy> = LazyLock::new(|| {
    let mut records = sample_organisation();
    records.platform.rule_modes.extend(RuleId::ALL.iter().map(|rule| (*rule, RuleMode::Warn)));
    records.into()
});

/// Each of these may be in a map or not.
fn some_of(choices: &'static [(&'static str, &'static [&'static str])]) -> impl Strategy<Value = Map<String, Value>> {
    let each: Vec<_> = choices
        .iter()
        .map(|(key, values)| (Just(*key), proptest::option::of(proptest::sample::select(*values))))
        .collect();
    each.prop_map(|chosen| {
        chosen
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), serde_norway::from_str(value?).ok()?)))
            .collect()
    })
}

fn container(name: String) -> impl Strategy<Value = Value> {
    let fields = some_of(&[
        ("image", &["nginx", "registry.example.com/app:1", "evil.example.org/x"]),
        ("resources", &["{}", "{requests: {cpu: '1'}}", "{limits: {memory: 1Gi}}"]),
        (
            "securityContext",
            &["{}", "{runAsUser: 0}", "{runAsNonRoot: true}", "{runAsUser: 1000}", "{privileged: true}"],
        ),
        ("volumeMounts", &["[{name: data, mountPath: /data}]"]),
    ]);
    fields.prop_map(move |mut fields| {
        fields.insert("name".into(), json!(name));
        Value::Object(fields)
    })
}

/// A manifest as a person writes it.
fn manifest() -> impl Strategy<Value = Value> {
    let labels = some_of(&[
        ("app", &["web"]),
        ("platform-go/user-id", &["ada", "alice", "nobody"]),
        ("platform-go/project-id", &["detector"]),
        ("platform-go/group-id", &["nlp-lab"]),
        ("platform-go/plan-id", &["platinum"]),
        ("platform-go/queue-name", &["default", "research", "batch"]),
        ("platform-go/preemptible", &["'false'", "'true'"]),
        ("platform-go/dra-effective-gpu", &["'8'"]),
        ("platform-go/dra-gpu-count", &["'1'"]),
    ]);
    let annotations = some_of(&[
        ("note", &["mine"]),
        ("platform-go/root-shell", &["'true'", "'false'"]),
        ("platform-go/eviction-reason", &["none"]),
        ("platform-go/asked", &["'{}'", "garbage", "'{\"/spec/priorityClassName\": \"mine\"}'"]),
    ]);
    let spec = some_of(&[
        ("priorityClassName", &["system-node-critical", "platform-go-research"]),
        ("automountServiceAccountToken", &["true", "false"]),
        ("securityContext", &["{}", "{runAsUser: 0}", "{runAsNonRoot: true}", "{runAsUser: 1000, fsGroup: 5}"]),
        ("volumes", &["[{name: data, emptyDir: {}}]"]),
        ("hostNetwork", &["true", "false"]),
    ]);
    let containers = (container("app".into()), proptest::option::of(container("side".into())));
    (labels, annotations, spec, containers).prop_map(|(labels, annotations, mut spec, (app, side))| {
        spec.insert("containers".into(), [Some(app), side].into_iter().flatten().collect());
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web", "labels": labels, "annotations": annotations},
            "spec": spec,
        })
    })
}

/// Rules that refuse what labels ask of devices.
const DEVICE_RULES: [RuleId; 5] =
    [RuleId::GpuModel, RuleId::SmShare, RuleId::Vram, RuleId::InlineClaim, RuleId::ClaimShape];

/// Labels that ask for a claim, in ways that can be carried out and in others.
fn gpu_labels() -> impl Strategy<Value = Map<String, Value>> {
    let more = some_of(&[
        ("platform-go/dra-gpu-model", &["h100", "rtx-5090", "rtx-6000-pro", "h200"]),
        ("platform-go/dra-gpu-count", &["'2'", "'0'", "'33'", "two"]),
        ("platform-go/dra-sm-pct", &["'50'", "'150'", "half", "'100'"]),
        ("platform-go/vram-policy", &["elastic", "hard_cap", "soft"]),
        ("platform-go/dra-pinned-mem", &["20Gi", "'1'", "much", "none"]),
    ]);
    let mode = proptest::sample::select(&["inline", "exclusive", "shared-claim"][..]);
    (more, mode).prop_map(|(mut labels, mode)| {
        labels.insert("platform-go/dra-sharing-mode".into(), mode.into());
        labels
    })
}

/// The manifest as the API server hands it to admission: with a priority and a token that nobody asked for.
fn admitted(manifest: &Value) -> Value {
    let mut pod = manifest.clone();
    let spec = &mut pod["spec"];
    spec["priority"] = json!(0);
    spec["preemptionPolicy"] = json!("PreemptLowerPriority");
    let token = json!({"name": "kube-api-access-x7k2p", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}});
    let mount = json!({"name": "kube-api-access-x7k2p", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"});
    append(&mut spec["volumes"], token);
    for container in spec["containers"].as_array_mut().into_iter().flatten() {
        append(&mut container["volumeMounts"], mount.clone());
    }
    pod
}

/// On UPDATE the API server keeps the priority that a Pod has.
fn with_priority_of(stored: &Value, object: &Value) -> Value {
    let mut object = object.clone();
    for key in ["priority", "preemptionPolicy"] {
        if let Some(value) = stored["spec"].get(key) {
            object["spec"][key] = value.clone();
        }
    }
    object
}

fn append(list: &mut Value, element: Value) {
    match list.as_array_mut() {
        Some(list) => list.push(element),
        None => *list = json!([element]),
    }
}

/// The object as the API server stores it: it does not keep empty lists.
fn stored(mut pod: Value) -> Value {
    let drop_empty = |map: &mut Value, key| {
        if map[key].as_array().is_some_and(Vec::is_empty) {
            map.as_object_mut().expect("a map").remove(key);
        }
    };
    drop_empty(&mut pod["spec"], "volumes");
    for container in pod["spec"]["containers"].as_array_mut().into_iter().flatten() {
        drop_empty(container, "volumeMounts");
    }
    pod
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, max_global_rejects: 16_384, ..ProptestConfig::default() })]

    #[test]
    fn the_validating_call_finds_nothing_left_and_says_the_same(
        manifest in manifest(),
        project in proptest::sample::select(&PROJECTS[..]),
        person in proptest::sample::select(&PEOPLE[..]),
    ) {
        let pod = admitted(&manifest);
        let first = judge(&creation(&pod, project, person), &SAMPLE);
        let written = apply(&first.mutations, &pod);
        let second = judge(&creation(&written, project, person), &SAMPLE);
        prop_assert_eq!(&second.mutations, &[]);
        prop_assert_eq!(second.denials, first.denials);
    }

    #[test]
    fn rules_that_only_warn_refuse_nothing_and_leave_a_pod_as_it_was_asked(
        manifest in manifest(),
        project in proptest::sample::select(&PROJECTS[..]),
        person in proptest::sample::select(&PEOPLE[..]),
    ) {
        let pod = admitted(&manifest);
        let decision = judge(&creation(&pod, project, person), &WARNING);
        prop_assert!(decision.allowed(), "{decision}");
        let mut asked = pod.clone();
        let mut made = apply(&decision.mutations, &pod);
        // A root shell is asked of the platform itself.
        if manifest["metadata"]["annotations"]["platform-go/root-shell"] == "true" {
            (asked["spec"]["securityContext"], made["spec"]["securityContext"]) = (json!(null), json!(null));
        }
        prop_assert_eq!(&made["spec"], &asked["spec"]);
    }

    /// What labels ask of the platform is given, as far as there is such a thing; else it is said that there is none.
    #[test]
    fn labels_that_a_rule_only_warns_of_are_given_or_said(
        labels in gpu_labels(),
        rules in proptest::sample::subsequence(&DEVICE_RULES[..], 1..=DEVICE_RULES.len()),
        mode in proptest::sample::select(&[RuleMode::Warn, RuleMode::Off][..]),
        project in proptest::sample::select(&PROJECTS[..]),
        templated: bool,
    ) {
        let mut records = sample_organisation();
        if let Some(model) = records.models.get_mut("h100") {
            model.sharing = Sharing::None;
        }
        let inline_is_heard = mode == RuleMode::Warn || !rules.contains(&RuleId::InlineClaim);
        records.platform.rule_modes.extend(rules.into_iter().map(|rule| (rule, mode)));
        let policy = Policy::from(records);
        let metadata = json!({"name": "web", "labels": labels});
        let pod = json!({"metadata": metadata, "spec": {"containers": [{"name": "app", "image": "registry.example.com/app:1"}]}});
        let object = if templated { json!({"metadata": {"name": "web"}, "spec": {"template": pod}}) } else { pod };
        let mut submission = creation(&object, project, "bob");
        if templated {
            submission = Submission { resource: GroupResource::new("apps", "deployments"), kind: "Deployment", ..submission };
        }
        let decision = judge(&submission, &policy);
        prop_assume!(decision.allowed() && inline_is_heard);
        if labels["platform-go/dra-sharing-mode"] == "shared-claim" {
            return Ok(());
        }
        let made = decision.templates.first();
        let says_none = decision.warnings.iter().any(|it| it.contains("the Pod starts without a GPU: "));
        prop_assert_eq!(made.is_none(), says_none, "{:?}", decision.warnings);
        let exists = labels.get("platform-go/dra-gpu-model").is_none_or(|it| it != "h200");
        let counts = labels.get("platform-go/dra-gpu-count").is_none_or(|it| it == "2");
        prop_assert_eq!(made.is_some(), exists && counts, "{:?}", decision.warnings);
        let Some(made) = made else { return Ok(()) };
        let devices = if labels.contains_key("platform-go/dra-gpu-count") { "-cnt2-" } else { "-cnt1-" };
        prop_assert!(made.name.contains(devices), "{}", made.name);
        if let Some(model) = labels.get("platform-go/dra-gpu-model").and_then(Value::as_str) {
            prop_assert!(made.name.starts_with(&format!("gpu-{model}-cnt")), "{}", made.name);
        }
        let stored = apply(&decision.mutations, &object);
        if !templated {
            prop_assert_eq!(&stored["spec"]["containers"][0]["resources"]["claims"], &json!([{"name": "gpu"}]));
        }
        let validated = judge(&Submission { object: Some(&stored), ..submission }, &policy);
        prop_assert!(validated.allowed() && validated.mutations.is_empty(), "{:?}", validated.mutations);
    }

    #[test]
    fn the_same_manifest_again_changes_nothing(
        manifest in manifest(),
        project in proptest::sample::select(&PROJECTS[..]),
    ) {
        let pod = admitted(&manifest);
        let creation: Submission<'_> = creation(&pod, project, "alice");
        let made = judge(&creation, &LAX);
        prop_assume!(made.allowed());
        let stored = stored(apply(&made.mutations, &pod));
        let mut applied = stored.clone();
        merge(&mut applied, &manifest);
        for (how, object) in [("apply", &applied), ("replace", &manifest)] {
            let object = &with_priority_of(&stored, object);
            let again = judge(&update(&creation, object, &stored), &LAX);
            prop_assert!(again.allowed(), "{how}: {again}");
            prop_assert!(again.warnings.is_empty(), "{}: {:?}", how, again.warnings);
            prop_assert_eq!(apply(&again.mutations, object), stored.clone(), "{}", how);
        }
    }
}

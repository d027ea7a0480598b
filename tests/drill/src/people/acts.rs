//! What people ask: a line for each kind of request, and how often it comes.

use super::hand::Hand;
use super::project::{CLAIMS, DEPLOYMENTS, JOBS, NAMESPACE, OWNERS, PODS, TEMPLATES, VOLUMES, path};
use serde_json::{Value, json};

/// Stands for the UID of an object, which is known only when the request is sent.
pub(super) const UID_OF: &str = "uid of ";
const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json";
const OWN_FINALIZER: &str = "example.com/mine";
const IMAGE: &str = "registry.example.com/app:1";

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) content: &'static str,
    pub(super) body: Value,
}

type Act = fn(&mut Hand) -> Ask;

const ACTS: &[(u32, Act)] = &[
    (24, create_pod),
    (14, delete_pod),
    (4, evict_pod),
    (7, lift_gates),
    (6, resize),
    (6, finalizers),
    (9, create_claim),
    (7, |hand| delete_any(hand, CLAIMS, "claim")),
    (3, share_claim),
    (3, create_template),
    (2, |hand| delete_any(hand, TEMPLATES, "template")),
    (5, create_volume),
    (4, |hand| delete_any(hand, VOLUMES, "volume")),
    (4, create_deployment),
    (5, scale),
    (2, |hand| delete_any(hand, DEPLOYMENTS, "app")),
    (3, create_job),
    (2, |hand| delete_any(hand, JOBS, "job")),
    (3, own),
    (1, create_owner),
    (1, |hand| delete_any(hand, OWNERS, "owner")),
];

/// One of them.
pub(super) fn any(hand: &mut Hand) -> Ask {
    let weights: Vec<u32> = ACTS.iter().map(|(weight, _)| *weight).collect();
    let (_, act) = ACTS[hand.weighed(&weights)];
    act(hand)
}

/// Now and then only to see what would be said.
fn tried(hand: &mut Hand) -> &'static str {
    if hand.one_in(12) { "?dryRun=All" } else { "" }
}

fn post(hand: &mut Hand, kind: &str, body: Value) -> Ask {
    Ask { method: "POST", path: path(kind, tried(hand)), content: JSON, body }
}

fn patch(hand: &mut Hand, kind: &str, object: &str, body: Value) -> Ask {
    Ask { method: "PATCH", path: path(kind, &format!("/{object}{}", tried(hand))), content: MERGE, body }
}

fn delete(hand: &mut Hand, kind: &str, name: &str, options: Value) -> Ask {
    let policy = hand.of(&[None, Some("Background"), Some("Foreground")]);
    let mut body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy});
    merge(&mut body, options);
    Ask { method: "DELETE", path: path(kind, &format!("/{name}{}", tried(hand))), content: JSON, body }
}

fn delete_any(hand: &mut Hand, kind: &str, word: &str) -> Ask {
    let name = hand.name(word);
    delete(hand, kind, &name, json!({}))
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            more.into_iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value));
        }
        (into, more) => *into = more,
    }
}

fn create_pod(hand: &mut Hand) -> Ask {
    let name = hand.name("pod");
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}});
    let work = work(hand);
    merge(&mut pod, work);
    if hand.one_in(4) {
        pod["spec"]["schedulingGates"] = json!([{"name": "example.com/wait"}]);
    }
    if hand.one_in(6) {
        pod["metadata"]["finalizers"] = json!([OWN_FINALIZER]);
    }
    if hand.one_in(10) {
        pod["metadata"]["ownerReferences"] = json!([owner(hand)]);
    }
    post(hand, PODS, pod)
}

/// What a Pod asks and how it ends: of a Pod as of a template.
fn work(hand: &mut Hand) -> Value {
    let cpu = hand.of(&["100m", "500m", "1", "2500m"]);
    let memory = hand.of(&["128Mi", "1Gi", "3Gi"]);
    let grace = hand.of(&[0, 1, 5]);
    let mut work = json!({
        "metadata": {"labels": {"people.example.com/pod": "true"}, "annotations": {"simulation.sluice.dev/run-for": "3s"}},
        "spec": {
            "terminationGracePeriodSeconds": grace,
            "containers": [{"name": "main", "image": IMAGE, "resources": {"requests": {"cpu": cpu, "memory": memory}}}],
        },
    });
    if let Some(stop) = hand.of(&[None, None, Some("2s"), Some("never")]) {
        work["metadata"]["annotations"]["simulation.sluice.dev/stop-after"] = json!(stop);
    }
    let model = hand.of(&["h100", "rtx-6000-pro"]);
    match hand.of(&[0, 1, 1, 2, 3, 3, 4, 5]) {
        1 => {
            let labels = json!({"platform-go/dra-sharing-mode": "inline", "platform-go/dra-gpu-model": model,
                "platform-go/dra-sm-pct": hand.of(&["100", "50"]), "platform-go/dra-gpu-count": hand.of(&["1", "1", "2"])});
            merge(&mut work["metadata"]["labels"], labels);
        }
        2 => {
            let template = hand.name("template");
            work["spec"]["resourceClaims"] = json!([{"name": "gpu", "resourceClaimTemplateName": template}]);
        }
        3 => {
            let names: Vec<String> = (0..hand.of(&[1, 1, 2])).map(|_| hand.name("claim")).collect();
            let claims = names.iter().enumerate();
            work["spec"]["resourceClaims"] =
                claims.map(|(at, name)| json!({"name": format!("gpu-{at}"), "resourceClaimName": name})).collect();
        }
        4 => work["spec"]["containers"][0]["resources"]["limits"] = json!({"nvidia.com/gpu": "1"}),
        _ => {}
    }
    if hand.one_in(5) {
        let claim = hand.name("volume");
        work["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]);
    }
    work
}

fn delete_pod(hand: &mut Hand) -> Ask {
    let name = hand.name("pod");
    let grace = hand.of(&[None, Some(0), Some(1)]);
    delete(hand, PODS, &name, json!({"gracePeriodSeconds": grace}))
}

fn evict_pod(hand: &mut Hand) -> Ask {
    let name = hand.name("pod");
    let grace = hand.of(&[None, Some(0), Some(2)]);
    let body = json!({"apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": name, "namespace": NAMESPACE}, "deleteOptions": {"gracePeriodSeconds": grace}});
    Ask { method: "POST", path: path(PODS, &format!("/{name}/eviction")), content: JSON, body }
}

fn lift_gates(hand: &mut Hand) -> Ask {
    let name = hand.name("pod");
    patch(hand, PODS, &name, json!({"spec": {"schedulingGates": []}}))
}

fn resize(hand: &mut Hand) -> Ask {
    let name = hand.name("pod");
    let cpu = hand.of(&["50m", "700m", "2", "5"]);
    let body = json!([{"op": "replace", "path": "/spec/containers/0/resources/requests/cpu", "value": cpu}]);
    let path = path(PODS, &format!("/{name}/resize{}", tried(hand)));
    Ask { method: "PATCH", path, content: "application/json-patch+json", body }
}

fn finalizers(hand: &mut Hand) -> Ask {
    let (kind, word) = hand.of(&[(PODS, "pod"), (PODS, "pod"), (CLAIMS, "claim"), (VOLUMES, "volume")]);
    let name = hand.name(word);
    let all: [&[&str]; 5] = [
        &[],
        &[OWN_FINALIZER],
        &["resource.kubernetes.io/delete-protection"],
        &["kubernetes.io/pvc-protection", OWN_FINALIZER],
        &["resource.kubernetes.io/delete-protection", OWN_FINALIZER],
    ];
    let finalizers = hand.of(&all);
    patch(hand, kind, &name, json!({"metadata": {"finalizers": finalizers}}))
}

fn create_claim(hand: &mut Hand) -> Ask {
    let name = hand.name("claim");
    let count = hand.of(&[1, 1, 2]);
    let spec = json!({"devices": {"requests":
        [{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": count}}]}});
    let mut claim = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": {}, "labels": {}}, "spec": spec});
    if hand.one_in(3) {
        claim["metadata"]["annotations"]["platform-go/share"] = json!("project");
    }
    if hand.one_in(4) {
        claim["metadata"]["labels"]["platform-go/dra-sm-pct"] = json!("50");
    }
    post(hand, CLAIMS, claim)
}

fn share_claim(hand: &mut Hand) -> Ask {
    let name = hand.name("claim");
    let share = hand.of(&[Some("project"), None]);
    patch(hand, CLAIMS, &name, json!({"metadata": {"annotations": {"platform-go/share": share}}}))
}

fn create_template(hand: &mut Hand) -> Ask {
    let name = hand.name("template");
    let spec = json!({"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]}});
    let template = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate",
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"spec": spec}});
    post(hand, TEMPLATES, template)
}

fn create_volume(hand: &mut Hand) -> Ask {
    let name = hand.name("volume");
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"storageClassName": "people", "accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}});
    post(hand, VOLUMES, claim)
}

fn create_deployment(hand: &mut Hand) -> Ask {
    let name = hand.name("app");
    let mut template = work(hand);
    template["metadata"]["labels"]["app"] = json!(name);
    let spec =
        json!({"replicas": hand.of(&[0, 1, 3]), "selector": {"matchLabels": {"app": name}}, "template": template});
    let body = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec});
    post(hand, DEPLOYMENTS, body)
}

fn scale(hand: &mut Hand) -> Ask {
    let name = hand.name("app");
    let replicas = hand.of(&[0, 0, 1, 2, 4]);
    let object = if hand.one_in(2) { format!("{name}/scale") } else { name };
    patch(hand, DEPLOYMENTS, &object, json!({"spec": {"replicas": replicas}}))
}

fn create_job(hand: &mut Hand) -> Ask {
    let name = hand.name("job");
    let mut template = work(hand);
    template["spec"]["restartPolicy"] = json!("Never");
    let (parallelism, completions) = (hand.of(&[1, 2]), hand.of(&[1, 3]));
    let spec = json!({"parallelism": parallelism, "completions": completions, "template": template});
    let body = json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec});
    post(hand, JOBS, body)
}

/// An object as the owner of another one.
fn owner(hand: &mut Hand) -> Value {
    let (version, kind, word) = hand.of(&[
        ("v1", "ConfigMap", "owner"),
        ("v1", "Pod", "pod"),
        ("resource.k8s.io/v1", "ResourceClaim", "claim"),
    ]);
    let name = hand.name(word);
    json!({"apiVersion": version, "kind": kind, "uid": format!("{UID_OF}{kind}/{name}"), "name": name})
}

fn own(hand: &mut Hand) -> Ask {
    let (kind, word) = hand.of(&[(PODS, "pod"), (CLAIMS, "claim"), (VOLUMES, "volume")]);
    let name = hand.name(word);
    let owner = owner(hand);
    patch(hand, kind, &name, json!({"metadata": {"ownerReferences": [owner]}}))
}

fn create_owner(hand: &mut Hand) -> Ask {
    let name = hand.name("owner");
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}});
    post(hand, OWNERS, body)
}

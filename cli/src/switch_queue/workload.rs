//! A workload that is moved with all of its Pods.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::anyhow;
use cluster::standing;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Patch;
use kube::core::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::discovery::{Discovery, Scope};
use kube::{Api, Client, ResourceExt as _};
use policy_engine::contract;
use policy_engine::daemons::switch_queue::Stays;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::platform::Platform;
use policy_engine::policy::workload::WorkloadKind;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::below::{Owners, why};
use super::{IN_VAIN, Place, patching, queue_of, waits};
use crate::ending::{Ending, Failure};
use crate::output::Format;

/// How long the Pods are waited for, and how often they are looked at.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOKING: Duration = Duration::from_millis(250);

/// What has become of a workload: the contract of `-o json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Moved {
    namespace: String,
    kind: String,
    name: String,
    /// Id of the queue now.
    to: String,
    /// Its Pods that have not ended.
    pods: Vec<OnePod>,
}

/// One of its Pods.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OnePod {
    pod: String,
    /// Id of the queue before; absent for one that was made since.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Id of the queue now.
    to: String,
    /// Whether it waits for its queue, or for room in it.
    waits: bool,
    /// Why it is not in the workload's queue, if Sluice has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    stays: Option<String>,
}

pub(super) async fn switch(
    client: Client,
    place: Place,
    kind: &str,
    name: &str,
    queue: String,
    output: Format,
) -> Result<Ending, Failure> {
    let resource = resolve(&client, kind).await?;
    let of = GroupResource::new(&resource.group, &resource.plural);
    // Only of a kind that is not built in it is asked what the platform lists.
    if !is_built_in(&of) && !may_be_listed(&of, listed_kinds(&client).await.as_deref()) {
        let why =
            format!("a {} makes no Pods; name a Pod, or a workload such as deployment/NAME or job/NAME", resource.kind);
        return Err(Failure::input(anyhow!(why)));
    }
    let api = Api::<PartialObjectMeta<DynamicObject>>::namespaced_with(client.clone(), &place.namespace, &resource);
    let before = api.get_metadata_opt(name).await.map_err(|error| place.failed(error))?;
    let before = before.ok_or_else(|| place.missing(&resource.kind, name))?;
    let uid = before.uid().unwrap_or_default();
    let mut owners = Owners::new(client.clone(), &place.namespace);
    let pods_before = owners.pods_below(&uid).await.map_err(|error| Failure::Unanswered(error.into()))?;
    // Another that comes by this name meanwhile is not meant.
    let meta = json!({"uid": uid, "annotations": {contract::SWITCH_QUEUE: queue}});
    let after = api.patch_metadata(name, &patching(), &Patch::Merge(json!({ "metadata": meta }))).await;
    let after = after.map_err(|error| place.failed(error))?;
    let Some(to) = after.labels().get(contract::MOVED_TO).cloned() else {
        return Err(Failure::Unanswered(anyhow!(IN_VAIN)));
    };
    let until = Instant::now() + PATIENCE;
    let pods = loop {
        let pods = owners.pods_below(&uid).await.map_err(|error| Failure::Unanswered(error.into()))?;
        let mut said = Vec::new();
        for pod in &pods {
            let stays = match (queue_of(pod) == to, by_itself(pod)) {
                (true, _) => None,
                (false, Some(why)) => Some(Some(why)),
                (false, None) => Some(why(&client, pod, &to).await),
            };
            said.push(stays);
        }
        if Instant::now() >= until || said.iter().all(|stays| stays.is_none() || matches!(stays, Some(Some(_)))) {
            break pods.iter().zip(said).map(|(pod, stays)| one(pod, &pods_before, stays.flatten())).collect();
        }
        sleep(LOOKING).await;
    };
    let Place { namespace, .. } = place;
    output.print(&Moved { namespace, kind: resource.kind, name: name.to_owned(), to, pods }, sentences)?;
    Ok(Ending::Fine)
}

/// Why a Pod stays whose own annotation has moved it: no Event is waited for.
fn by_itself(pod: &Pod) -> Option<String> {
    let moves_it = pod.annotations().get(contract::SWITCH_QUEUE).is_some_and(|asked| *asked == queue_of(pod));
    moves_it.then(|| Stays::ByItself.to_string())
}

/// The kinds of workload that the PlatformPolicy lists; `None` where it cannot be read.
async fn listed_kinds(client: &Client) -> Option<Vec<GroupResource>> {
    let policy = standing::policy(client).await.ok()??;
    let listed = policy["spec"]["workloadKinds"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some(listed.map(|it| GroupResource { group: text(&it["group"]), resource: text(&it["resource"]) }).collect())
}

/// Whether objects of a kind make Pods without that anybody lists it.
fn is_built_in(of: &GroupResource) -> bool {
    Platform::default().workload_kind(of).is_some_and(WorkloadKind::owns_pods)
}

/// Whether the policy lists a kind. What it lists may not be known; then it may be any but Kubernetes' own.
fn may_be_listed(of: &GroupResource, listed: Option<&[GroupResource]>) -> bool {
    listed.map_or_else(|| of.group.contains('.'), |listed| listed.contains(of))
}

/// The kind that is meant, by its name, its plural, or its plural with its group: as kubectl takes it, but for short names of others than
/// Kubernetes' own.
async fn resolve(client: &Client, kind: &str) -> Result<ApiResource, Failure> {
    let asked = kind.to_lowercase();
    let asked = match asked.as_str() {
        "deploy" => "deployments",
        "rs" => "replicasets",
        "sts" => "statefulsets",
        "ds" => "daemonsets",
        "cj" => "cronjobs",
        "rc" => "replicationcontrollers",
        other => other,
    };
    let found = Discovery::new(client.clone()).run().await.map_err(|error| Failure::Unanswered(error.into()))?;
    let mut all = found.groups_alphabetical().into_iter().flat_map(|group| group.recommended_resources());
    let is_meant = |of: &ApiResource| {
        of.plural == asked || of.kind.to_lowercase() == asked || format!("{}.{}", of.plural, of.group) == asked
    };
    let meant = all.find(|(of, capabilities)| capabilities.scope == Scope::Namespaced && is_meant(of));
    let unknown = || {
        Failure::input(anyhow!(
            "the API server has no kind {kind} in namespaces; name one as kubectl api-resources does"
        ))
    };
    meant.map(|(of, _)| of).ok_or_else(unknown)
}

fn one(pod: &Pod, before: &[Pod], stays: Option<String>) -> OnePod {
    let was = before.iter().find(|it| it.uid() == pod.uid());
    OnePod { pod: pod.name_any(), from: was.map(queue_of), to: queue_of(pod), waits: waits(pod), stays }
}

fn sentences(Moved { namespace, kind, name, to, pods }: &Moved) -> String {
    let mut text = format!("{} {namespace}/{name}: its Pods go to queue {to}\n", kind.to_lowercase());
    for OnePod { pod, from, to: now, waits, stays } in pods {
        let from = from.as_ref().filter(|from| *from != now).map(|from| format!("{from} → ")).unwrap_or_default();
        let rest = match (now == to, stays) {
            (true, _) if *waits => "; it starts when that is open and has room".to_owned(),
            (true, _) => String::new(),
            (false, Some(why)) => format!(", and stays there: {why}"),
            (false, None) => ", and has not moved yet; look again, or read its Events".to_owned(),
        };
        // A text takes everything.
        let _ = writeln!(text, "  pod {pod}: {from}{now}{rest}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_makes_no_pods_is_told_from_one_that_may() {
        let kind = |group: &str, kind: &str, plural: &str| ApiResource {
            group: group.into(),
            version: "v1".into(),
            api_version: "v1".into(),
            kind: kind.into(),
            plural: plural.into(),
        };
        let (service, deployment) = (kind("", "Service", "services"), kind("apps", "Deployment", "deployments"));
        let (ray, scaler) = (
            kind("ray.io", "RayCluster", "rayclusters"),
            kind("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
        );
        let listed = [GroupResource::new("ray.io", "rayclusters")];
        let may = |kind: &ApiResource| {
            let of = GroupResource::new(&kind.group, &kind.plural);
            let may = |listed| is_built_in(&of) || may_be_listed(&of, listed);
            (may(Some(&listed)), may(Some(&[])), may(None))
        };
        assert_eq!(may(&deployment), (true, true, true));
        assert_eq!(may(&service), (false, false, false));
        assert_eq!(may(&scaler), (false, false, false), "it acts on others'");
        assert_eq!(may(&ray), (true, false, true), "nobody knows what the policy lists");
    }

    #[test]
    fn a_pod_that_its_own_annotation_moved_stays_and_no_event_is_waited_for() {
        let pod = |annotations: Value| -> Pod {
            serde_json::from_value(json!({"metadata": {"name": "x", "annotations": annotations, "labels": {"platform-go/queue-name": "night"}}})).expect("a Pod")
        };
        let stays = by_itself(&pod(json!({"platform-go/switch-queue": "night"}))).expect("it stays");
        assert!(
            stays.contains("its own annotation platform-go/switch-queue has moved it there; take that off"),
            "{stays}"
        );
        assert_eq!(by_itself(&pod(json!({"platform-go/switch-queue": ""}))), None);
        assert_eq!(by_itself(&pod(json!({"platform-go/switch-queue": "batch"}))), None, "it has not moved it");
        assert_eq!(by_itself(&pod(json!({}))), None);
    }

    #[test]
    fn what_has_become_of_each_pod_is_one_line() {
        let pod = |name: &str, from: Option<&str>, to: &str, stays: Option<&str>| OnePod {
            pod: name.to_owned(),
            from: from.map(str::to_owned),
            to: to.to_owned(),
            waits: false,
            stays: stays.map(str::to_owned),
        };
        let pods = vec![
            pod("a", Some("batch"), "night", None),
            pod("b", Some("batch"), "batch", Some("queue night is closed")),
            pod("c", Some("batch"), "batch", None),
            OnePod { waits: true, ..pod("d", None, "night", None) },
        ];
        let text = |text: &str| text.to_owned();
        let moved =
            Moved { namespace: text("lab"), kind: text("Deployment"), name: text("web"), to: text("night"), pods };
        let lines = [
            "deployment lab/web: its Pods go to queue night",
            "  pod a: batch → night",
            "  pod b: batch, and stays there: queue night is closed",
            "  pod c: batch, and has not moved yet; look again, or read its Events",
            "  pod d: night; it starts when that is open and has room",
        ];
        assert_eq!(sentences(&moved).lines().collect::<Vec<_>>(), lines);
    }
}

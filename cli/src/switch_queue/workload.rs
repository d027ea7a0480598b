//! A workload that is moved with all of its Pods.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::anyhow;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Patch;
use kube::core::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::discovery::{Discovery, Scope};
use kube::{Api, Client, ResourceExt as _};
use policy_engine::contract;
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::below::{Owners, why};
use super::{IN_VAIN, patching, queue_of, refused, waits};
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
    namespace: String,
    kind: &str,
    name: &str,
    queue: String,
    output: Format,
) -> Result<Ending, Failure> {
    let resource = resolve(&client, kind).await?;
    let api = Api::<PartialObjectMeta<DynamicObject>>::namespaced_with(client.clone(), &namespace, &resource);
    let before = match api.get_metadata_opt(name).await {
        Ok(Some(before)) => before,
        Ok(None) => {
            let why = anyhow!("there is no {} {name} in namespace {namespace}", resource.kind);
            return Err(Failure::input(why));
        }
        Err(error) => return refused(error),
    };
    let uid = before.uid().unwrap_or_default();
    let mut owners = Owners::new(client.clone(), &namespace);
    let pods_before = owners.pods_below(&uid).await.map_err(|error| Failure::Unanswered(error.into()))?;
    // Another that comes by this name meanwhile is not meant.
    let meta = json!({"uid": uid, "annotations": {contract::SWITCH_QUEUE: queue}});
    let after = match api.patch_metadata(name, &patching(), &Patch::Merge(json!({ "metadata": meta }))).await {
        Ok(after) => after,
        Err(error) => return refused(error),
    };
    let Some(to) = after.labels().get(contract::MOVED_TO).cloned() else {
        return Err(Failure::Unanswered(anyhow!(IN_VAIN)));
    };
    let until = Instant::now() + PATIENCE;
    let pods = loop {
        let pods = owners.pods_below(&uid).await.map_err(|error| Failure::Unanswered(error.into()))?;
        let mut said = Vec::new();
        for pod in &pods {
            let stays = if queue_of(pod) == to { None } else { Some(why(&client, pod, &to).await) };
            said.push(stays);
        }
        if Instant::now() >= until || said.iter().all(|stays| stays.is_none() || matches!(stays, Some(Some(_)))) {
            break pods.iter().zip(said).map(|(pod, stays)| one(pod, &pods_before, stays.flatten())).collect();
        }
        sleep(LOOKING).await;
    };
    output.print(&Moved { namespace, kind: resource.kind, name: name.to_owned(), to, pods }, sentences)?;
    Ok(Ending::Fine)
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

//! `sluice switch-queue`: moves a Pod, or a workload with all of its Pods, to another queue.

mod below;
mod workload;

use anyhow::anyhow;
use clap::Args;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use kube::core::Status;
use kube::{Api, Client, ResourceExt as _};
use policy_engine::contract;
use policy_engine::policy::queue::DEFAULT_QUEUE;
use serde::Serialize;
use serde_json::json;

use crate::cluster_args::ClusterArgs;
use crate::ending::{Ending, Failure, report};
use crate::output::Format;

/// Who the API server is told has written the annotation.
const FIELD_MANAGER: &str = "sluice-switch-queue";

/// Move a Pod, or a workload with all of its Pods, to another queue, without a restart
///
/// Writes the annotation `platform-go/switch-queue`, with your own rights, as `kubectl annotate --overwrite` does. A Pod that waits
/// for its queue waits for the new one, and starts if that is open. One that runs goes on, and counts in the new queue:
/// `default` is always open, so that a Pod there is not evicted when a window closes. Its priority for the scheduler stays.
///
/// A workload, given as KIND/NAME, is moved with the Pods that it has and those that it makes from then on, and its pod template stays
/// as it is. The answer says what has become of each of its Pods after ten seconds at most: one that cannot move now stays in its queue,
/// with the reason, and follows when it can. The annotation on a Pod goes before that on its workload.
///
/// Exit codes: 0 moved, 1 refused, 3 bad input, 4 could not ask.
#[derive(Args, Debug)]
pub(crate) struct SwitchQueue {
    /// The Pod, as NAME or pod/NAME, or a workload, as deployment/NAME, statefulset/NAME, daemonset/NAME, replicaset/NAME, job/NAME,
    /// cronjob/NAME or the KIND/NAME of any kind that makes Pods
    #[arg(value_name = "POD|KIND/NAME")]
    target: String,
    /// The queue to move it to
    #[arg(value_name = "QUEUE")]
    queue: String,
    /// Its namespace; without it that of the kubeconfig's context
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// What has become of a Pod: the contract of `-o json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Moved {
    namespace: String,
    pod: String,
    /// Id of the queue before.
    from: String,
    /// Id of the queue now.
    to: String,
    /// Whether it waits for its queue, or for room in it.
    waits: bool,
}

impl SwitchQueue {
    pub(crate) async fn run(self) -> Result<Ending, Failure> {
        let Self { target, queue, namespace, cluster, output } = self;
        let client = cluster.client().await?;
        let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
        match Target::of(&target) {
            Target::Pod(name) => switch_pod(client, namespace, name, queue, output).await,
            Target::Workload { kind, name } => workload::switch(client, namespace, kind, name, queue, output).await,
        }
    }
}

/// What is to be moved.
#[derive(Debug, PartialEq, Eq)]
enum Target<'a> {
    Pod(&'a str),
    Workload { kind: &'a str, name: &'a str },
}

impl<'a> Target<'a> {
    /// What is given as kubectl names things.
    fn of(given: &'a str) -> Self {
        match given.split_once('/') {
            None => Self::Pod(given),
            Some(("pod" | "pods" | "po" | "Pod", name)) => Self::Pod(name),
            Some((kind, name)) => Self::Workload { kind, name },
        }
    }
}

/// Said where the annotation is written and moves nothing.
const IN_VAIN: &str = "it has the annotation, and nothing moved it: its namespace is no project's, the rule queue is off there, or Sluice is \
                       not installed; ask a platform Admin";

fn patching() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() }
}

async fn switch_pod(
    client: Client,
    namespace: String,
    name: &str,
    queue: String,
    output: Format,
) -> Result<Ending, Failure> {
    let pods = Api::<Pod>::namespaced(client, &namespace);
    let before = match pods.get_opt(name).await {
        Ok(Some(before)) => before,
        Ok(None) => return Err(Failure::input(anyhow!("there is no Pod {name} in namespace {namespace}"))),
        Err(error) => return refused(error),
    };
    // Another Pod that comes by this name meanwhile is not meant.
    let meta = json!({"uid": before.uid(), "annotations": {contract::SWITCH_QUEUE: queue}});
    let after = match pods.patch(name, &patching(), &Patch::Merge(json!({ "metadata": meta }))).await {
        Ok(after) => after,
        Err(error) => return refused(error),
    };
    let moved =
        Moved { pod: name.to_owned(), from: queue_of(&before), to: queue_of(&after), waits: waits(&after), namespace };
    let asked_before = before.annotations().get(contract::SWITCH_QUEUE) == Some(&queue);
    if moved.from == moved.to && moved.to != queue && !asked_before {
        return Err(Failure::Unanswered(anyhow!(IN_VAIN)));
    }
    output.print(&moved, sentence)?;
    Ok(Ending::Fine)
}

fn queue_of(pod: &Pod) -> String {
    pod.labels().get(contract::QUEUE_NAME).map_or(DEFAULT_QUEUE, String::as_str).to_owned()
}

fn waits(pod: &Pod) -> bool {
    let gates = pod.spec.iter().flat_map(|spec| spec.scheduling_gates.iter().flatten());
    gates.into_iter().any(|gate| gate.name == contract::PLAN_WINDOW_GATE)
}

fn sentence(Moved { namespace, pod, from, to, waits }: &Moved) -> String {
    let rest = if *waits { "; it starts when that is open and has room" } else { "" };
    match from == to {
        true => format!("pod {namespace}/{pod} stays in queue {to}{rest}\n"),
        false => format!("pod {namespace}/{pod}: {from} → {to}{rest}\n"),
    }
}

/// Says why it is refused: in Sluice's own sentences, where it has refused.
fn refused(error: kube::Error) -> Result<Ending, Failure> {
    match error {
        kube::Error::Api(status) if matches!(status.code, 403 | 404 | 409 | 422) => {
            reasons(&status).into_iter().for_each(|reason| report(&anyhow!(reason)));
            Ok(Ending::Denied)
        }
        error => Err(Failure::Unanswered(error.into())),
    }
}

fn reasons(status: &Status) -> Vec<String> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let sentences: Vec<_> = causes.map(|cause| cause.message.clone()).filter(|sentence| !sentence.is_empty()).collect();
    if sentences.is_empty() { vec![status.message.clone()] } else { sentences }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_moved_is_named_as_kubectl_names_it() {
        assert_eq!(Target::of("owl"), Target::Pod("owl"));
        assert_eq!(Target::of("pod/owl"), Target::Pod("owl"));
        assert_eq!(Target::of("deployment/owls"), Target::Workload { kind: "deployment", name: "owls" });
    }

    #[test]
    fn where_it_is_now_is_one_line() {
        let said = |from: &str, to: &str, waits| {
            let text = |text: &str| text.to_owned();
            sentence(&Moved { namespace: text("lab"), pod: text("owl"), from: text(from), to: text(to), waits })
        };
        assert_eq!(said("night", "default", false), "pod lab/owl: night → default\n");
        assert_eq!(said("a", "b", true), "pod lab/owl: a → b; it starts when that is open and has room\n");
        assert_eq!(said("night", "night", false), "pod lab/owl stays in queue night\n");
    }
}

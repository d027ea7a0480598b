//! `sluice switch-queue`: moves a Pod, or a workload with all of its Pods, to another queue.

mod below;
mod workload;

use std::str::FromStr;

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
use crate::ending::{Ending, Failure};
use crate::output::Format;
use crate::why::NoTarget;

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
    target: Target,
    /// The queue to move it to
    #[arg(value_name = "QUEUE", value_parser = queue)]
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
        let place = Place::of(namespace, &client);
        let ended = match target {
            Target::Pod(name) => switch_pod(client, place, &name, queue, output).await,
            Target::Workload { kind, name } => workload::switch(client, place, &kind, &name, queue, output).await,
        };
        match ended {
            Ok(ending) => Ok(ending),
            Err(failure) => Err(cluster.unasked(failure).await),
        }
    }
}

/// Where it is looked for.
#[derive(Debug)]
pub(crate) struct Place {
    namespace: String,
    /// Whether somebody said so; else it is the kubeconfig's.
    is_named: bool,
}

impl Place {
    /// The namespace that somebody names, or that of the kubeconfig.
    pub(crate) fn of(namespace: Option<String>, client: &Client) -> Self {
        let is_named = namespace.is_some();
        Self { is_named, namespace: namespace.unwrap_or_else(|| client.default_namespace().to_owned()) }
    }

    /// Its name.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What is to be said of what is not found here, or may not be seen.
    fn hint(&self) -> String {
        let Self { namespace, is_named } = self;
        if *is_named {
            return String::new();
        }
        format!("; {namespace} is the namespace of the kubeconfig's context: name another with -n")
    }

    /// Says why it is refused: in Sluice's own sentences, where it has refused.
    pub(crate) fn failed(&self, error: kube::Error) -> Failure {
        let kube::Error::Api(status) = error else { return Failure::Unanswered(error.into()) };
        if !matches!(status.code, 403 | 404 | 409 | 422) {
            return Failure::Unanswered(kube::Error::Api(status).into());
        }
        let (is_sluices, reasons) = reasons(&status);
        let hint = if is_sluices { String::new() } else { self.hint() };
        Failure::Refused(reasons.into_iter().map(|reason| anyhow!("{reason}{hint}")).collect())
    }

    /// There is no such thing here.
    pub(crate) fn missing(&self, kind: &str, name: &str) -> Failure {
        Failure::input(anyhow!("there is no {kind} {name} in namespace {}{}", self.namespace, self.hint()))
    }
}

/// A queue's name or id.
fn queue(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("no queue is named; name one that sluice me lists, such as default".to_owned()),
        queue => Ok(queue.to_owned()),
    }
}

/// What is to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Pod(String),
    Workload { kind: String, name: String },
}

impl FromStr for Target {
    type Err = NoTarget;

    /// What is given as kubectl names things.
    fn from_str(given: &str) -> Result<Self, NoTarget> {
        if given.split('/').any(str::is_empty) {
            return Err(NoTarget::Part(given.to_owned()));
        }
        Ok(match given.split_once('/') {
            None => Self::Pod(given.to_owned()),
            Some(("pod" | "pods" | "po" | "Pod", name)) => Self::Pod(name.to_owned()),
            Some((kind, name)) => Self::Workload { kind: kind.to_owned(), name: name.to_owned() },
        })
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
    place: Place,
    name: &str,
    queue: String,
    output: Format,
) -> Result<Ending, Failure> {
    let pods = Api::<Pod>::namespaced(client, &place.namespace);
    let before = pods.get_opt(name).await.map_err(|error| place.failed(error))?;
    let before = before.ok_or_else(|| place.missing("Pod", name))?;
    // Another Pod that comes by this name meanwhile is not meant.
    let meta = json!({"uid": before.uid(), "annotations": {contract::SWITCH_QUEUE: queue}});
    let after = pods.patch(name, &patching(), &Patch::Merge(json!({ "metadata": meta }))).await;
    let after = after.map_err(|error| place.failed(error))?;
    let moved = Moved {
        namespace: place.namespace,
        pod: name.to_owned(),
        from: queue_of(&before),
        to: queue_of(&after),
        waits: waits(&after),
    };
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

/// Why it is refused, and whether Sluice says so.
fn reasons(status: &Status) -> (bool, Vec<String>) {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let sentences: Vec<_> = causes.map(|cause| cause.message.clone()).filter(|sentence| !sentence.is_empty()).collect();
    if sentences.is_empty() { (false, vec![status.message.clone()]) } else { (true, sentences) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_moved_is_named_as_kubectl_names_it() {
        let read = |text: &str| text.parse::<Target>().map_err(|error| error.to_string());
        let owl = || Target::Pod("owl".to_owned());
        assert_eq!((read("owl"), read("pod/owl")), (Ok(owl()), Ok(owl())));
        let owls = Target::Workload { kind: "deployment".to_owned(), name: "owls".to_owned() };
        assert_eq!(read("deployment/owls"), Ok(owls));
        assert!(read("/x").is_err_and(|said| said.starts_with("asked about \"/x\", which lacks a name or its kind")));
        assert_eq!(queue("night"), Ok("night".to_owned()));
        assert!(queue(" ").is_err_and(|said| said.starts_with("no queue is named; name one")));
    }

    #[test]
    fn who_named_no_namespace_is_told_which_one_was_meant() {
        let rbac = |causes: serde_json::Value| {
            let status = json!({"message": "pods \"x\" is forbidden: User \"bob\" cannot get resource", "code": 403,
                "details": {"causes": causes}});
            let status: Status = serde_json::from_value(status).expect("a status");
            kube::Error::Api(Box::new(status))
        };
        let said =
            |is_named: bool, causes| match (Place { namespace: "default".to_owned(), is_named }).failed(rbac(causes)) {
                Failure::Refused(errors) => errors[0].to_string(),
                other => panic!("{other:?}"),
            };
        let hint = "; default is the namespace of the kubeconfig's context: name another with -n";
        assert!(said(false, json!([])).ends_with(hint), "{}", said(false, json!([])));
        assert!(!said(true, json!([])).contains(hint));
        let sluices = json!([{"field": "metadata", "reason": "project", "message": "alice made it"}]);
        assert_eq!(said(false, sluices), "alice made it", "Sluice has found it there");
        let missing = Place { namespace: "default".to_owned(), is_named: false }.missing("Pod", "x");
        assert_eq!(missing.report(), Ending::BadInput);
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

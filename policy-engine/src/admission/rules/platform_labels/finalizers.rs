//! Finalizers that people neither take off nor plant: those of Kubernetes and of the platform. The static policy
//! `sluice-finalizers` of the chart says the same of objects; of what stands in their templates nobody else does.

use serde_json::Value;

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::place::Place;
use crate::submission::case::Case;
use crate::submission::identity::Caller;

/// Kubernetes' controller of Jobs takes it off any Pod that no Job controls.
const TAKEN_OFF_PODS: &str = "batch.kubernetes.io/job-tracking";

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    match case.caller {
        Caller::Person(_) | Caller::Client | Caller::Deputy(_) => {
            put_back(case, say);
            planted(case, say);
        }
        Caller::Controller => discard(case, say),
        Caller::Admin | Caller::Node(_) | Caller::ControlPlane | Caller::Stranger => {}
    }
}

/// What protects an object that is used, or ends its deletion, is its controller's to take off.
fn put_back(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Some(old)) = (case.object(), case.old()) else { return };
    let asked = object.finalizers();
    let missing: Vec<_> = old.finalizers().iter().filter(|it| is_reserved(it) && !asked.contains(it)).collect();
    if !missing.is_empty() {
        let all: Vec<_> = asked.iter().chain(missing).cloned().collect();
        say.put_back(Place::of(["metadata", "finalizers"]), all);
    }
}

/// No controller takes off what is not its own, so that the Pod would stay for ever; and controllers copy what a template says.
fn planted(case: &Case<'_>, say: &mut Findings) {
    for pod in &case.pods {
        let here = pod.at(["metadata", "finalizers"]);
        let before = case.old().and_then(|old| here.resolve(old.0)).and_then(Value::as_array);
        for (index, asked) in pod.object().finalizers().iter().enumerate() {
            let stands = before.is_some_and(|before| before.contains(asked));
            let is_taken_off = case.is_pod() && asked == TAKEN_OFF_PODS;
            if is_reserved(asked) && !stands && !is_taken_off {
                let why = format!(
                    "asked {}, which no controller would take off again, so that the Pod would never end; leave it out, or use a name under a domain of your own",
                    asked.as_str().unwrap_or_default()
                );
                say.deny(here.clone().index(index), why);
            }
        }
    }
}

/// A controller copies it from a template that is older than this rule.
fn discard(case: &Case<'_>, say: &mut Findings) {
    let Some(pod) = case.new_pod() else { return };
    for (index, _) in pod.object().finalizers().iter().enumerate().filter(|(_, it)| is_platforms(it)) {
        say.discard(pod.at(["metadata", "finalizers"]).index(index));
    }
}

fn is_reserved(finalizer: &Value) -> bool {
    let name = finalizer.as_str().unwrap_or_default();
    let domain = name.split_once('/').map_or("", |(domain, _)| domain);
    let kubernetes = ["kubernetes.io", "k8s.io"]
        .iter()
        .any(|of| domain.strip_suffix(of).is_some_and(|sub| sub.is_empty() || sub.ends_with('.')));
    kubernetes || is_platforms(finalizer) || matches!(name, "foregroundDeletion" | "orphan")
}

fn is_platforms(finalizer: &Value) -> bool {
    finalizer.as_str().is_some_and(|name| name.starts_with(contract::PREFIX))
}

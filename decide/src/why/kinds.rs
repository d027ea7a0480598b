//! Which Pods are a workload's, by what the cache keeps of them, and which use a claim.

use cluster::world::pod::Pod;
use k8s_openapi::api::resource::v1::ResourceClaim;
use policy_engine::object::Object;
use records::review::Subject;
use serde_json::Value;

/// Label by which Kubernetes says of which Job a Pod is.
const JOB_NAME: &str = "batch.kubernetes.io/job-name";

/// The kind as Kubernetes writes it.
fn kind(subject: Subject) -> &'static str {
    match subject {
        Subject::Pod => "Pod",
        Subject::ResourceClaim => "ResourceClaim",
        Subject::Deployment => "Deployment",
        Subject::ReplicaSet => "ReplicaSet",
        Subject::StatefulSet => "StatefulSet",
        Subject::DaemonSet => "DaemonSet",
        Subject::Job => "Job",
        Subject::CronJob => "CronJob",
    }
}

/// Group and plural of a workload; `None` for what is none.
pub fn plural(subject: Subject) -> Option<(&'static str, &'static str)> {
    match subject {
        Subject::Pod | Subject::ResourceClaim => None,
        Subject::Deployment => Some(("apps", "deployments")),
        Subject::ReplicaSet => Some(("apps", "replicasets")),
        Subject::StatefulSet => Some(("apps", "statefulsets")),
        Subject::DaemonSet => Some(("apps", "daemonsets")),
        Subject::Job => Some(("batch", "jobs")),
        Subject::CronJob => Some(("batch", "cronjobs")),
    }
}

/// By which what was refused is found: the workload that was to make an object, or the object itself.
pub fn subject(object: Option<&Value>, kind_of_object: &str, name: &str) -> String {
    let own = || format!("{kind_of_object}/{name}");
    let Some(object) = object.map(Object) else { return own() };
    let Ok(Some(controller)) = object.controller() else { return own() };
    let hash = object.label("pod-template-hash").filter(|_| controller.kind == "ReplicaSet");
    let deployment = hash.and_then(|hash| controller.name.strip_suffix(hash)?.strip_suffix('-'));
    match deployment {
        Some(deployment) => format!("Deployment/{deployment}"),
        None => format!("{}/{}", controller.kind, controller.name),
    }
}

/// The same of an object that is asked about.
pub fn of_asked(subject: Subject, name: &str) -> String {
    format!("{}/{name}", kind(subject))
}

/// Whether a Pod is of a workload, by the labels that Kubernetes' controllers write and by its name.
pub fn is_of(pod: &Pod, subject: Subject, workload: &str) -> bool {
    let label = |key: &str| pod.metadata.labels.as_ref().and_then(|labels| labels.get(key)).map(String::as_str);
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let made_by = || name.rsplit_once('-').map(|(maker, _)| maker);
    match subject {
        Subject::Pod | Subject::ResourceClaim => false,
        Subject::Deployment => {
            let set = label("pod-template-hash").map(|hash| format!("{workload}-{hash}"));
            set.is_some_and(|set| made_by() == Some(set.as_str()))
        }
        Subject::ReplicaSet => made_by() == Some(workload),
        Subject::StatefulSet => {
            label("statefulset.kubernetes.io/pod-name") == Some(name) && made_by() == Some(workload)
        }
        Subject::DaemonSet => {
            label("controller-revision-hash").is_some()
                && label("statefulset.kubernetes.io/pod-name").is_none()
                && made_by() == Some(workload)
        }
        Subject::Job => label(JOB_NAME) == Some(workload),
        // Its controller names a Job by itself and by the minute.
        Subject::CronJob => label(JOB_NAME)
            .and_then(|job| job.rsplit_once('-'))
            .is_some_and(|(maker, minute)| maker == workload && minute.bytes().all(|it| it.is_ascii_digit())),
    }
}

/// Whether a Pod names a claim, or the claim was made for it.
pub fn waits_on(pod: &Pod, claim: &ResourceClaim) -> bool {
    let name = claim.metadata.name.as_deref();
    let names = pod.spec.claims.iter().any(|it| it.resource_claim_name.as_deref() == name);
    let mut owners = claim.metadata.owner_references.iter().flatten();
    names || owners.any(|owner| owner.kind == "Pod" && Some(owner.uid.as_str()) == pod.metadata.uid.as_deref())
}

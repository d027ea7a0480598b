//! What a person asks about, as they write it.

use std::str::FromStr;

use records::review::{About, Subject};

/// An object, or an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// An object by kind and name.
    Object(Subject, String),
    /// A decision, or a preemption.
    Id(String),
}

/// It names nothing that can be asked about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoTarget {
    /// The kind is none of these.
    #[error(
        "asked about {0}; ask about pod, claim, deployment, replicaset, statefulset, daemonset, job or cronjob: write job/NAME"
    )]
    Kind(String),
    /// There is no kind, or no name.
    #[error(
        "asked about {0:?}, which lacks a name or its kind; write the NAME of a Pod, or KIND/NAME such as job/NAME"
    )]
    Part(String),
}

impl FromStr for Target {
    type Err = NoTarget;

    fn from_str(text: &str) -> Result<Self, NoTarget> {
        if text.split('/').any(str::is_empty) {
            return Err(NoTarget::Part(text.to_owned()));
        }
        let Some((kind, name)) = text.split_once('/') else {
            let object = || Self::Object(Subject::Pod, text.to_owned());
            return Ok(if is_id(text) { Self::Id(text.to_owned()) } else { object() });
        };
        // As kubectl takes them: singular, plural, short, and with the group behind a dot.
        let word = kind.split('.').next().unwrap_or_default().to_lowercase();
        let subject = match word.as_str() {
            "pod" | "pods" | "po" => Subject::Pod,
            "claim" | "claims" | "resourceclaim" | "resourceclaims" => Subject::ResourceClaim,
            "deployment" | "deployments" | "deploy" => Subject::Deployment,
            "replicaset" | "replicasets" | "rs" => Subject::ReplicaSet,
            "statefulset" | "statefulsets" | "sts" => Subject::StatefulSet,
            "daemonset" | "daemonsets" | "ds" => Subject::DaemonSet,
            "job" | "jobs" => Subject::Job,
            "cronjob" | "cronjobs" | "cj" => Subject::CronJob,
            _ => return Err(NoTarget::Kind(kind.to_owned())),
        };
        Ok(Self::Object(subject, name.to_owned()))
    }
}

/// A decision's id is a UUID, as the API server makes them; a preemption's begins with its time.
fn is_id(text: &str) -> bool {
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    let is_hex = text.chars().all(|it| it == '-' || it.is_ascii_hexdigit());
    let begins_with_time = || text.split('-').take(2).all(|part| part.chars().all(|it| it.is_ascii_digit()));
    match lengths.as_slice() {
        [8, 4, 4, 4, 12] => is_hex,
        [8, 6, 5] => begins_with_time(),
        _ => false,
    }
}

impl Target {
    /// The question, with the namespace that was given or that of the context.
    pub(crate) fn about(self, namespace: Option<String>, context: &str) -> About {
        match self {
            Self::Id(id) => About { id: Some(id), ..About::default() },
            Self::Object(kind, name) => About {
                id: None,
                kind,
                namespace: Some(namespace.unwrap_or_else(|| context.to_owned())),
                name: Some(name),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_pod_a_kind_with_a_name_or_an_id() {
        let read = |text: &str| text.parse::<Target>().expect("a target");
        let object = |kind, name: &str| Target::Object(kind, name.to_owned());
        assert_eq!(read("train-7"), object(Subject::Pod, "train-7"));
        assert_eq!(read("deploy/web"), object(Subject::Deployment, "web"));
        assert_eq!(read("Deployments.apps/web"), object(Subject::Deployment, "web"));
        assert_eq!(read("resourceclaim/mine"), object(Subject::ResourceClaim, "mine"));
        for id in ["0b4f1a52-7f0b-4c9e-9d3e-2f6a1c5b7d80", "20261130-094503-k4xw2"] {
            assert_eq!(read(id), Target::Id(id.to_owned()));
        }
        // A name may look nearly like one.
        assert_eq!(read("training-job-seven"), object(Subject::Pod, "training-job-seven"));
        let refused = "service/web".parse::<Target>().expect_err("no such kind").to_string();
        assert!(refused.starts_with("asked about service; ask about pod, claim, "), "{refused}");
        for text in ["", "/x", "job/", "/"] {
            let refused = text.parse::<Target>().expect_err("no target").to_string();
            assert!(refused.starts_with(&format!("asked about {text:?}, which lacks a name or its kind")), "{refused}");
        }
        let about = read("job/x").about(None, "llm");
        assert_eq!((about.namespace.as_deref(), about.name.as_deref()), (Some("llm"), Some("x")));
    }
}

//! Workload kinds: which objects are stamped because they make Pods, or reach Pods, and where their pod templates are.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::object::kinds::{GroupResource, WORKSPACE_GROUP};
use crate::object::place::Place;

/// A kind whose objects make Pods from templates, or act on workloads and Pods that others made.
#[derive(Clone, Debug, Serialize)]
pub struct WorkloadKind {
    /// The resource.
    pub of: GroupResource,
    /// Where it describes its Pods; nowhere, for what makes none or describes none.
    pub pod_templates: Vec<TemplatePath>,
}

impl WorkloadKind {
    /// Whether its objects own Pods, be it through others: all that describe Pods do, and those that an admin lists.
    pub fn owns_pods(&self) -> bool {
        !self.pod_templates.is_empty() || !WITHOUT_PODS.contains(&(self.of.group.as_str(), self.of.resource.as_str()))
    }
}

/// What is built in and only acts on Pods that others made.
const WITHOUT_PODS: [(&str, &str); 4] = [
    ("autoscaling", "horizontalpodautoscalers"),
    ("policy", "poddisruptionbudgets"),
    ("scheduling.k8s.io", "podgroups"),
    ("scheduling.k8s.io", "workloads"),
];

/// Where a pod template, a PodSpec or a list of containers is: a JSON Pointer in which `*` stands for every element of a
/// list or map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TemplatePath(Vec<String>);

impl fmt::Display for TemplatePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", jsonptr::PointerBuf::from_tokens(&self.0))
    }
}

/// Text that leads to no pod template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no JSON Pointer; write for example /spec/template, or /spec/jobs/*/template for every element")]
pub struct InvalidTemplatePath(String);

impl std::str::FromStr for TemplatePath {
    type Err = InvalidTemplatePath;

    fn from_str(text: &str) -> Result<Self, InvalidTemplatePath> {
        let pointer = jsonptr::Pointer::parse(text).map_err(|_| InvalidTemplatePath(text.into()))?;
        if pointer.is_root() {
            return Err(InvalidTemplatePath(text.into()));
        }
        Ok(Self(pointer.tokens().map(|token| token.decoded().into_owned()).collect()))
    }
}

impl TemplatePath {
    /// The values that the path leads to, with their places.
    pub fn resolve<'a>(&self, object: &'a Value) -> Vec<(Place, &'a Value)> {
        let mut found = vec![(Place::root(), object)];
        for key in &self.0 {
            found = found
                .into_iter()
                .flat_map(|(place, value)| match (key.as_str(), value) {
                    ("*", Value::Array(list)) => {
                        list.iter().enumerate().map(|(index, it)| (place.clone().index(index), it)).collect()
                    }
                    ("*", Value::Object(map)) => {
                        map.iter().map(|(key, it)| (place.clone().key(key.clone()), it)).collect()
                    }
                    (key, Value::Object(map)) => {
                        map.get(key).map(|it| (place.key(key.to_owned()), it)).into_iter().collect::<Vec<_>>()
                    }
                    (_, _) => Vec::new(),
                })
                .filter(|(_, value)| !value.is_null())
                .collect();
        }
        found
    }
}

/// The kinds that are listed without anyone listing them.
pub fn built_in() -> Vec<WorkloadKind> {
    const TEMPLATE: &[&str] = &["spec", "template"];
    const JOB_TEMPLATE: &[&str] = &["spec", "jobTemplate", "spec", "template"];
    // Not where its Pod is, which it only describes: where what describes it is.
    const ALL: &[&str] = &["spec"];
    [
        (WORKSPACE_GROUP, "workspaces", Some(ALL)),
        ("apps", "deployments", Some(TEMPLATE)),
        ("apps", "replicasets", Some(TEMPLATE)),
        ("apps", "statefulsets", Some(TEMPLATE)),
        ("apps", "daemonsets", Some(TEMPLATE)),
        ("batch", "jobs", Some(TEMPLATE)),
        ("batch", "cronjobs", Some(JOB_TEMPLATE)),
        ("", "replicationcontrollers", Some(TEMPLATE)),
        ("autoscaling", "horizontalpodautoscalers", None),
        ("policy", "poddisruptionbudgets", None),
        // They name claims, which Kubernetes makes for them where the server has these kinds.
        ("scheduling.k8s.io", "podgroups", None),
        ("scheduling.k8s.io", "workloads", None),
    ]
    .into_iter()
    .map(|(group, resource, template)| WorkloadKind {
        of: GroupResource::new(group, resource),
        pod_templates: template
            .map(|keys| TemplatePath(keys.iter().map(|&key| key.into()).collect()))
            .into_iter()
            .collect(),
    })
    .collect()
}

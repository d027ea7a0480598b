//! Workload kinds: which objects are stamped because they make Pods, or reach Pods, and where their pod templates are.

use serde::Serialize;

/// The API group and plural name of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct GroupResource {
    /// API group; empty for the core group.
    pub group: String,
    /// Plural name, e.g. `deployments`.
    pub resource: String,
}

impl GroupResource {
    /// A resource by group and plural name.
    pub fn new(group: &str, resource: &str) -> Self {
        Self { group: group.into(), resource: resource.into() }
    }

    /// Whether this is the core group's resource of that plural name.
    pub fn is_core(&self, resource: &str) -> bool {
        self.group.is_empty() && self.resource == resource
    }
}

impl std::fmt::Display for GroupResource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.group.as_str() {
            "" => f.write_str(&self.resource),
            group => write!(f, "{}.{group}", self.resource),
        }
    }
}

/// A kind whose objects make Pods from templates, or act on workloads and Pods that others made.
#[derive(Clone, Debug, Serialize)]
pub struct WorkloadKind {
    /// The resource.
    pub of: GroupResource,
    /// Where its pod templates are; none for what makes no Pods.
    pub pod_templates: Vec<TemplatePath>,
}

/// Where a pod template is: a JSON Pointer in which `*` stands for every element of a list or map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TemplatePath(Vec<String>);

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
    /// The keys from the root, `*` for every element.
    pub fn keys(&self) -> &[String] {
        &self.0
    }
}

/// The kinds that are listed without anyone listing them.
pub fn built_in() -> Vec<WorkloadKind> {
    const TEMPLATE: &[&str] = &["spec", "template"];
    const JOB_TEMPLATE: &[&str] = &["spec", "jobTemplate", "spec", "template"];
    [
        ("apps", "deployments", Some(TEMPLATE)),
        ("apps", "replicasets", Some(TEMPLATE)),
        ("apps", "statefulsets", Some(TEMPLATE)),
        ("apps", "daemonsets", Some(TEMPLATE)),
        ("batch", "jobs", Some(TEMPLATE)),
        ("batch", "cronjobs", Some(JOB_TEMPLATE)),
        ("", "replicationcontrollers", Some(TEMPLATE)),
        ("autoscaling", "horizontalpodautoscalers", None),
        ("policy", "poddisruptionbudgets", None),
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

//! The claims, templates and classes on which the decision about a submission rests.

use std::collections::BTreeSet;

use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use serde_json::Value;

use crate::contract;
use crate::object::Object;
use crate::policy::Policy;
use crate::submission::Submission;
use crate::submission::pod::Written;
use crate::submission::slots;
use crate::submission::slots::texts::may_have_slots;

/// At most so many claims, templates and classes are looked up for one submission; what names more is refused.
pub const MOST_NAMED: usize = 64;

/// Names of what a submission asks devices by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// ResourceClaims.
    pub claims: BTreeSet<String>,
    /// ResourceClaimTemplates.
    pub templates: BTreeSet<String>,
    /// DeviceClasses.
    pub classes: BTreeSet<String>,
    /// Whether every claim of the namespace that is no single Pod's could be meant: there are slots.
    pub slots: bool,
    /// Whether devices are asked for at all, by these names or otherwise.
    pub devices: bool,
}

impl Names {
    /// What a submission names in what is new about it. Nothing is parsed: this is asked of every Pod.
    pub fn by(submission: &Submission<'_>, policy: &Policy) -> Self {
        let mut named = Self::default();
        let Some(object) = submission.changed_object() else { return named };
        let resource = &submission.resource;
        if resource.is_core("pods") {
            named.pod(object);
        } else if resource.is_claim() {
            named.devices = true;
            named.claim(object);
        } else if resource.is_claim_template() {
            named.devices = true;
            object.get("spec").into_iter().for_each(|template| named.claim(template));
        } else if let Some(kind) = policy.platform().workload_kind(resource) {
            Written::all(object, kind).iter().for_each(|written| named.pod(&written.as_pod()));
            named.slots |= may_have_slots(object);
            if named.slots {
                named.devices = true;
                named.mapped(object);
            }
        }
        named
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.claims.len() + self.templates.len() + self.classes.len()
    }

    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The classes that a claim's requests name.
    pub fn classes_of(spec: &ResourceClaimSpec) -> impl Iterator<Item = String> {
        let requests = spec.devices.iter().flat_map(|devices| devices.requests.iter().flatten());
        requests.flat_map(|request| {
            let exactly = request.exactly.iter().map(|it| &it.device_class_name);
            exactly.chain(request.first_available.iter().flatten().map(|it| &it.device_class_name)).cloned()
        })
    }

    fn pod(&mut self, pod: &Value) {
        let metadata = [Object(pod).labels(), Object(pod).annotations()];
        let mut keys = metadata.into_iter().flatten().flat_map(|map| map.keys());
        self.devices |= keys.any(|key| asks_gpu(key))
            || ["initContainers", "containers"].iter().any(|list| each(pod, &["spec", list]).any(asks_extended));
        if may_have_slots(pod) {
            (self.slots, self.devices) = (true, true);
            self.mapped(pod);
        }
        let asked = [Object(pod).label(contract::CLAIM_NAME), Object(pod).annotation(contract::CLAIM_NAME)];
        self.claims.extend(asked.into_iter().flatten().filter(|it| !slots::mentions(it)).map(str::to_owned));
        for claim in each(pod, &["spec", "resourceClaims"]) {
            self.devices = true;
            self.claims.extend(text(claim, "resourceClaimName").filter(|it| !slots::mentions(it)));
            self.templates.extend(text(claim, "resourceClaimTemplateName"));
        }
    }

    /// What slots are mapped to. What cannot be read the rule `slot` refuses.
    fn mapped(&mut self, object: &Value) {
        let text = Object(object).annotation(contract::CLAIM_SLOTS).unwrap_or_default();
        self.claims.extend(slots::mapping(text).unwrap_or_default().into_values().map(str::to_owned));
    }

    fn claim(&mut self, claim: &Value) {
        for request in each(claim, &["spec", "devices", "requests"]) {
            self.classes.extend(request.get("exactly").and_then(|exactly| text(exactly, "deviceClassName")));
            self.classes.extend(each(request, &["firstAvailable"]).filter_map(|it| text(it, "deviceClassName")));
        }
    }
}

/// Whether a key of the contract asks for GPUs.
fn asks_gpu(key: &str) -> bool {
    key.strip_prefix(contract::PREFIX).is_some_and(|key| key.starts_with("dra-"))
}

/// Whether a container asks for what is no resource of the node's own. Names of those have no prefix.
fn asks_extended(container: &Value) -> bool {
    ["limits", "requests"].iter().any(|list| {
        let asked = Object(container).at(&["resources", list]).and_then(Value::as_object);
        asked.is_some_and(|asked| asked.keys().any(|name| name.contains('/')))
    })
}

fn each<'a>(value: &'a Value, list: &[&str]) -> impl Iterator<Item = &'a Value> + use<'a> {
    Object(value).at(list).and_then(Value::as_array).into_iter().flatten()
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::kinds::GroupResource;
    use crate::policy::Records;
    use crate::submission::{Act, Requester};

    fn named(group: &str, resource: &str, object: &Value) -> Names {
        let submission = Submission {
            act: Act::Create,
            resource: GroupResource::new(group, resource),
            subresource: "",
            kind: "",
            namespace: "team",
            name: "",
            requester: Requester { username: "alice", groups: &[] },
            object: Some(object),
            old: None,
        };
        Names::by(&submission, &Policy::from(Records::default()))
    }

    #[test]
    fn pods_name_claims_and_templates_and_claims_name_classes() {
        let pod = json!({"spec": {"resourceClaims": [
            {"name": "a", "resourceClaimName": "mine"}, {"name": "b", "resourceClaimTemplateName": "big"}]}});
        let (claims, templates) = (["mine".into()].into(), ["big".into()].into());
        let of_pod = Names { claims, templates, devices: true, ..Names::default() };
        assert_eq!(named("", "pods", &pod), of_pod);
        let job = json!({"spec": {"jobTemplate": {"spec": {"template": pod}}}});
        assert_eq!(named("batch", "cronjobs", &job), of_pod);
        let claim = json!({"spec": {"devices": {"requests": [
            {"name": "a", "exactly": {"deviceClassName": "one"}},
            {"name": "b", "firstAvailable": [{"deviceClassName": "two"}, {"deviceClassName": "three"}]}]}}});
        let classes = ["one", "two", "three"].map(Into::into).into();
        let of_claim = Names { classes, devices: true, ..Names::default() };
        assert_eq!(named("resource.k8s.io", "resourceclaims", &claim), of_claim);
        assert_eq!(named("resource.k8s.io", "resourceclaimtemplates", &json!({"spec": claim})), of_claim);
    }

    #[test]
    fn gpus_are_asked_by_labels_and_by_resources_too() {
        let asks = |pod: Value| named("", "pods", &pod).devices;
        assert!(asks(json!({"metadata": {"labels": {"platform-go/dra-gpu-model": "h100"}}})));
        let container = |name: &str| json!({"spec": {"containers": [{"resources": {"limits": {name: "1"}}}]}});
        assert!(asks(container("nvidia.com/gpu")) && !asks(container("cpu")) && !asks(json!({"spec": {}})));
    }
}

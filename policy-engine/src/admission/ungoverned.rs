//! GPUs outside of projects: nobody pays for them. `PlatformPolicy.elsewhere` says whether they are given with a warning, or refused.

use std::fmt;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use serde::Deserialize;
use serde_json::Value;

use crate::admission::decision::Decision;
use crate::admission::findings::Findings;
use crate::admission::mode;
use crate::claims::classes::{DeviceClasses, Kind, Kinds};
use crate::gpu::extended::means_gpu;
use crate::object::place::Place;
use crate::object::{Object, Unreadable};
use crate::policy::Policy;
use crate::policy::modes::RuleMode;
use crate::policy::platform::Elsewhere;
use crate::policy::quantity::{self, Unit};
use crate::policy::rule_id::RuleId;
use crate::submission::Submission;
use crate::submission::devices::{Devices, Names};
use crate::submission::pod::Pod;

const USE_A_PROJECT: &str = "use a namespace of a project that you are a member of, or ask an admin to bind this one";

/// Judges what is made in a Namespace that is no project's.
///
/// Whatever asks for a device that is, or may be, a GPU is warned of or refused: a class that a GPU model names, one whose selectors
/// do not keep GPUs out, one of NVIDIA's that does not exist, and the extended resources that stand for GPUs. Where they are refused,
/// so is any other class that does not exist and that no admin listed: it may be one of GPUs when it does, and nobody asks again. A
/// workload is only warned of: what asks are its Pods.
///
/// # Errors
/// [`Unreadable`] where the object is not what its kind says.
pub fn judge(submission: &Submission<'_>, devices: &Devices, policy: &Policy) -> Result<Decision, Unreadable> {
    let mut say = Findings::of(RuleId::Project);
    let mode = match policy.platform().elsewhere {
        Elsewhere::Warn => RuleMode::Warn,
        Elsewhere::Enforce => RuleMode::Enforce,
    };
    let Some(object) = submission.object else { return Ok(Decision::default()) };
    let known = Known { devices, policy };
    let refuse = |say: &mut Findings, at: Place, what: &dyn fmt::Display| {
        let namespace = submission.namespace;
        let why = format!(
            "asked {what} in namespace {namespace}, which is no project's; GPUs are given out in projects; {USE_A_PROJECT}"
        );
        say.deny(at, why);
    };
    if submission.resource.is_core("pods") {
        let pod = Pod::read(object, Place::root())?;
        for (at, what) in known.asked_by(&pod) {
            refuse(&mut say, at, &what);
        }
    } else if let Some(kind) = policy.platform().workload_kind(&submission.resource) {
        for (at, what) in Pod::templates(object, kind)?.iter().flat_map(|pod| known.asked_by(pod)) {
            let namespace = submission.namespace;
            let becomes =
                if mode == RuleMode::Enforce { "its Pods will be refused" } else { "nobody is charged for them" };
            say.warn(format_args!(
                "{at}: asked {what} in namespace {namespace}, which is no project's: {becomes}; {USE_A_PROJECT}"
            ));
        }
    } else if submission.resource.is_claim() || submission.resource.is_claim_template() {
        let keys = if submission.resource.is_claim() { &["spec"][..] } else { &["spec", "spec"][..] };
        let at = keys.iter().fold(Place::root(), |place, key| place.key(*key));
        let spec = keys.iter().try_fold(object, |value, key| value.get(key)).unwrap_or(&Value::Null);
        let spec = Option::<ResourceClaimSpec>::deserialize(spec).map_err(|why| Unreadable::new(at.clone(), &why))?;
        if let Some(class) = spec.as_ref().and_then(|spec| known.gpu_class(spec)) {
            refuse(&mut say, at.key("devices").key("requests"), &format_args!("DeviceClass {class}"));
        }
    }
    Ok(mode::apply(mode, say, submission.object.map(Object)).into())
}

struct Known<'a> {
    devices: &'a Devices,
    policy: &'a Policy,
}

impl Known<'_> {
    /// What a Pod asks that is, or may be, a GPU.
    fn asked_by(&self, pod: &Pod<'_>) -> Vec<(Place, String)> {
        let mut asked = Vec::new();
        let list = pod.at(["spec", "resourceClaims"]);
        for (index, it) in pod.spec.resource_claims.iter().flatten().enumerate() {
            let claim = it.resource_claim_name.as_ref().and_then(|name| Some(&self.devices.claims.get(name)?.spec));
            let template =
                it.resource_claim_template_name.as_ref().and_then(|name| Some(&self.devices.templates.get(name)?.spec));
            if let Some(class) = claim.or(template).and_then(|spec| self.gpu_class(spec)) {
                asked.push((list.clone().index(index), format!("a claim of DeviceClass {class}")));
            }
        }
        for container in pod.containers() {
            let nothing = ResourceRequirements::default();
            let resources = container.resources.unwrap_or(&nothing);
            let limited = |name: &String| resources.limits.as_ref().is_some_and(|limits| limits.contains_key(name));
            for (key, map) in [("limits", &resources.limits), ("requests", &resources.requests)] {
                for (name, quantity) in map.iter().flatten() {
                    // The API server copies a limit to the requests: people are told of what they wrote.
                    let is_copy = key == "requests" && limited(name);
                    let none = quantity::parse(&quantity.0, Unit::One) == Ok(0);
                    if !is_copy && !none && means_gpu(name, &self.devices.classes, self.policy) {
                        asked.push((container.at(["resources", key]).key(name.clone()), name.clone()));
                    }
                }
            }
        }
        asked
    }

    /// The first class of a claim that is, or may be, of GPUs.
    fn gpu_class(&self, spec: &ResourceClaimSpec) -> Option<String> {
        let classes = &self.devices.classes;
        let name = Names::classes_of(spec).find(|name| is_gpu_class(name, classes, self.policy))?;
        let unknown = if classes.contains_key(&name) { "" } else { " (it does not exist, and may be one of GPUs)" };
        Some(format!("{name}{unknown}"))
    }
}

/// Whether devices of a class are, or may be, GPUs. Nobody narrows a claim here, so an admin's word is not enough.
fn is_gpu_class(name: &str, classes: &DeviceClasses, policy: &Policy) -> bool {
    match Kinds::new(classes, policy).of(name) {
        Kind::Gpus => true,
        Kind::Others(others) if classes.contains_key(name) => !others.by_itself,
        Kind::Others(_) => {
            let platform = policy.platform();
            platform.elsewhere == Elsewhere::Enforce && !platform.device_classes.contains_key(name)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::object::kinds::DEVICE_GROUP;
    use crate::object::kinds::GroupResource;
    use crate::policy::Records;
    use crate::submission::Act;
    use crate::submission::Requester;
    use crate::submission::devices::ClaimTemplate;

    fn denials(resource: GroupResource, object: &Value) -> Vec<String> {
        let decision = judged(Elsewhere::Enforce, resource, object);
        decision.denials.iter().map(ToString::to_string).collect()
    }

    fn judged(elsewhere: Elsewhere, resource: GroupResource, object: &Value) -> Decision {
        let class = |text: &str| serde_json::from_value(json!({"selectors": [{"cel": {"expression": text}}]}));
        let classes = [
            ("gpu.nvidia.com", "true"),
            ("big", "device.driver == 'gpu.nvidia.com'"),
            ("nic", "device.driver == 'nic'"),
        ];
        let classes: DeviceClasses =
            classes.into_iter().map(|(name, text)| (name.to_owned(), class(text).expect("a class"))).collect();
        let spec = serde_json::from_value(claim("big")["spec"].clone()).expect("a claim's spec");
        let template = ClaimTemplate { user_id: None, labels: BTreeMap::new(), spec: Arc::new(spec) };
        let templates = [("old".to_owned(), template)].into();
        let devices = Devices { classes: Arc::new(classes), templates, ..Devices::default() };
        let submission = Submission {
            act: Act::Create,
            resource,
            subresource: "",
            kind: "",
            namespace: "scratch",
            name: "",
            requester: Requester { username: "alice", groups: &[] },
            object: Some(object),
            old: None,
        };
        let mut records = Records::default();
        records.platform.elsewhere = elsewhere;
        judge(&submission, &devices, &Policy::from(records)).expect("it can be read")
    }

    fn claim(class: &str) -> Value {
        json!({"spec": {"devices": {"requests": [{"name": "a", "exactly": {"deviceClassName": class}}]}}})
    }

    fn pod(spec: Value) -> Vec<String> {
        denials(GroupResource::new("", "pods"), &json!({"spec": spec}))
    }

    #[test]
    fn gpus_are_refused_by_whatever_name_and_other_devices_are_not() {
        let claims = || GroupResource::new(DEVICE_GROUP, "resourceclaims");
        let said = denials(claims(), &claim("gpu.nvidia.com"));
        let why = "asked DeviceClass gpu.nvidia.com in namespace scratch, which is no project's; GPUs are given out in projects; \
                   use a namespace of a project that you are a member of, or ask an admin to bind this one";
        assert_eq!(said.len(), 1);
        assert!(said[0].contains(why), "{}", said[0]);
        assert_eq!(denials(claims(), &claim("big")).len(), 1);
        assert_eq!(denials(claims(), &claim("mig.nvidia.com")).len(), 1);
        assert!(denials(claims(), &claim("nic")).is_empty());
        let said = denials(claims(), &claim("later"));
        assert!(said[0].contains("asked DeviceClass later (it does not exist, and may be one of GPUs)"), "{said:?}");
        let warned = judged(Elsewhere::Warn, claims(), &claim("later"));
        assert!(warned.warnings.is_empty(), "{:?}", warned.warnings);
        let template = json!({"spec": claim("gpu.nvidia.com")});
        assert_eq!(denials(GroupResource::new(DEVICE_GROUP, "resourceclaimtemplates"), &template).len(), 1);
    }

    #[test]
    fn a_workload_is_warned_of_and_where_nothing_is_enforced_its_pods_are_too() {
        let spec = json!({"containers": [{"name": "a", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]});
        let deployment = json!({"spec": {"template": {"spec": spec}}});
        let of_a_deployment = |elsewhere| {
            let decision = judged(elsewhere, GroupResource::new("apps", "deployments"), &deployment);
            assert!(decision.allowed());
            decision.warnings.join("|")
        };
        let at = "project: spec.template.spec.containers[0].resources.limits[nvidia.com/gpu]: asked nvidia.com/gpu in namespace \
                  scratch, which is no project's: ";
        for (elsewhere, becomes) in
            [(Elsewhere::Warn, "nobody is charged for them"), (Elsewhere::Enforce, "its Pods will be refused")]
        {
            assert_eq!(of_a_deployment(elsewhere), format!("{at}{becomes}; {USE_A_PROJECT}"));
        }
        let pod = judged(Elsewhere::Warn, GroupResource::new("", "pods"), &json!({"spec": spec}));
        assert!(pod.allowed() && pod.warnings[0].starts_with("not enforced: project: "), "{:?}", pod.warnings);
        assert_eq!(pod.unenforced_rules(), [RuleId::Project]);
    }

    #[test]
    fn pods_are_refused_for_their_claims_and_for_extended_resources() {
        let container =
            |name: &str, count: &str| json!({"containers": [{"name": "a", "resources": {"limits": {name: count}}}]});
        assert_eq!(pod(container("nvidia.com/gpu", "1")).len(), 1);
        assert_eq!(pod(container("nvidia.com/mig-1g.5gb", "1")).len(), 1);
        let both = json!({"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}});
        let said = pod(json!({"containers": [{"name": "a", "resources": both}]}));
        assert_eq!(said.len(), 1, "what the API server copies is told once: {said:?}");
        assert!(pod(container("nvidia.com/gpu", "0")).is_empty() && pod(container("example.com/fpga", "1")).is_empty());
        let named = |name: &str| json!({"containers": [], "resourceClaims": [{"name": "a", "resourceClaimTemplateName": name}]});
        assert_eq!(pod(named("old")).len(), 1);
        assert!(pod(named("new")).is_empty());
    }
}

//! What exists of what the daemon `templates` looks after: Pods with claims of their own, and templates with names as ours.

use k8s_openapi::api::resource::v1::ResourceClaimTemplate;
use policy_engine::claims::template::is_platform_template;
use policy_engine::contract;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::templates::{Existing, Use, View};
use policy_engine::gpu::own_claim;
use policy_engine::ledger::Life;

use super::{is_managed, label, seen};
use crate::world::World;
use crate::world::pod::{Pod, life};

/// The templates that Pods name, and those that there are.
pub fn view(world: &World, own_namespace: &str) -> View {
    View {
        own_namespace: own_namespace.to_owned(),
        bindings: world.bindings(),
        uses: world.pods().iter().flat_map(|pod| uses(pod)).collect(),
        templates: world.templates().iter().filter_map(|it| existing(it)).collect(),
        expected: world.expected_templates(),
    }
}

/// One that is being deleted names its templates still: its claim may not be made yet.
fn uses(pod: &Pod) -> Vec<Use> {
    let meta = &pod.metadata;
    let text = meta.annotations.as_ref().and_then(|it| it.get(contract::CLAIM_TEMPLATE));
    // The label says it of a Pod that has no other claim beside.
    let has_own = text.is_some() || label(meta, contract::SHARING_MODE) == Some(own_claim::MODE);
    if !has_own || life(pod) == Life::Finished {
        return Vec::new();
    }
    let named = pod.spec.claims.iter().filter_map(|it| {
        let pod = PodName { namespace: meta.namespace.clone()?, name: meta.name.clone()? };
        let template = it.resource_claim_template_name.clone()?;
        Some(Use { pod, seen: seen(meta)?, template, text: text.cloned() })
    });
    named.collect()
}

fn existing(template: &ResourceClaimTemplate) -> Option<Existing> {
    let meta = &template.metadata;
    let name = meta.name.clone().filter(|name| is_platform_template(name))?;
    let spec = template.spec.as_ref().and_then(|it| it.spec.clone()).unwrap_or_default();
    let (namespace, since) = (meta.namespace.clone()?, meta.creation_timestamp.as_ref()?.0);
    Some(Existing { namespace, name, seen: seen(meta)?, is_ours: is_managed(meta), since, spec })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_uses_each_template_that_it_names_and_says_what_its_annotation_says() {
        let read = |mode: &str, text: Option<&str>, phase: &str| {
            let pod: Pod = serde_json::from_value(json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"namespace": "detector", "name": "owl", "uid": "u", "resourceVersion": "7",
                    "labels": {contract::SHARING_MODE: mode}, "annotations": text.map(|text| json!({contract::CLAIM_TEMPLATE: text}))},
                "spec": {"containers": [{"name": "main", "image": "x"}],
                    "resourceClaims": [{"name": "a", "resourceClaimTemplateName": "one"}, {"name": "b", "resourceClaimName": "mine"}]},
                "status": {"phase": phase},
            }))
            .expect("a Pod");
            uses(&pod)
        };
        let [only] = &read(own_claim::MODE, Some("{}"), "Pending")[..] else { panic!("one template") };
        assert_eq!((only.pod.to_string(), only.template.as_str()), ("detector/owl".into(), "one"));
        assert_eq!((only.text.as_deref(), only.seen.uid.as_str()), (Some("{}"), "u"));
        assert!(read(own_claim::MODE, Some("{}"), "Failed").is_empty(), "it has ended");
        assert!(read("shared-claim", None, "Pending").is_empty(), "its claims are not its own");
        assert_eq!(read("", Some("{}"), "Pending").len(), 1, "it has a claim of its own beside another");
    }

    #[test]
    fn only_templates_with_names_as_ours_are_seen_and_the_mark_says_whose_they_are() {
        let read = |name: &str, labels: serde_json::Value| {
            let template: ResourceClaimTemplate = serde_json::from_value(json!({
                "metadata": {"namespace": "detector", "name": name, "uid": "u", "resourceVersion": "7",
                    "creationTimestamp": "2026-11-23T11:00:00Z", "labels": labels},
                "spec": {"spec": {"devices": {}}},
            }))
            .expect("a template");
            existing(&template)
        };
        let ours = "gpu-h100-cnt1-sm50-memmax-0123456789";
        let marked = read(ours, json!({"app.kubernetes.io/managed-by": "sluice"})).expect("it is seen");
        assert!(marked.is_ours && marked.spec.devices.is_some());
        assert!(!read(ours, json!({"app.kubernetes.io/managed-by": "Helm"})).expect("it is seen").is_ours);
        assert!(read("mine", json!({})).is_none());
    }
}

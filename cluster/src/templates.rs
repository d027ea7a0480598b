//! What exists of what the daemon `templates` looks after: Pods with claims of their own, and templates with names as ours.
//!
//! Of Pods only those are watched whose label says so, and little more than metadata is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::resource::v1::ResourceClaimTemplate;
use kube::Api;
use kube::core::object::NotUsed;
use kube::core::{ApiResource, Object, ObjectMeta};
use kube::runtime::watcher;
use policy_engine::claims::template::is_platform_template;
use policy_engine::contract;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::common::Seen;
use policy_engine::daemons::common::{MANAGED_BY, MANAGER};
use policy_engine::daemons::templates::{Standing, Use, View};
use policy_engine::gpu::own_claim;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::governed::{Unfit, heard_lately};
use crate::volumes::UNFINISHED;
use crate::watch::{Cache, Caches, Common, follow_some};

/// A Pod as it is cached.
type Sketch = Object<Claims, NotUsed>;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    #[serde(default)]
    resource_claims: Vec<Claim>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Claim {
    resource_claim_template_name: Option<String>,
}

/// Caches of Pods with claims of their own, and of templates. Clones share them.
#[derive(Clone)]
pub struct Templates {
    caches: Caches,
    own_namespace: Arc<str>,
    pods: Arc<Cache<Sketch>>,
    templates: Arc<Cache<ResourceClaimTemplate>>,
    changes: watch::Receiver<u64>,
}

impl Templates {
    /// Starts to watch. Returns at once; the watches end with `shutdown`.
    pub fn start(caches: Caches, own_namespace: &str, shutdown: CancellationToken) -> Self {
        let (nudge, changes) = watch::channel(0_u64);
        let nudge = Arc::new(nudge);
        let nudged = || {
            let nudge = nudge.clone();
            move || nudge.send_modify(|count| *count = count.wrapping_add(1))
        };
        let common = Common { client: caches.client().clone(), shutdown, kinds_missing: Arc::default() };
        let resource = ApiResource::erase::<k8s_openapi::api::core::v1::Pod>(&());
        let own_claim = format!("{}={}", contract::SHARING_MODE, own_claim::MODE);
        let own_claim = watcher::Config::default().labels(&own_claim).fields(UNFINISHED);
        let api = |client| Api::all_with(client, &resource);
        let least_pod = |it: &mut Sketch| least(&mut it.metadata, contract::CLAIM_TEMPLATE);
        let pods = follow_some("pods", api, resource.clone(), own_claim, least_pod, nudged(), &common);
        let least_template = |it: &mut ResourceClaimTemplate| least(&mut it.metadata, "");
        let all = watcher::Config::default();
        let templates = follow_some("resourceclaimtemplates", Api::all, (), all, least_template, nudged(), &common);
        Self {
            caches,
            own_namespace: own_namespace.into(),
            pods: Arc::new(pods),
            templates: Arc::new(templates),
            changes,
        }
    }

    /// Waits until something changed that was not [noticed](Self::notice) yet.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes note of everything that has changed so far.
    pub fn notice(&mut self) {
        self.changes.mark_unchanged();
    }

    /// Whether the caches hold everything, and nothing that is old.
    ///
    /// # Errors
    /// Why not. Where the API server has no ResourceClaimTemplates, they never do.
    pub fn fit(&self) -> Result<(), Unfit> {
        let filled = [("pods", self.pods.is_filled()), ("resourceclaimtemplates", self.templates.is_filled())];
        if let Some((name, _)) = filled.into_iter().find(|(_, filled)| !filled) {
            return Err(Unfit::Cold(name));
        }
        heard_lately([self.pods.last_heard(), self.templates.last_heard()])
    }

    /// What exists.
    ///
    /// # Errors
    /// Where the caches are not [fit](Self::fit).
    pub fn view(&self) -> Result<View, Unfit> {
        self.fit()?;
        Ok(View {
            own_namespace: self.own_namespace.to_string(),
            bindings: self.caches.bindings(),
            uses: self.pods.store.state().iter().flat_map(|pod| uses(pod)).collect(),
            templates: self.templates.store.state().iter().filter_map(|it| standing(it)).collect(),
        })
    }
}

/// Of all metadata, what is looked at here.
fn least(meta: &mut ObjectMeta, annotation: &str) {
    let ObjectMeta { name, namespace, uid, resource_version, creation_timestamp, labels, annotations, .. } =
        std::mem::take(meta);
    let only = |map: Option<BTreeMap<String, String>>, wanted: &str| {
        map.map(|mut map| {
            map.retain(|key, _| key == wanted);
            map
        })
    };
    *meta = ObjectMeta {
        name,
        namespace,
        uid,
        resource_version,
        creation_timestamp,
        labels: only(labels, MANAGED_BY),
        annotations: only(annotations, annotation),
        ..ObjectMeta::default()
    };
}

fn seen(meta: &ObjectMeta) -> Option<Seen> {
    Some(Seen { uid: meta.uid.clone()?, resource_version: meta.resource_version.clone()? })
}

/// One that is being deleted names its templates still: its claim may not be made yet.
fn uses(pod: &Sketch) -> Vec<Use> {
    let meta = &pod.metadata;
    let text = meta.annotations.as_ref().and_then(|it| it.get(contract::CLAIM_TEMPLATE));
    let named = pod.spec.resource_claims.iter().filter_map(|it| {
        let pod = PodName { namespace: meta.namespace.clone()?, name: meta.name.clone()? };
        let template = it.resource_claim_template_name.clone()?;
        Some(Use { pod, seen: seen(meta)?, template, text: text.cloned() })
    });
    named.collect()
}

fn standing(template: &ResourceClaimTemplate) -> Option<Standing> {
    let meta = &template.metadata;
    let name = meta.name.clone().filter(|name| is_platform_template(name))?;
    let is_ours = meta.labels.as_ref().and_then(|it| it.get(MANAGED_BY)).is_some_and(|by| by == MANAGER);
    let spec = template.spec.as_ref().and_then(|it| it.spec.clone()).unwrap_or_default();
    let (namespace, since) = (meta.namespace.clone()?, meta.creation_timestamp.as_ref()?.0);
    Some(Standing { namespace, name, seen: seen(meta)?, is_ours, since, spec })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_uses_each_template_that_it_names_and_says_what_its_annotation_says() {
        let mut pod: Sketch = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "detector", "name": "owl", "uid": "u", "resourceVersion": "7",
                "annotations": {"platform-go/claim-template": "{}", "note": "long"}},
            "spec": {"containers": [{"name": "main", "image": "x"}],
                "resourceClaims": [{"name": "a", "resourceClaimTemplateName": "one"}, {"name": "b", "resourceClaimName": "mine"}]},
        }))
        .expect("a Pod");
        least(&mut pod.metadata, contract::CLAIM_TEMPLATE);
        assert_eq!(pod.metadata.annotations.as_ref().map(|it| it.len()), Some(1));
        let [only] = &uses(&pod)[..] else { panic!("one template") };
        assert_eq!((only.pod.to_string(), only.template.as_str()), ("detector/owl".into(), "one"));
        assert_eq!((only.text.as_deref(), only.seen.uid.as_str()), (Some("{}"), "u"));
    }

    #[test]
    fn only_templates_with_names_as_ours_are_seen_and_the_mark_says_whose_they_are() {
        let read = |name: &str, labels: serde_json::Value| {
            let mut template: ResourceClaimTemplate = serde_json::from_value(json!({
                "metadata": {"namespace": "detector", "name": name, "uid": "u", "resourceVersion": "7",
                    "creationTimestamp": "2026-11-23T11:00:00Z", "labels": labels},
                "spec": {"spec": {"devices": {}}},
            }))
            .expect("a template");
            least(&mut template.metadata, "");
            standing(&template)
        };
        let ours = "gpu-h100-cnt1-sm50-memmax-0123456789";
        let marked = read(ours, json!({"app.kubernetes.io/managed-by": "sluice"})).expect("it is seen");
        assert!(marked.is_ours && marked.spec.devices.is_some());
        assert!(!read(ours, json!({"app.kubernetes.io/managed-by": "Helm"})).expect("it is seen").is_ours);
        assert!(read("mine", json!({})).is_none());
    }
}

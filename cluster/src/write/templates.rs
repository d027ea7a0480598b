//! ResourceClaimTemplates that the platform makes.

use k8s_openapi::api::resource::v1::{ResourceClaimTemplate, ResourceClaimTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use policy_engine::daemons::common::{MANAGED_BY, MANAGER};
use policy_engine::daemons::templates::Action;

use super::{Outcome, WriteFailed, Writer, creating, deleting, outcome};

impl Writer {
    /// Makes a template, or removes one in the state in which it was seen.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn provide(&self, action: &Action) -> Result<Outcome, WriteFailed> {
        let api = |namespace: &str| Api::<ResourceClaimTemplate>::namespaced(self.client.clone(), namespace);
        match action {
            Action::Make { namespace, template, .. } => {
                let made = ResourceClaimTemplate {
                    metadata: ObjectMeta {
                        name: Some(template.name.clone()),
                        labels: Some([(MANAGED_BY.into(), MANAGER.into())].into()),
                        ..ObjectMeta::default()
                    },
                    spec: Some(ResourceClaimTemplateSpec { metadata: None, spec: Some(template.spec.clone()) }),
                };
                let what = || format!("resourceclaimtemplate {namespace}/{}", template.name);
                outcome(what, api(namespace).create(&creating(), &made)).await
            }
            Action::Remove { namespace, name, seen } => {
                let what = || format!("resourceclaimtemplate {namespace}/{name}");
                outcome(what, api(namespace).delete(name, &deleting(seen))).await
            }
        }
    }
}

//! What the daemon `follow` writes: Namespaces, RoleBindings, ResourceQuotas, PriorityClasses and Volcano's Queues.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Namespace, ResourceQuota, ResourceQuotaSpec};
use k8s_openapi::api::rbac::v1::{RoleBinding, RoleRef, Subject as RbacSubject};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DeleteParams, Patch};
use policy_engine::daemons::common::Seen;
use policy_engine::daemons::common::{MANAGED_BY, MANAGER};
use policy_engine::daemons::follow::action::{
    Action, MetadataChange, QUOTA_NAME, QueueClass, cluster_role_name, role_binding_name,
};
use policy_engine::daemons::follow::view::Subject;
use policy_engine::policy::namespace_quota::NamespaceQuota;
use policy_engine::policy::project::ProjectRole;
use serde_json::{Value, json};

use super::{Outcome, WriteFailed, Writer, creating, deleting, outcome, patching};

const RBAC: &str = "rbac.authorization.k8s.io";

impl Writer {
    /// Carries out one action of a plan.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn carry_out(&self, action: &Action) -> Result<Outcome, WriteFailed> {
        match action {
            Action::CreateNamespace { namespace, metadata, .. } => self.create_namespace(namespace, metadata).await,
            Action::LabelNamespace { namespace, seen, metadata, .. }
            | Action::RemoveLabel { namespace, seen, metadata } => self.annotate(namespace, seen, metadata).await,
            Action::ApplyRoleBinding { namespace, role, subjects, seen } => {
                self.apply_role_binding(namespace, *role, subjects, seen.as_ref()).await
            }
            Action::DeleteRoleBinding { namespace, name, seen, .. } => {
                let what = || format!("rolebinding {namespace}/{name}");
                let api = Api::<RoleBinding>::namespaced(self.client.clone(), namespace);
                outcome(what, api.delete(name, &deleting(seen))).await
            }
            Action::ApplyResourceQuota { namespace, quota, seen, .. } => {
                self.apply_resource_quota(namespace, quota, seen.as_ref()).await
            }
            Action::DeleteResourceQuota { namespace, name, seen, .. } => {
                let api = Api::<ResourceQuota>::namespaced(self.client.clone(), namespace);
                outcome(|| format!("resourcequota {namespace}/{name}"), api.delete(name, &deleting(seen))).await
            }
            Action::CreatePriorityClass(class) => self.create_class(class).await,
            Action::AmendPriorityClass { class, seen } => {
                let name = class.name();
                let change = json!({
                    "metadata": { "resourceVersion": seen.resource_version, "uid": seen.uid,
                                  "labels": { MANAGED_BY: MANAGER } },
                    "description": class.description(),
                    "globalDefault": false,
                });
                let api = Api::<PriorityClass>::all(self.client.clone());
                outcome(|| class_name(&name), api.patch(&name, &patching(), &Patch::Merge(change))).await
            }
            Action::ReplacePriorityClass { class, seen } => match self.delete_class(&class.name(), seen).await? {
                Outcome::Written | Outcome::Gone => self.create_class(class).await,
                stays @ (Outcome::Overtaken | Outcome::BlockedByBudget) => Ok(stays),
            },
            Action::DeletePriorityClass { name, seen } => self.delete_class(name, seen).await,
            Action::CreateVolcanoQueue(queue) => self.create_volcano_queue(queue).await,
            Action::AmendVolcanoQueue { queue, seen, surplus } => self.amend_volcano_queue(queue, seen, surplus).await,
            Action::DeleteVolcanoQueue { name, seen } => self.delete_volcano_queue(name, seen).await,
        }
    }

    /// Whoever made or edited a RoleBinding of this name: in a governed Namespace it is ours.
    async fn apply_role_binding(
        &self,
        namespace: &str,
        role: ProjectRole,
        subjects: &BTreeSet<Subject>,
        seen: Option<&Seen>,
    ) -> Result<Outcome, WriteFailed> {
        let (binding, name) = (role_binding(namespace, role, subjects, seen), role_binding_name(role));
        let what = || format!("rolebinding {namespace}/{name}");
        let api = Api::<RoleBinding>::namespaced(self.client.clone(), namespace);
        let (by, binding) = (patching().force(), Patch::Apply(&binding));
        match outcome(what, api.patch(name, &by, &binding)).await {
            // Without our label it was not seen, and of another role it cannot be made ours.
            Err(WriteFailed::Api { source, .. }) if seen.is_none() && is_invalid(&source) => {
                outcome(what, api.delete(name, &DeleteParams::background())).await?;
                outcome(what, api.patch(name, &by, &binding)).await
            }
            other => other,
        }
    }

    /// It is replaced and not patched, so that no limit stays that somebody else added.
    async fn apply_resource_quota(
        &self,
        namespace: &str,
        quota: &NamespaceQuota,
        seen: Option<&Seen>,
    ) -> Result<Outcome, WriteFailed> {
        let made = resource_quota(namespace, quota, seen);
        let what = || format!("resourcequota {namespace}/{QUOTA_NAME}");
        let api = Api::<ResourceQuota>::namespaced(self.client.clone(), namespace);
        if seen.is_some() {
            return outcome(what, api.replace(QUOTA_NAME, &creating(), &made)).await;
        }
        match outcome(what, api.create(&creating(), &made)).await? {
            // Without our label it was not seen.
            Outcome::Overtaken => {
                outcome(what, api.delete(QUOTA_NAME, &DeleteParams::background())).await?;
                outcome(what, api.create(&creating(), &made)).await
            }
            other => Ok(other),
        }
    }

    async fn create_namespace(&self, name: &str, metadata: &MetadataChange) -> Result<Outcome, WriteFailed> {
        let present = |(key, value): (&&str, &Option<String>)| Some(((*key).to_owned(), value.clone()?));
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: Some(name.into()),
                labels: Some(metadata.labels.iter().filter_map(present).collect()),
                annotations: Some(metadata.annotations.iter().filter_map(present).collect()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let api = Api::<Namespace>::all(self.client.clone());
        outcome(|| format!("namespace {name}"), api.create(&creating(), &namespace)).await
    }

    async fn annotate(&self, name: &str, seen: &Seen, change: &MetadataChange) -> Result<Outcome, WriteFailed> {
        let change = json!({ "metadata": {
            "resourceVersion": seen.resource_version,
            "uid": seen.uid,
            "labels": change.labels,
            "annotations": change.annotations,
        }});
        let api = Api::<Namespace>::all(self.client.clone());
        outcome(|| format!("namespace {name}"), api.patch_metadata(name, &patching(), &Patch::Merge(change))).await
    }

    async fn create_class(&self, class: &QueueClass) -> Result<Outcome, WriteFailed> {
        let made = PriorityClass {
            metadata: ObjectMeta {
                name: Some(class.name()),
                labels: Some([(MANAGED_BY.into(), MANAGER.into())].into()),
                ..ObjectMeta::default()
            },
            value: Some(class.value),
            preemption_policy: Some("Never".into()),
            global_default: Some(false),
            description: Some(class.description()),
        };
        let api = Api::<PriorityClass>::all(self.client.clone());
        outcome(|| class_name(&class.name()), api.create(&creating(), &made)).await
    }

    async fn delete_class(&self, name: &str, seen: &Seen) -> Result<Outcome, WriteFailed> {
        let api = Api::<PriorityClass>::all(self.client.clone());
        outcome(|| class_name(name), api.delete(name, &deleting(seen))).await
    }
}

fn class_name(name: &str) -> String {
    format!("priorityclass {name}")
}

fn is_invalid(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 422)
}

fn resource_quota(namespace: &str, quota: &NamespaceQuota, seen: Option<&Seen>) -> ResourceQuota {
    ResourceQuota {
        metadata: ObjectMeta {
            name: Some(QUOTA_NAME.into()),
            namespace: Some(namespace.into()),
            labels: Some([(MANAGED_BY.into(), MANAGER.into())].into()),
            uid: seen.map(|seen| seen.uid.clone()),
            resource_version: seen.map(|seen| seen.resource_version.clone()),
            ..ObjectMeta::default()
        },
        spec: Some(ResourceQuotaSpec { hard: Some(quota.hard()), ..ResourceQuotaSpec::default() }),
        ..ResourceQuota::default()
    }
}

fn role_binding<'a>(
    namespace: &str,
    role: ProjectRole,
    subjects: impl IntoIterator<Item = &'a Subject>,
    seen: Option<&Seen>,
) -> Value {
    let binding = RoleBinding {
        metadata: ObjectMeta {
            name: Some(role_binding_name(role).into()),
            namespace: Some(namespace.into()),
            labels: Some([(MANAGED_BY.into(), MANAGER.into())].into()),
            uid: seen.map(|seen| seen.uid.clone()),
            resource_version: seen.map(|seen| seen.resource_version.clone()),
            ..ObjectMeta::default()
        },
        role_ref: RoleRef {
            api_group: Some(RBAC.into()),
            kind: "ClusterRole".into(),
            name: cluster_role_name(role).into(),
        },
        subjects: Some(subjects.into_iter().map(subject).collect()),
    };
    json!(binding)
}

fn subject(subject: &Subject) -> RbacSubject {
    let of = |kind: &str, name: &str| RbacSubject {
        api_group: Some(RBAC.into()),
        kind: kind.into(),
        name: name.into(),
        namespace: None,
    };
    match subject {
        Subject::User(name) => of("User", name),
        Subject::Group(name) => of("Group", name),
        Subject::ServiceAccount { namespace, name } => RbacSubject {
            api_group: None,
            kind: "ServiceAccount".into(),
            name: name.clone(),
            namespace: Some(namespace.clone()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_binding_names_each_kind_of_subject_as_kubernetes_does() {
        let account = Subject::of_username("system:serviceaccount:ci:robot");
        let subjects = [Subject::User("alice".into()), Subject::Group("idp:nlp".into()), account];
        let seen = Seen { uid: "u".into(), resource_version: "7".into() };
        let group = "rbac.authorization.k8s.io";
        assert_eq!(
            role_binding("nlp", ProjectRole::Manager, &subjects, Some(&seen)),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": { "name": "sluice-manager", "namespace": "nlp", "uid": "u", "resourceVersion": "7",
                              "labels": { "app.kubernetes.io/managed-by": "sluice" } },
                "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": "sluice-project-manager" },
                "subjects": [
                    { "apiGroup": group, "kind": "User", "name": "alice" },
                    { "apiGroup": group, "kind": "Group", "name": "idp:nlp" },
                    { "kind": "ServiceAccount", "namespace": "ci", "name": "robot" },
                ],
            })
        );
    }

    #[test]
    fn a_resource_quota_carries_the_mark_and_what_was_seen() {
        let seen = Seen { uid: "u".into(), resource_version: "7".into() };
        let quota = NamespaceQuota([("count/pods".to_owned(), 2), ("requests.storage".to_owned(), 1 << 30)].into());
        assert_eq!(
            json!(resource_quota("nlp", &quota, Some(&seen))),
            json!({
                "apiVersion": "v1", "kind": "ResourceQuota",
                "metadata": { "name": "sluice-plan", "namespace": "nlp", "uid": "u", "resourceVersion": "7",
                              "labels": { "app.kubernetes.io/managed-by": "sluice" } },
                "spec": { "hard": { "count/pods": "2", "requests.storage": "1Gi" } },
            })
        );
    }
}

//! Who may do something in a governed namespace by a RoleBinding that Sluice did not make.

use anyhow::Result;
use cluster::dry_run::{Existing, Server};
use k8s_openapi::api::rbac::v1::{RoleBinding, Subject};
use owo_colors::OwoColorize as _;
use policy_engine::daemons::common::{MANAGED_BY, MANAGER};
use policy_engine::object::kinds::GroupResource;
use serde::{Deserialize as _, Serialize};

/// A RoleBinding that Sluice did not make. It stays: an admin may mean it.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ForeignRoleBinding {
    namespace: String,
    name: String,
    /// What it gives, e.g. `ClusterRole edit`.
    role: String,
    /// To whom, e.g. `User mallory`.
    subjects: Vec<String>,
}

/// Those in a namespace.
///
/// # Errors
/// Where the API server does not list them, or lists what is none.
pub(super) async fn foreign(server: &Server, namespace: &str) -> Result<Vec<ForeignRoleBinding>> {
    let kind = GroupResource::new("rbac.authorization.k8s.io", "rolebindings");
    let existing = server.inventory(namespace, &[kind]).await?;
    existing.iter().filter_map(|it| read(namespace, it).transpose()).collect()
}

fn read(namespace: &str, existing: &Existing) -> Result<Option<ForeignRoleBinding>> {
    let RoleBinding { metadata, role_ref, subjects } = RoleBinding::deserialize(&existing.object)?;
    let is_ours = metadata.labels.as_ref().is_some_and(|it| it.get(MANAGED_BY).is_some_and(|by| by == MANAGER));
    let named = |Subject { kind, name, namespace, .. }| match namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    };
    Ok((!is_ours).then(|| ForeignRoleBinding {
        namespace: namespace.into(),
        name: metadata.name.unwrap_or_default(),
        role: format!("{} {}", role_ref.kind, role_ref.name),
        subjects: subjects.into_iter().flatten().map(named).collect(),
    }))
}

impl ForeignRoleBinding {
    /// As a person reads it.
    pub(super) fn text(&self) -> String {
        let Self { namespace, name, role, subjects } = self;
        let whom = if subjects.is_empty() { "nobody".to_owned() } else { subjects.join(", ") };
        format!(
            "{} gives {role} to {whom}; it is not Sluice's, and no member list ends it: delete it unless you mean it",
            format!("rolebinding {namespace}/{name}").bold()
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bound(labels: serde_json::Value) -> Option<ForeignRoleBinding> {
        let object = json!({
            "metadata": {"name": "legacy", "namespace": "team-a", "labels": labels},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
            "subjects": [{"kind": "User", "name": "mallory"}, {"kind": "ServiceAccount", "namespace": "ci", "name": "robot"}],
        });
        let resource = GroupResource::new("rbac.authorization.k8s.io", "rolebindings");
        read("team-a", &Existing { resource, kind: "RoleBinding".into(), object }).expect("a RoleBinding")
    }

    #[test]
    fn one_that_is_not_sluices_is_named_with_what_it_gives() {
        assert_eq!(bound(json!({"app.kubernetes.io/managed-by": "sluice"})), None);
        let text = bound(json!({})).expect("a foreign one").text();
        assert!(text.contains("rolebinding team-a/legacy"), "{text}");
        assert!(
            text.contains(" gives ClusterRole edit to User mallory, ServiceAccount ci/robot; it is not Sluice's"),
            "{text}"
        );
    }
}

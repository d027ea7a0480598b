//! The status of records.

use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch};
use serde_json::{Map, Value, json};

use super::{Outcome, WriteFailed, Writer, outcome, patching};
use records::{GROUP, Kind, VERSION, group, model, plan, platform, project, queue, user};

/// Fields of a record's status that one daemon writes, as they are to be.
///
/// Fields of other daemons stay as they are: the API server knows who wrote which.
#[derive(Clone, Debug, PartialEq)]
pub struct Amendment {
    /// The record's kind.
    pub kind: Kind,
    /// The record's name.
    pub name: String,
    /// Which record of that name was seen.
    pub uid: String,
    /// The daemon.
    pub daemon: &'static str,
    /// What the daemon has to say; a field it no longer names goes away.
    pub fields: Map<String, Value>,
}

impl Writer {
    /// Writes fields of a record's status.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn amend_status(&self, amendment: &Amendment) -> Result<Outcome, WriteFailed> {
        let Amendment { kind, name, uid, daemon, fields } = amendment;
        let applied = json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": kind.name(),
            "metadata": { "name": name, "uid": uid },
            "status": fields,
        });
        let mut by = patching().force();
        by.field_manager = Some(format!("{}-{daemon}", super::FIELD_MANAGER));
        let api = Api::<DynamicObject>::all_with(self.client.clone(), &resource(*kind));
        outcome(|| format!("the status of {kind} {name}"), api.patch_status(name, &by, &Patch::Apply(applied))).await
    }
}

/// How the API server calls records of a kind.
pub(crate) fn resource(kind: Kind) -> ApiResource {
    match kind {
        Kind::User => ApiResource::erase::<user::User>(&()),
        Kind::Group => ApiResource::erase::<group::Group>(&()),
        Kind::ResourcePlan => ApiResource::erase::<plan::ResourcePlan>(&()),
        Kind::PlatformQueue => ApiResource::erase::<queue::PlatformQueue>(&()),
        Kind::GpuModel => ApiResource::erase::<model::GpuModel>(&()),
        Kind::Project => ApiResource::erase::<project::Project>(&()),
        Kind::PlatformPolicy => ApiResource::erase::<platform::PlatformPolicy>(&()),
    }
}

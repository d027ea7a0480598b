//! What daemons say of themselves, in the status of the PlatformPolicy.

use kube::Api;
use kube::api::{DynamicObject, Patch};
use records::daemon::{DaemonStatus, LONGEST_ATTENTION, LONGEST_SENTENCE};
use records::{GROUP, Kind, POLICY_NAME, VERSION};
use serde_json::json;

use super::status::resource;
use super::{Outcome, WriteFailed, Writer, outcome, patching, shortened};

impl Writer {
    /// Writes how daemons are, in the name of the Lease by which they act: who holds another Lease, of other daemons, writes
    /// beside it.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub async fn tell_of_daemons(&self, lease: &str, mut daemons: Vec<DaemonStatus>) -> Result<Outcome, WriteFailed> {
        for waits in daemons.iter_mut().filter_map(|daemon| daemon.waits_for.as_mut()) {
            waits.says = shortened(&waits.says, LONGEST_SENTENCE);
        }
        for sentence in daemons.iter_mut().flat_map(|daemon| &mut daemon.attention) {
            *sentence = shortened(sentence, LONGEST_ATTENTION);
        }
        let applied = json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": Kind::PlatformPolicy.name(),
            "metadata": { "name": POLICY_NAME },
            "status": { "daemons": daemons },
        });
        let mut by = patching().force();
        by.field_manager = Some(lease.to_owned());
        let api = Api::<DynamicObject>::all_with(self.client.clone(), &resource(Kind::PlatformPolicy));
        outcome(
            || "the status of the PlatformPolicy".to_owned(),
            api.patch_status(POLICY_NAME, &by, &Patch::Apply(applied)),
        )
        .await
    }
}

//! Whose a Pod is that the token of its service account names.

use kube::Api;
use policy_engine::submission::deputy::Deputy;
use tokio::time::Instant;

use super::{Named, Owners, Seen, api};
use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::lookup::{DynamicMeta, resource};

impl Owners {
    /// The Pod of this name and UID: what is stamped on it. It is remembered as what a controller's owner carries: who makes
    /// an object for its own Pod and names that Pod as the owner has it asked for once.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn pod(&self, namespace: &str, name: &str, uid: &str, deadline: Instant) -> Result<Deputy, LookupFailed> {
        let pod = name.to_owned();
        // A username and what a token carries are data: they lead to no other path.
        if !is_path_segment(namespace) || !is_path_segment(name) {
            return Ok(Deputy::Gone { pod });
        }
        let what = || format!("Pod {namespace}/{name}");
        let pods: Api<DynamicMeta> = api(&self.client, namespace, &resource("", "v1", "pods"));
        let named = Named {
            namespace: namespace.into(),
            api_version: "v1".into(),
            kind: "Pod".into(),
            name: name.into(),
            uid: uid.into(),
        };
        let seen = in_time(deadline, what, self.seen(named, pods)).await?;
        Ok(match seen.map_err(|error| LookupFailed::api(what, error))? {
            Seen::Absent => Deputy::Gone { pod },
            Seen::Unstamped => Deputy::Of { pod, user_id: None },
            Seen::Stamped(id) => Deputy::Of { pod, user_id: Some(id) },
        })
    }
}

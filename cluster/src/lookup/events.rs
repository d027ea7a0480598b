//! What Events say of an object. They are there for people, and nothing is decided by them.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;
use tokio::time::timeout;

use crate::world::World;

/// So many Events of a reason are read of a Namespace: news of one kind of one object counts up in one of them.
const MOST: u32 = 500;
/// Nobody waits longer for what is only told.
const LONGEST: Duration = Duration::from_secs(1);

/// What Events of this reason say in a Namespace, the newest of each object by its UID. Where the API server does not answer, nothing
/// is known of them.
pub async fn said(world: &World, namespace: &str, reason: &str) -> HashMap<String, String> {
    let which = ListParams::default().fields(&format!("reason={reason}")).limit(MOST);
    let events: Api<Event> = Api::namespaced(world.client().clone(), namespace);
    let Ok(Ok(found)) = timeout(LONGEST, events.list(&which)).await else { return HashMap::new() };
    let mut found = found.items;
    // Whoever does not heed field selectors brings others, too.
    found.retain(|event| event.reason.as_deref() == Some(reason));
    let last = |event: &Event| {
        let of_series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0);
        let at = event.last_timestamp.as_ref().map(|time| time.0);
        of_series.max(at).max(event.event_time.as_ref().map(|time| time.0))
    };
    found.sort_by_key(last);
    found.into_iter().filter_map(|event| Some((event.involved_object.uid?, event.message?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::ApiServer;

    #[tokio::test]
    async fn the_newest_of_each_object_is_told_and_what_has_another_reason_is_not() {
        let event = |name: &str, uid: &str, reason: &str, last: &str| {
            let object = json!({
                "metadata": {"namespace": "lab", "name": name}, "reason": reason, "message": name,
                "involvedObject": {"kind": "Pod", "uid": uid}, "lastTimestamp": last,
            });
            (format!("/api/v1/namespaces/lab/events/{name}"), object)
        };
        let server = ApiServer::with_collections([
            event("old", "u", "NoRoomMade", "2026-11-23T10:00:00Z"),
            event("new", "u", "NoRoomMade", "2026-11-23T11:00:00Z"),
            event("of another pod", "v", "NoRoomMade", "2026-11-23T12:00:00Z"),
            event("of another reason", "u", "MakingRoom", "2026-11-23T12:00:00Z"),
        ]);
        let said = said(&server.world(&[]).await, "lab", "NoRoomMade").await;
        let expected = [("u", "new"), ("v", "of another pod")].map(|(uid, said)| (uid.to_owned(), said.to_owned()));
        assert_eq!(said, HashMap::from(expected));
        server.assert_asked(["/api/v1/namespaces/lab/events"]);
    }
}

//! What Events say of an object. They are there for people, and nothing is decided by them.

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;
use tokio::time::{Instant, timeout_at};

use crate::world::World;

/// So many Events are read of one object and reason: news of one kind counts up in one of them.
const MOST: u32 = 10;

/// What Events of this reason say of the object with this UID, the newest first. Where the API server does not answer, nothing is
/// known of them.
pub async fn said(world: &World, namespace: &str, uid: &str, reason: &str, deadline: Instant) -> Vec<String> {
    let which = ListParams::default().fields(&format!("involvedObject.uid={uid},reason={reason}")).limit(MOST);
    let events: Api<Event> = Api::namespaced(world.client().clone(), namespace);
    let Ok(Ok(found)) = timeout_at(deadline, events.list(&which)).await else { return Vec::new() };
    let mut found = found.items;
    // Whoever does not heed field selectors brings others, too.
    found.retain(|event| event.reason.as_deref() == Some(reason) && event.involved_object.uid.as_deref() == Some(uid));
    let last = |event: &Event| {
        let of_series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0);
        let at = event.last_timestamp.as_ref().map(|time| time.0);
        of_series.max(at).max(event.event_time.as_ref().map(|time| time.0))
    };
    found.sort_by_key(|event| std::cmp::Reverse(last(event)));
    found.into_iter().filter_map(|event| event.message).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::testing::ApiServer;

    #[tokio::test]
    async fn the_newest_is_first_and_those_of_others_are_left_out() {
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
        let deadline = Instant::now() + Duration::from_secs(5);
        assert_eq!(said(&server.world(&[]).await, "lab", "u", "NoRoomMade", deadline).await, ["new", "old"]);
        server.assert_asked(["/api/v1/namespaces/lab/events"]);
    }
}

//! Everything that happened to the objects, in the order of the cluster's revisions.
//!
//! Resource versions of one etcd are one count for all kinds. So events of several watches, sorted by them, are every state
//! that the cluster ever had.

use super::change::{Change, Kind};
use super::scene;
use super::state::State;
use anyhow::{Context, Result};
use futures::{StreamExt, pin_mut};
use http::Request;
use kube::Client;
use kube::core::WatchEvent;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::task::JoinHandle;

#[derive(Default)]
pub(super) struct History(Mutex<Vec<Change>>);

impl History {
    fn changes(&self) -> MutexGuard<'_, Vec<Change>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sorted(&self) -> Vec<Change> {
        let mut changes = self.changes().clone();
        changes.sort_by_key(|change| change.revision);
        changes
    }

    /// The newest state, and its revision.
    pub(super) fn now(&self) -> (State, u64) {
        let mut state = State::default();
        let changes = self.sorted();
        changes.iter().for_each(|change| drop(state.take(change)));
        (state, changes.last().map_or(0, |change| change.revision))
    }

    /// Of `kind/name`, as it was heard last; one that nobody has if there was none.
    pub(super) fn uid(&self, of: &str) -> String {
        let changes = self.changes();
        let found = changes.iter().rev().find(|change| {
            of.strip_prefix(change.kind.name()).and_then(|of| of.strip_prefix('/'))
                == change.object["metadata"]["name"].as_str()
        });
        let uid = found.and_then(|change| change.object["metadata"]["uid"].as_str());
        uid.unwrap_or("00000000-0000-4000-8000-000000000000").to_owned()
    }
}

/// Begins to listen to every kind.
pub(super) async fn watch(admin: &Client, history: &Arc<History>) -> Result<Vec<JoinHandle<Result<()>>>> {
    let mut watching = Vec::new();
    for kind in Kind::ALL {
        let list: Value = admin.request(Request::get(kind.path()).body(Vec::new())?).await?;
        for object in list["items"].as_array().into_iter().flatten() {
            history.changes().push(change(kind, object.clone(), false)?);
        }
        let from = list["metadata"]["resourceVersion"].as_str().context("a list without a revision")?.to_owned();
        watching.push(tokio::spawn(listen(admin.clone(), history.clone(), kind, from)));
    }
    Ok(watching)
}

async fn listen(admin: Client, history: Arc<History>, kind: Kind, mut from: String) -> Result<()> {
    loop {
        let path =
            format!("{}?watch=1&allowWatchBookmarks=true&timeoutSeconds=240&resourceVersion={from}", kind.path());
        let events = admin.request_events::<Value>(Request::get(path).body(Vec::new())?).await?;
        pin_mut!(events);
        while let Some(event) = events.next().await {
            let (object, is_gone) = match event? {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
                WatchEvent::Deleted(object) => (object, true),
                WatchEvent::Bookmark(mark) => {
                    from.clone_from(&mark.metadata.resource_version);
                    continue;
                }
                WatchEvent::Error(status) => anyhow::bail!("the watch of {kind:?} broke: {}", status.message),
            };
            let change = change(kind, object, is_gone)?;
            from = change.revision.to_string();
            match kind {
                Kind::Volume => scene::provision(&admin, &change).await,
                Kind::Pod => scene::actuate(&admin, &change).await,
                Kind::Claim | Kind::Template | Kind::Owner => {}
            }
            history.changes().push(change);
        }
    }
}

fn change(kind: Kind, object: Value, is_gone: bool) -> Result<Change> {
    let revision = object["metadata"]["resourceVersion"].as_str().context("an object without a revision")?;
    Ok(Change { revision: revision.parse()?, kind, object, is_gone, heard: Instant::now() })
}

//! Every write to the API server.
//!
//! What was seen is changed only in the state in which it was seen. That it is gone or has changed meanwhile is an
//! outcome and no error: the next cycle plans anew.

mod daemons;
mod evict;
mod follow;
mod gates;
mod holds;
mod nudges;
mod queues;
mod report;
mod status;
mod templates;
mod volcano;
mod workspaces;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use kube::api::{DeleteParams, PatchParams, PostParams, Preconditions};
use kube::runtime::events::{Recorder, Reporter};
use policy_engine::daemons::common::Seen;
use tokio::time::{Instant, timeout_at};

use crate::world::World;

pub use evict::Ending;
pub use holds::Hold;
pub use nudges::Short;
pub use report::{About, News, Tone};
pub use status::Amendment;
pub(crate) use status::resource;
pub use workspaces::{ACCOUNT as WORKSPACES_ACCOUNT, Refusal};

/// Who the API server is told has written a field.
const FIELD_MANAGER: &str = "sluice";
/// How long one write may take. Leadership is trusted for so much less than a lease lasts.
const DEADLINE: Duration = Duration::from_secs(5);

/// Writes for the daemons. Clones are cheap.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    world: World,
    recorder: Recorder,
}

/// How a write ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It was written.
    Written,
    /// What was to be changed no longer exists.
    Gone,
    /// Somebody else changed or made it meanwhile.
    Overtaken,
    /// A PodDisruptionBudget does not let the Pod go now.
    BlockedByBudget,
}

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteFailed {
    /// The API server refused, or could not be reached.
    #[error("the API server did not accept a write to {what}")]
    Api {
        /// What was written.
        what: String,
        /// What it said.
        #[source]
        source: Box<kube::Error>,
    },
    /// There was no answer in time.
    #[error("the API server did not answer in time to a write to {what}")]
    Deadline {
        /// What was written.
        what: String,
    },
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer")
    }
}

impl Writer {
    /// Writes as the client of the world's watches; `instance` is named in Events beside Sluice.
    pub fn new(world: &World, instance: String) -> Self {
        let reporter = Reporter { controller: FIELD_MANAGER.into(), instance: Some(instance) };
        let client = world.client().clone();
        Self { world: world.clone(), recorder: Recorder::new(client.clone(), reporter), client }
    }
}

/// Waits for a write and says how it ended.
async fn outcome<T>(
    what: impl FnOnce() -> String,
    write: impl Future<Output = kube::Result<T>>,
) -> Result<Outcome, WriteFailed> {
    Ok(answer(what, write).await?.err().unwrap_or(Outcome::Written))
}

/// Waits for a write and gives what was written, or why nothing was.
async fn answer<T>(
    what: impl FnOnce() -> String,
    write: impl Future<Output = kube::Result<T>>,
) -> Result<Result<T, Outcome>, WriteFailed> {
    match timeout_at(Instant::now() + DEADLINE, write).await {
        Ok(Ok(written)) => Ok(Ok(written)),
        Ok(Err(kube::Error::Api(status))) if status.is_not_found() => Ok(Err(Outcome::Gone)),
        Ok(Err(kube::Error::Api(status))) if status.is_conflict() || status.is_already_exists() => {
            Ok(Err(Outcome::Overtaken))
        }
        Ok(Err(error)) => Err(WriteFailed::Api { what: what(), source: Box::new(error) }),
        Err(_elapsed) => Err(WriteFailed::Deadline { what: what() }),
    }
}

fn creating() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() }
}

fn patching() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() }
}

fn deleting(seen: &Seen) -> DeleteParams {
    let preconditions =
        Preconditions { uid: Some(seen.uid.clone()), resource_version: Some(seen.resource_version.clone()) };
    DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() }
}

/// An instant in whole seconds, as Kubernetes writes them.
pub fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The text, or its beginning and an ellipsis, in at most so many bytes.
pub(crate) fn shortened(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut end = bytes.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_text_never_exceeds_what_the_api_server_takes() {
        assert_eq!(shortened("short", 5), "short");
        for (text, said) in [("éééé", "éé…"), ("xxxxxxxxx", "xxxx…")] {
            assert_eq!(shortened(text, 7), said);
        }
    }
}

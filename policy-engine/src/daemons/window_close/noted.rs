//! What the journal keeps of an eviction, and when one that was begun is over.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Eviction, View};

/// The daemon, as the journal and the metrics name it.
pub const NAME: &str = "window-close";

/// Why a Pod ends, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Noted {
    /// Its queue, as its label says.
    pub queue: String,
    /// Why its queue is closed, in words.
    pub reason: String,
    /// Since when.
    pub closed_at: Timestamp,
}

impl From<&Eviction> for Noted {
    fn from(eviction: &Eviction) -> Self {
        let Eviction { queue, reason, closed_at, .. } = eviction;
        Self { queue: queue.clone(), reason: reason.to_string(), closed_at: *closed_at }
    }
}

/// How an eviction that was begun ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ended {
    /// The Pod was told to end.
    Evicted,
    /// It had ended, or was ending, before it was told.
    Gone,
    /// It goes on: its queue is open again, or it has another.
    Stays,
}

impl Ended {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Evicted, Self::Gone, Self::Stays];

    /// The word of the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Evicted => "evicted",
            Self::Gone => "gone",
            Self::Stays => "stays",
        }
    }
}

/// How the eviction of a Pod ended that was begun and not ended; `None` where it is still to be evicted. It follows from what is
/// there, so that a daemon that begins anew ends what another began.
pub fn over(uid: &str, view: &View, now: Timestamp) -> Option<Ended> {
    let Some(pod) = view.pods.iter().find(|pod| pod.uid == uid) else { return Some(Ended::Gone) };
    pod.announced().is_none_or(|at| at > now).then_some(Ended::Stays)
}

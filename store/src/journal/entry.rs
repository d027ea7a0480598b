//! What stands in the journal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Unavailable;

/// A Pod that an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concerned {
    /// Its UID.
    pub uid: String,
    /// Its Namespace.
    pub namespace: String,
    /// Its name there.
    pub name: String,
}

/// What is about to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Which daemon carries it out.
    pub daemon: &'static str,
    /// For whom: one Pod, or a gang. For each of them a daemon has one entry open at a time.
    pub subjects: Vec<Concerned>,
    /// To whom it is done.
    pub objects: Vec<Concerned>,
    /// What is done, in the daemon's own words.
    pub plan: Value,
    /// Since when.
    pub at: Timestamp,
}

/// What became of a beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is noted: carry it out.
    Yes {
        /// By which it is called.
        id: String,
    },
    /// Something was begun for one of the subjects, and is not over. Nothing was noted.
    AlreadyOpen {
        /// What.
        id: String,
    },
}

/// What was carried out, or is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// By which it is called.
    pub id: String,
    /// Which daemon carries it out.
    pub daemon: String,
    /// For whom.
    pub subjects: Vec<Concerned>,
    /// To whom it is done.
    pub objects: Vec<Concerned>,
    /// What is done, in the daemon's own words.
    pub plan: Value,
    /// How far it is, in the daemon's own words; `Null` until something is noted.
    pub state: Value,
    /// Since when.
    pub begun_at: Timestamp,
    /// Until when; `None` while it is not over.
    pub ended_at: Option<Timestamp>,
    /// What came of it.
    pub outcome: Option<String>,
}

/// Which entries are sought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Find {
    /// The one with this id.
    Id(String),
    /// Those that concern the Pod with this UID.
    Uid(String),
    /// Those that concern Pods of this name: a name can be several Pods', one after the other.
    Pod {
        /// Its Namespace.
        namespace: String,
        /// Its name there.
        name: String,
    },
}

pub(super) type EntryRow = (String, String, String, String, String, String, i64, Option<i64>, Option<String>);

pub(super) fn entry(row: EntryRow) -> Result<Entry, Unavailable> {
    let (id, daemon, subjects, objects, plan, state, begun_at, ended_at, outcome) = row;
    let unreadable = |what: &str| Unavailable::Unreadable(format!("the {what} of the journal's entry {id}"));
    let instant = |millis| Timestamp::from_millisecond(millis).map_err(|_| unreadable("time"));
    Ok(Entry {
        daemon,
        subjects: serde_json::from_str(&subjects).map_err(|_| unreadable("subjects"))?,
        objects: serde_json::from_str(&objects).map_err(|_| unreadable("objects"))?,
        plan: serde_json::from_str(&plan).map_err(|_| unreadable("plan"))?,
        state: serde_json::from_str(&state).map_err(|_| unreadable("state"))?,
        begun_at: instant(begun_at)?,
        ended_at: ended_at.map(instant).transpose()?,
        outcome,
        id,
    })
}

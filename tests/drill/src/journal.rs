//! What the clients asked and were told, by phase and group.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Requests of which the same is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Pods that policy allows, in governed namespaces.
    Create,
    /// A new annotation on one of them.
    Update,
    /// Its deletion.
    Delete,
    /// Pods that policy forbids, and updates that would make them so.
    Forbidden,
    /// The same verbs in an ungoverned namespace.
    Elsewhere,
    /// The same in kube-system.
    KubeSystem,
}

impl Group {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Create, Self::Update, Self::Delete, Self::Forbidden, Self::Elsewhere, Self::KubeSystem];

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Create => "governed creates",
            Self::Update => "governed updates",
            Self::Delete => "governed deletes",
            Self::Forbidden => "forbidden",
            Self::Elsewhere => "elsewhere",
            Self::KubeSystem => "kube-system",
        }
    }
}

/// What a group's requests came to in a phase.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Accepted.
    pub accepted: usize,
    /// Refused, by reason.
    pub refused: BTreeMap<String, usize>,
    /// Without an answer or an error within the deadline.
    pub silent: usize,
    /// The slowest, in milliseconds.
    pub slowest_ms: u64,
}

impl Tally {
    /// How many were refused for any reason.
    pub fn refusals(&self) -> usize {
        self.refused.values().sum()
    }

    pub(crate) fn all(&self) -> usize {
        self.accepted + self.refusals() + self.silent
    }
}

/// How one request ended.
pub(crate) enum Verdict<'a> {
    Accepted,
    Refused(&'a str),
    Silent,
}

#[derive(Debug, Default)]
struct Pages {
    phases: Vec<(&'static str, BTreeMap<Group, Tally>)>,
    /// Begun in one phase and ended in another: what is expected of them nobody can say.
    between: BTreeMap<Group, Tally>,
    /// What is wrong whatever the phase.
    let_through: Vec<String>,
    lost: Vec<String>,
    /// Accepted although policy forbids it, while the webhooks were away on purpose.
    ungoverned: Vec<String>,
    glass: Glass,
}

/// How often the webhooks were taken away on purpose, and brought back: odd while they are away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Glass(u32);

impl Glass {
    fn is_broken(self) -> bool {
        self.0 % 2 == 1
    }
}

/// Shared by all clients of a drill.
#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Pages>);

impl Journal {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, phase: &'static str) {
        self.pages().phases.push((phase, BTreeMap::new()));
    }

    /// To be kept over a request, and handed to [`Self::write`].
    pub(crate) fn phase(&self) -> usize {
        self.pages().phases.len()
    }

    pub(crate) fn write(&self, begun: usize, group: Group, verdict: Verdict<'_>, took: Duration) {
        let mut pages = self.pages();
        let page = if begun == pages.phases.len() {
            pages.phases.last_mut().map(|(_, page)| page)
        } else {
            Some(&mut pages.between)
        };
        let Some(tally) = page.map(|page| page.entry(group).or_default()) else { return };
        match verdict {
            Verdict::Accepted => tally.accepted += 1,
            Verdict::Refused(reason) => *tally.refused.entry(reason.to_owned()).or_default() += 1,
            Verdict::Silent => tally.silent += 1,
        }
        tally.slowest_ms = tally.slowest_ms.max(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }

    /// `begun` is the [`Self::glass`] of when the request began.
    pub(crate) fn let_through(&self, begun: Glass, namespace: &str, name: &str, what: &str) {
        let unjudged = self.was_unjudged(begun);
        let mut pages = self.pages();
        if unjudged {
            pages.ungoverned.push(format!("{namespace}/{name}"));
        } else {
            pages.let_through.push(format!("{name} in {namespace}: {what}"));
        }
    }

    /// The webhooks are taken away on purpose, or are back.
    pub(crate) fn break_glass(&self, broken: bool) {
        let mut pages = self.pages();
        if pages.glass.is_broken() != broken {
            pages.glass.0 += 1;
        }
    }

    /// To be kept over a request, and handed to [`Self::was_unjudged`] or [`Self::let_through`].
    pub(crate) fn glass(&self) -> Glass {
        self.pages().glass
    }

    /// Whether the webhooks were away on purpose at any time since then: a slow request is judged, or not, long after it began.
    pub(crate) fn was_unjudged(&self, begun: Glass) -> bool {
        begun.is_broken() || begun != self.pages().glass
    }

    pub(crate) fn ungoverned(&self) -> Vec<String> {
        self.pages().ungoverned.clone()
    }

    pub(crate) fn lost(&self, what: String) {
        self.pages().lost.push(what);
    }

    /// What a group's requests came to in the newest phase.
    pub(crate) fn now(&self, group: Group) -> Tally {
        let pages = self.pages();
        pages.phases.last().and_then(|(_, page)| page.get(&group).cloned()).unwrap_or_default()
    }

    pub(crate) fn phases(&self) -> Vec<(&'static str, BTreeMap<Group, Tally>)> {
        let pages = self.pages();
        let between = ("between phases", pages.between.clone());
        pages.phases.iter().cloned().chain((!pages.between.is_empty()).then_some(between)).collect()
    }

    pub(crate) fn wrongs(&self) -> (Vec<String>, Vec<String>) {
        let pages = self.pages();
        (pages.let_through.clone(), pages.lost.clone())
    }
}

//! How things end, as labels have it.

use cluster::write::Outcome;
use records::daemon::{CycleEnd, WaitsFor};

/// What the reconciler did to a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerStep {
    /// What was reserved is used.
    Used,
    /// What is charged, or who pays, is brought up to date.
    Seen,
    /// What has ended is charged no more.
    Released,
    /// What was admitted and never came is charged no more.
    NeverCame,
    /// What runs and was not charged is.
    Adopted,
    /// A sum that was not what its charges add up to is.
    Corrected,
}

impl LedgerStep {
    pub(super) const ALL: [Self; 6] =
        [Self::Used, Self::Seen, Self::Released, Self::NeverCame, Self::Adopted, Self::Corrected];

    /// The value of its label.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Seen => "seen",
            Self::Released => "released",
            Self::NeverCame => "never-came",
            Self::Adopted => "adopted",
            Self::Corrected => "corrected",
        }
    }
}

/// What nobody should have been able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerAlarm {
    /// What was not admitted, or has grown, took an account over its limit.
    OverLimit,
    /// A claim is gone while a Pod holds its devices.
    HeldClaimGone,
    /// Two claims hold the same device.
    HeldTwice,
}

impl LedgerAlarm {
    pub(super) const ALL: [Self; 3] = [Self::OverLimit, Self::HeldClaimGone, Self::HeldTwice];

    /// The value of its label.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::OverLimit => "over-limit",
            Self::HeldClaimGone => "held-claim-gone",
            Self::HeldTwice => "held-twice",
        }
    }
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionEnd {
    /// It was carried out.
    Written,
    /// Its object was gone.
    Gone,
    /// Somebody else was faster.
    Overtaken,
    /// A PodDisruptionBudget did not allow it.
    Blocked,
    /// It failed.
    Failed,
}

impl ActionEnd {
    pub(super) const ALL: [Self; 5] = [Self::Written, Self::Gone, Self::Overtaken, Self::Blocked, Self::Failed];

    /// The value of its label.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Gone => "gone",
            Self::Overtaken => "overtaken",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
        }
    }
}

impl From<Outcome> for ActionEnd {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Written => Self::Written,
            Outcome::Gone => Self::Gone,
            Outcome::Overtaken => Self::Overtaken,
            Outcome::BlockedByBudget => Self::Blocked,
        }
    }
}

/// How cycles end.
pub(super) const CYCLE_ENDS: [CycleEnd; 5] =
    [CycleEnd::Done, CycleEnd::Unfit, CycleEnd::Stopped, CycleEnd::Failed, CycleEnd::Interrupted];

/// The value of the label of a cycle that ended so.
pub(super) fn cycle_label(end: CycleEnd) -> &'static str {
    match end {
        CycleEnd::Done => "done",
        CycleEnd::Unfit => "unfit",
        CycleEnd::Stopped => "stopped",
        CycleEnd::Failed => "failed",
        CycleEnd::Interrupted => "interrupted",
    }
}

/// What daemons wait for, with their labels.
pub(super) const WAITS: [(WaitsFor, &str); 6] = [
    (WaitsFor::Caches, "caches"),
    (WaitsFor::View, "view"),
    (WaitsFor::Policy, "policy"),
    (WaitsFor::Database, "database"),
    (WaitsFor::ApiServer, "api-server"),
    (WaitsFor::Audit, "audit"),
];

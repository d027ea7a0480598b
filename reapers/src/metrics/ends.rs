//! How things end, as labels have it.

use cluster::write::Outcome;
use records::daemon::{self, WaitsFor};

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

/// How a cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CycleEnd {
    /// Everything that was planned was tried.
    Done,
    /// The view was not fit to act on.
    Unfit,
    /// The audit stopped the plan.
    Stopped,
    /// The ledger or the API server could not be asked.
    Failed,
    /// Another replica leads now, or the process stops.
    Interrupted,
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

impl CycleEnd {
    pub(super) const ALL: [Self; 5] = [Self::Done, Self::Unfit, Self::Stopped, Self::Failed, Self::Interrupted];

    /// The value of its label.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unfit => "unfit",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
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

impl From<CycleEnd> for daemon::CycleEnd {
    fn from(end: CycleEnd) -> Self {
        match end {
            CycleEnd::Done => Self::Done,
            CycleEnd::Unfit => Self::Unfit,
            CycleEnd::Stopped => Self::Stopped,
            CycleEnd::Failed => Self::Failed,
            CycleEnd::Interrupted => Self::Interrupted,
        }
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

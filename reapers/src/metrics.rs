//! What the daemons count. Every label has a bounded set of values.

use std::time::Duration;

use cluster::write::Outcome;
use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// What the daemons count.
#[derive(Debug)]
pub struct Metrics {
    cycles: Family<EndLabels, Counter>,
    actions: Family<EndLabels, Counter>,
    spared: Family<DaemonLabels, Gauge>,
    planned: Family<DaemonLabels, Gauge>,
    took: Family<DaemonLabels, Histogram, fn() -> Histogram>,
    last_success: Family<DaemonLabels, Gauge>,
    leads: Gauge,
    ledger: Family<LedgerLabels, Counter>,
    alarms: Family<AlarmLabels, Counter>,
    nudges: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            cycles: Family::default(),
            actions: Family::default(),
            spared: Family::default(),
            planned: Family::default(),
            took: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 8))),
            last_success: Family::default(),
            leads: Gauge::default(),
            ledger: Family::default(),
            alarms: Family::default(),
            nudges: Counter::default(),
        }
    }
}

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
    const ALL: [Self; 6] = [Self::Used, Self::Seen, Self::Released, Self::NeverCame, Self::Adopted, Self::Corrected];

    fn label(self) -> &'static str {
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
    const ALL: [Self; 3] = [Self::OverLimit, Self::HeldClaimGone, Self::HeldTwice];

    fn label(self) -> &'static str {
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
    const ALL: [Self; 5] = [Self::Done, Self::Unfit, Self::Stopped, Self::Failed, Self::Interrupted];

    fn label(self) -> &'static str {
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
    const ALL: [Self; 5] = [Self::Written, Self::Gone, Self::Overtaken, Self::Blocked, Self::Failed];

    fn label(self) -> &'static str {
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DaemonLabels {
    daemon: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LedgerLabels {
    step: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlarmLabels {
    alarm: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    daemon: &'static str,
    end: &'static str,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.begin_at_zero();
        let registry = registry.sub_registry_with_prefix("reapers");
        registry.register("cycles", "Cycles of a daemon, by how they ended", self.cycles.clone());
        registry.register("actions", "Actions of a daemon, by how they ended", self.actions.clone());
        registry.register("spared", "What a daemon leaves as it is though a record asks", self.spared.clone());
        registry.register("planned", "Steps of a daemon's last plan", self.planned.clone());
        registry.register_with_unit(
            "cycle",
            "How long a daemon's cycles took from its view to its last write",
            Unit::Seconds,
            self.took.clone(),
        );
        registry.register_with_unit(
            "last_success_timestamp",
            "When a daemon last ended a cycle as it should, in seconds since 1970; 0 before the first",
            Unit::Seconds,
            self.last_success.clone(),
        );
        registry.register("leads", "Whether this replica acts", self.leads.clone());
        registry.register("ledger_steps", "What the ledger's charges were brought up to, by kind", self.ledger.clone());
        registry.register(
            "ledger_alarms",
            "What the ledger charges though it should not be, by kind: look at the Events and the log",
            self.alarms.clone(),
        );
        registry.register("nudges", "Workloads whose controllers were made to try again", self.nudges.clone());
    }

    /// A series that appears with its first event has no increase to alert on.
    fn begin_at_zero(&self) {
        for step in LedgerStep::ALL.map(LedgerStep::label) {
            drop(self.ledger.get_or_create(&LedgerLabels { step }));
        }
        for alarm in LedgerAlarm::ALL.map(LedgerAlarm::label) {
            drop(self.alarms.get_or_create(&AlarmLabels { alarm }));
        }
        for daemon in crate::DAEMONS.iter().map(|daemon| daemon.name) {
            for end in CycleEnd::ALL.map(CycleEnd::label) {
                drop(self.cycles.get_or_create(&EndLabels { daemon, end }));
            }
            for end in ActionEnd::ALL.map(ActionEnd::label) {
                drop(self.actions.get_or_create(&EndLabels { daemon, end }));
            }
            drop(self.spared.get_or_create(&DaemonLabels { daemon }));
            drop(self.planned.get_or_create(&DaemonLabels { daemon }));
            drop(self.took.get_or_create(&DaemonLabels { daemon }));
            drop(self.last_success.get_or_create(&DaemonLabels { daemon }));
        }
    }

    pub(crate) fn cycle(&self, daemon: &'static str, end: CycleEnd) {
        self.cycles.get_or_create(&EndLabels { daemon, end: end.label() }).inc();
    }

    pub(crate) fn action(&self, daemon: &'static str, end: ActionEnd) {
        self.actions.get_or_create(&EndLabels { daemon, end: end.label() }).inc();
    }

    /// So many steps were planned, and so much is left as it is.
    pub(crate) fn planned(&self, daemon: &'static str, steps: usize, spared: usize) {
        let set = |family: &Family<DaemonLabels, Gauge>, count: usize| {
            family.get_or_create(&DaemonLabels { daemon }).set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        set(&self.planned, steps);
        set(&self.spared, spared);
    }

    /// A cycle ended as it should, and took so long.
    pub(crate) fn took(&self, daemon: &'static str, took: Duration) {
        self.took.get_or_create(&DaemonLabels { daemon }).observe(took.as_secs_f64());
        self.last_success.get_or_create(&DaemonLabels { daemon }).set(Timestamp::now().as_second());
    }

    pub(crate) fn ledger(&self, step: LedgerStep) {
        self.ledger.get_or_create(&LedgerLabels { step: step.label() }).inc();
    }

    pub(crate) fn alarm(&self, alarm: LedgerAlarm) {
        self.alarms.get_or_create(&AlarmLabels { alarm: alarm.label() }).inc();
    }

    pub(crate) fn nudged(&self) {
        self.nudges.inc();
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leads.set(i64::from(leads));
    }
}

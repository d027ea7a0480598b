//! What the daemons count. Every label has a bounded set of values.

mod board;
mod ends;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use records::daemon::{CycleEnd, DaemonStatus, Waiting};

use board::Board;
pub use ends::{ActionEnd, LedgerAlarm, LedgerStep};
use ends::{CYCLE_ENDS, WAITS, cycle_label};

/// What the daemons count.
#[derive(Debug)]
pub struct Metrics {
    cycles: Family<EndLabels, Counter>,
    actions: Family<EndLabels, Counter>,
    spared: Family<DaemonLabels, Gauge>,
    planned: Family<DaemonLabels, Gauge>,
    took: Family<DaemonLabels, Histogram, fn() -> Histogram>,
    last_success: Family<DaemonLabels, Gauge>,
    view_age: Family<DaemonLabels, Gauge<f64, AtomicU64>>,
    waits: Family<WaitLabels, Gauge>,
    leads: Gauge,
    ledger: Family<LedgerLabels, Counter>,
    alarms: Family<AlarmLabels, Counter>,
    nudges: Counter,
    board: Board,
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
            view_age: Family::default(),
            waits: Family::default(),
            leads: Gauge::default(),
            ledger: Family::default(),
            alarms: Family::default(),
            nudges: Counter::default(),
            board: Board::default(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DaemonLabels {
    daemon: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitLabels {
    daemon: &'static str,
    on: &'static str,
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
        registry.register_with_unit(
            "view_age",
            "For how long the API server was not heard on the quietest watch of what a daemon saw in its last cycle",
            Unit::Seconds,
            self.view_age.clone(),
        );
        registry.register(
            "waits",
            "Whether a daemon does nothing until something is there, by what",
            self.waits.clone(),
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
            for end in CYCLE_ENDS.map(cycle_label) {
                drop(self.cycles.get_or_create(&EndLabels { daemon, end }));
            }
            for end in ActionEnd::ALL.map(ActionEnd::label) {
                drop(self.actions.get_or_create(&EndLabels { daemon, end }));
            }
            drop(self.spared.get_or_create(&DaemonLabels { daemon }));
            drop(self.planned.get_or_create(&DaemonLabels { daemon }));
            drop(self.took.get_or_create(&DaemonLabels { daemon }));
            drop(self.last_success.get_or_create(&DaemonLabels { daemon }));
            drop(self.view_age.get_or_create(&DaemonLabels { daemon }));
            for (_, on) in WAITS {
                drop(self.waits.get_or_create(&WaitLabels { daemon, on }));
            }
        }
    }

    /// A cycle ended. One that ended as it should waits for nothing.
    pub(crate) fn cycle(&self, daemon: &'static str, end: CycleEnd) {
        self.cycles.get_or_create(&EndLabels { daemon, end: cycle_label(end) }).inc();
        self.board.cycle(daemon, end);
        if end == CycleEnd::Done {
            self.waits(daemon, None);
        }
    }

    pub(crate) fn action(&self, daemon: &'static str, end: ActionEnd) {
        self.actions.get_or_create(&EndLabels { daemon, end: end.label() }).inc();
        self.board.action(daemon, end);
    }

    /// This is what an admin should look at.
    pub(crate) fn attention(&self, daemon: &'static str, sentences: Vec<String>) {
        self.board.attention(daemon, sentences);
    }

    /// So many steps were planned, and so much is left as it is.
    pub(crate) fn planned(&self, daemon: &'static str, steps: usize, spared: usize) {
        let set = |family: &Family<DaemonLabels, Gauge>, count: usize| {
            family.get_or_create(&DaemonLabels { daemon }).set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        set(&self.planned, steps);
        set(&self.spared, spared);
        self.board.planned(daemon, steps, spared);
    }

    /// A cycle ended as it should, and took so long.
    pub(crate) fn took(&self, daemon: &'static str, took: Duration) {
        let now = Timestamp::now();
        self.took.get_or_create(&DaemonLabels { daemon }).observe(took.as_secs_f64());
        self.last_success.get_or_create(&DaemonLabels { daemon }).set(now.as_second());
        self.board.took(daemon, took, now);
    }

    /// What a daemon sees is so old.
    pub(crate) fn view_age(&self, daemon: &'static str, age: Option<Duration>) {
        if let Some(age) = age {
            self.view_age.get_or_create(&DaemonLabels { daemon }).set(age.as_secs_f64());
        }
        self.board.view_age(daemon, age);
    }

    /// What a daemon waits for.
    pub(crate) fn waits(&self, daemon: &'static str, waiting: Option<Waiting>) {
        for (of, on) in WAITS {
            let is_it = waiting.as_ref().is_some_and(|waiting| waiting.because == of);
            self.waits.get_or_create(&WaitLabels { daemon, on }).set(i64::from(is_it));
        }
        self.board.waits(daemon, waiting);
    }

    /// How these daemons are, as far as it is counted.
    pub(crate) fn told<'d>(&self, daemons: impl Iterator<Item = &'d str>) -> Vec<DaemonStatus> {
        self.board.told(daemons)
    }

    pub(crate) fn ledger(&self, step: LedgerStep) {
        self.ledger.get_or_create(&LedgerLabels { step: step.label() }).inc();
    }

    pub(crate) fn alarm(&self, daemon: &'static str, alarm: LedgerAlarm) {
        self.alarms.get_or_create(&AlarmLabels { alarm: alarm.label() }).inc();
        self.board.alarm(daemon, alarm, Timestamp::now());
    }

    pub(crate) fn nudged(&self) {
        self.nudges.inc();
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leads.set(i64::from(leads));
    }
}

//! What operators watch. Every label is one of a fixed set.

use std::time::Duration;

use policy_engine::Decision;
use policy_engine::policy::Policy;
use policy_engine::policy::rule_id::RuleId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::limits::NoBody;
use crate::outage::Outage;
use crate::path::Path;
use crate::review::Request;

/// Seconds; the goal is 5 ms, so most buckets are around it.
const LATENCY_BUCKETS: [f64; 12] = [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    entry: &'static str,
    answer: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutageLabels {
    entry: &'static str,
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DenialLabels {
    rule: &'static str,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnenforcedLabels {
    rule: &'static str,
    project: String,
}

/// Of more projects than this, one series counts all.
const MOST_PROJECTS: usize = 1000;

/// The webhook's metrics.
#[derive(Debug)]
pub struct Metrics {
    latency: Family<CallLabels, Histogram, fn() -> Histogram>,
    outages: Family<OutageLabels, Counter>,
    denials: Family<DenialLabels, Counter>,
    unenforced: Family<UnenforcedLabels, Counter>,
    debts: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(LATENCY_BUCKETS);
        Self {
            latency: Family::new_with_constructor(histogram),
            outages: Family::default(),
            denials: Family::default(),
            unenforced: Family::default(),
            debts: Counter::default(),
        }
    }
}

impl Metrics {
    /// Shows the metrics in a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.begin_at_zero();
        registry.register(
            "webhook_call_duration_seconds",
            "Time from the first byte of a call to the answer, by entry and answer",
            self.latency.clone(),
        );
        registry.register(
            "webhook_outages",
            "Calls that were neither allowed nor denied, and warnings of quota that could not be given (cause unforeseen), by cause",
            self.outages.clone(),
        );
        registry.register("webhook_denials", "Denials by rule and kind of the object", self.denials.clone());
        registry.register(
            "webhook_unenforced_denials",
            "What was admitted and would have been denied if its rule were enforced, by rule and project",
            self.unenforced.clone(),
        );
        registry.register(
            "webhook_debts",
            "What was admitted although the ledger did not answer, where the policy says so",
            self.debts.clone(),
        );
    }

    /// A series that appears with its first event has no increase to alert on.
    fn begin_at_zero(&self) {
        for entry in Path::ALL.map(Path::as_str) {
            for answer in ANSWERS {
                drop(self.latency.get_or_create(&CallLabels { entry, answer }));
            }
            for cause in Outage::CAUSES.into_iter().chain(NoBody::CAUSES).chain([NO_REVIEW, UNFORESEEN]) {
                drop(self.outages.get_or_create(&OutageLabels { entry, cause }));
            }
        }
        for rule in RuleId::ALL.iter().copied().chain([RuleId::Record]) {
            for kind in KINDS.into_iter().chain([OTHER_KIND]) {
                drop(self.denials.get_or_create(&DenialLabels { rule: rule.as_str(), kind }));
            }
        }
    }

    pub(crate) fn answered(&self, path: Path, allowed: bool, took: Duration) {
        let [yes, no] = ANSWERS;
        let answer = if allowed { yes } else { no };
        self.latency.get_or_create(&CallLabels { entry: path.as_str(), answer }).observe(took.as_secs_f64());
    }

    pub(crate) fn outage(&self, path: Path, cause: &'static str) {
        self.outages.get_or_create(&OutageLabels { entry: path.as_str(), cause }).inc();
    }

    pub(crate) fn debt(&self) {
        self.debts.inc();
    }

    pub(crate) fn unreadable(&self, path: Path) {
        self.outage(path, NO_REVIEW);
    }

    /// Counts denials once per submission: the validating call repeats what the mutating one has refused only if it came through.
    pub(crate) fn decided(&self, request: &Request, decision: &Decision) {
        let kind = kind(&request.resource.resource);
        for rule in decision.denying_rules() {
            self.denials.get_or_create(&DenialLabels { rule: rule.as_str(), kind }).inc();
        }
    }

    /// Counts what would have been denied. `project` is the name of one that the policy has.
    pub(crate) fn unenforced(&self, decision: &Decision, project: &str, policy: &Policy) {
        let many = policy.records().projects.len() > MOST_PROJECTS;
        let project = if many { OTHER_KIND } else { project };
        for rule in decision.unenforced_rules() {
            let labels = UnenforcedLabels { rule: rule.as_str(), project: project.to_owned() };
            self.unenforced.get_or_create(&labels).inc();
        }
    }
}

const ANSWERS: [&str; 2] = ["allowed", "refused"];

/// Nobody knows whether there will be room for what a workload makes. It is admitted without that warning.
pub(crate) const UNFORESEEN: &str = "unforeseen";

/// What was sent is no review, so nobody knows what it is about.
const NO_REVIEW: &str = "no-review";

const KINDS: [&str; 9] = [
    "pods",
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "replicationcontrollers",
    "namespaces",
];

/// Kinds that admins list are many; they share one label.
const OTHER_KIND: &str = "other";

fn kind(resource: &str) -> &'static str {
    KINDS.into_iter().find(|known| *known == resource).unwrap_or(OTHER_KIND)
}

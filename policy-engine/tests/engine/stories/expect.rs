//! What a story comes to, and what it expects.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use policy_engine::admission::decision::{Maker, Reservation, WithoutRoom};
use policy_engine::admission::rules::quota::said;
use policy_engine::ledger::{Account, Amounts, Request, Use};
use policy_engine::object::Unreadable;
use policy_engine::policy::quantity::{bytes, decimal};
use policy_engine::{Decision, Denial};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::support::apply::apply;

/// What a story comes to.
pub(crate) struct Outcome {
    pub(crate) decision: Result<Decision, Unreadable>,
    /// What was submitted.
    pub(crate) object: Option<Value>,
    /// What was stored before.
    pub(crate) old: Option<Value>,
    /// The validating call, on the object as the mutating call left it.
    pub(super) again: Option<Decision>,
}

/// What a story expects. Denials and warnings are all that there are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Expect {
    #[serde(default)]
    pub(crate) allowed: bool,
    #[serde(default)]
    denied: Vec<Refusal>,
    /// The field that cannot be read.
    unreadable: Option<String>,
    /// Field to value, `null` where it is removed; other fields may be written too.
    #[serde(default)]
    writes: BTreeMap<String, Value>,
    /// The same, and no other field is written.
    writes_only: Option<BTreeMap<String, Value>>,
    /// Whether the object is in the end as it was stored before.
    #[serde(default)]
    put_back: bool,
    /// What is reserved; `null` where nothing is.
    #[serde(default, deserialize_with = "given")]
    charges: Option<Option<Charges>>,
    /// What the Pods of a workload will be charged: `3 Pods: 18 CPU`.
    foresees: Option<String>,
    /// A part of each warning.
    #[serde(default)]
    warns: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    rule: String,
    field: String,
    says: String,
}

/// What is reserved. Amounts are Kubernetes quantities; a Pod's are with its own claims.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Charges {
    #[serde(default = "none")]
    gpu: Quantity,
    #[serde(default)]
    devices: u64,
    #[serde(default = "none")]
    cpu: Quantity,
    #[serde(default = "none")]
    memory: Quantity,
    /// Who pays, with their limits of CPU and memory.
    #[serde(default)]
    to: Option<BTreeMap<String, String>>,
}

fn given<'de, D: Deserializer<'de>>(charges: D) -> Result<Option<Option<Charges>>, D::Error> {
    Option::deserialize(charges).map(Some)
}

fn none() -> Quantity {
    Quantity("0".to_owned())
}

impl From<&Request> for Charges {
    fn from(request: &Request) -> Self {
        let (amounts, payers) = match request {
            Request::AdmitPod(pod) => {
                let own = pod.uses.iter().filter_map(|wanted| match wanted {
                    Use::Inline { price, .. } => Some(*price),
                    Use::Claim { .. } | Use::Unborn { .. } => None,
                });
                (own.fold(pod.amounts, Amounts::plus), &pod.payers)
            }
            Request::ClaimMade(claim) => (claim.price, &claim.payers),
        };
        let to = payers.0.iter().map(|(account, quota)| {
            let account = match account {
                Account::Project(project) => format!("project {project}"),
                Account::User { project, user } => format!("{user} in {project}"),
            };
            let cpu = quota.milli_cpu.map(|cpu| format!("{} CPU", decimal(cpu)));
            (account, cpu.into_iter().chain(quota.memory_bytes.map(bytes)).collect::<Vec<_>>().join(", "))
        });
        let Amounts { milli_gpu, devices, milli_cpu, memory_bytes } = amounts;
        Self {
            gpu: Quantity(decimal(milli_gpu)),
            devices,
            cpu: Quantity(decimal(milli_cpu)),
            memory: Quantity(bytes(memory_bytes)),
            to: Some(to.collect()),
        }
    }
}

impl Refusal {
    fn is(&self, denial: &Denial) -> bool {
        denial.rule.as_str() == self.rule && denial.field == self.field && denial.message.contains(&self.says)
    }
}

impl Expect {
    /// The rules that refuse.
    pub(crate) fn refusing(&self) -> BTreeSet<&str> {
        self.denied.iter().map(|refusal| refusal.rule.as_str()).collect()
    }

    /// What is otherwise.
    pub(super) fn differences(&self, outcome: &Outcome) -> Vec<String> {
        let verdicts =
            [self.allowed, !self.denied.is_empty(), self.unreadable.is_some()].into_iter().filter(|it| *it).count();
        assert_eq!(verdicts, 1, "a story expects one of allowed, denied and unreadable");
        match (&outcome.decision, &self.unreadable) {
            (Err(why), Some(field)) if why.field.to_string() == *field => Vec::new(),
            (Err(why), _) => vec![format!("unreadable: {why}")],
            (Ok(_), Some(field)) => vec![format!("{field} is read")],
            (Ok(decision), None) => [
                self.denials(decision),
                self.writes(decision),
                self.warnings(decision),
                self.end(decision, outcome),
                self.charges(decision),
                refusal(decision),
            ]
            .concat(),
        }
    }

    fn denials(&self, decision: &Decision) -> Vec<String> {
        let missing = self.denied.iter().filter(|it| !decision.denials.iter().any(|denial| it.is(denial)));
        let more = decision.denials.iter().filter(|denial| !self.denied.iter().any(|it| it.is(denial)));
        let missing = missing.map(|it| format!("not denied: {}: {}: …{}…", it.rule, it.field, it.says));
        missing.chain(more.map(|denial| format!("denied: {denial}"))).collect()
    }

    fn charges(&self, decision: &Decision) -> Vec<String> {
        // What is only foreseen is not charged.
        let reserves = |charge: &&Reservation| {
            !matches!(charge.without_room, WithoutRoom::Foresee { .. } | WithoutRoom::RefuseUncharged)
        };
        let charged = decision.reservation.as_deref().filter(reserves).map(|charge| Charges::from(&charge.request));
        let is_said = self.charges.iter().flatten().all(|expected| expected.to.is_some());
        let charged = charged.map(|charged| Charges { to: charged.to.filter(|_| is_said), ..charged });
        let differs = self.charges.as_ref().filter(|expected| **expected != charged);
        let foreseen = decision.reservation.as_ref().and_then(|charge| match (charge.without_room, &charge.request) {
            (WithoutRoom::Foresee { pods, surge, each, by }, Request::AdmitPod(all)) => {
                assert_eq!(all.amounts, each.times(pods + surge));
                let rollout = if surge > 0 { format!(", a rollout {surge} more") } else { String::new() };
                let of_each = if by == Maker::CronJob { " of each Job" } else { "" };
                Some(format!("{pods} Pods{of_each}: {}{rollout}", said(&each.times(pods))))
            }
            (
                WithoutRoom::Foresee { .. } | WithoutRoom::Refuse | WithoutRoom::RefuseUncharged | WithoutRoom::Warn,
                _,
            ) => None,
        });
        let unforeseen = self.foresees.as_ref();
        let unforeseen = unforeseen.filter(|expected| foreseen.as_deref().unwrap_or("nothing") != expected.as_str());
        let unforeseen = unforeseen.map(|_| format!("foreseen: {foreseen:?}"));
        differs.map(|_| format!("charged: {charged:?}")).into_iter().chain(unforeseen).collect()
    }

    fn writes(&self, decision: &Decision) -> Vec<String> {
        let written: BTreeMap<_, _> = decision
            .mutations
            .iter()
            .map(|mutation| (mutation.at.to_string(), mutation.value.clone().unwrap_or(Value::Null)))
            .collect();
        let expected = self.writes.iter().chain(self.writes_only.iter().flatten());
        let missing = expected.filter(|(field, value)| written.get(*field) != Some(value));
        let missing =
            missing.map(|(field, value)| format!("not written: {field}: {value}, but {:?}", written.get(field)));
        let more = written
            .iter()
            .filter(|(field, _)| self.writes_only.as_ref().is_some_and(|only| !only.contains_key(*field)));
        let twice = (written.len() != decision.mutations.len()).then(|| "a place is written twice".into());
        missing.chain(more.map(|(field, value)| format!("written: {field}: {value}"))).chain(twice).collect()
    }

    fn warnings(&self, decision: &Decision) -> Vec<String> {
        let missing = self.warns.iter().filter(|it| !decision.warnings.iter().any(|text| text.contains(*it)));
        let more = decision.warnings.iter().filter(|text| !self.warns.iter().any(|it| text.contains(it)));
        let missing = missing.map(|it| format!("does not warn: {it}"));
        missing.chain(more.map(|text| format!("warns: {text}"))).collect()
    }

    fn end(&self, decision: &Decision, outcome: &Outcome) -> Vec<String> {
        let Some(object) = &outcome.object else { return Vec::new() };
        let stored = apply(&decision.mutations, object);
        let left =
            outcome.again.as_ref().filter(|again| !again.mutations.is_empty() || again.denials != decision.denials);
        let left = left.map(|again| format!("the validating call differs: {:?} {:?}", again.mutations, again.denials));
        let moved = self.put_back && outcome.old.as_ref() != Some(&stored);
        let moved = moved.then(|| format!("not put back: {:?} became {stored}", outcome.old));
        left.into_iter().chain(moved).collect()
    }
}

/// What kubectl prints is one line for the whole and one for each denial.
fn refusal(decision: &Decision) -> Vec<String> {
    if decision.allowed() {
        return Vec::new();
    }
    let text = decision.to_string();
    let head = format!("sluice: {} denied: ", decision.denials.len());
    let readable = text.starts_with(&head) && text.lines().count() == decision.denials.len() + 1;
    if readable { Vec::new() } else { vec![format!("the refusal is not one line a denial: {text}")] }
}

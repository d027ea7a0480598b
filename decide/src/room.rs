//! Whether the ledger has room for what the engine admits, and what becomes of it where there is none.

use std::fmt::Display;

use jiff::Timestamp;
use policy_engine::admission::decision::MOST_KEPT;
use policy_engine::admission::decision::{Reservation, WithoutRoom};
use policy_engine::admission::rules::quota::{Crowd, Foreseen, Full, Own, Rollout, worth_telling};
use policy_engine::ledger::{self, AdmitPod, Books, Entry, Outcome, Request, Shortage, Stamp};
use policy_engine::policy::Policy;
use policy_engine::policy::rule_id::RuleId;
use policy_engine::{Decision, Denial};
use store::{Ledger, Unavailable};
use tokio::time::Instant;

/// Whether what is admitted is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    Reserve,
    /// It is a dry run, which writes nothing.
    Ask,
}

/// Asks the ledger for what the decision charges, and adds what it says: denials, or warnings where nothing is enforced.
/// Answers what it was refused for. Of a workspace that is refused already, whether there would be room is said too.
///
/// # Errors
/// There is no answer. The decision is as it was.
pub async fn find(
    ledger: &Ledger,
    decision: &mut Decision,
    policy: &Policy,
    mode: Mode,
    deadline: Instant,
) -> Result<Vec<Shortage>, Unavailable> {
    let nobody = Vec::new();
    let is_asked = |charge: &&Reservation| decision.allowed() || charge.without_room == WithoutRoom::RefuseUncharged;
    let Some(charge) = decision.reservation.as_deref().filter(is_asked) else { return Ok(nobody) };
    match charge.without_room {
        WithoutRoom::Refuse => {
            let outcome = ask(ledger, charge, mode, deadline).await?;
            decision.denials.extend(refusals(&outcome, policy));
            if let Outcome::Refused(shortages) = outcome {
                return Ok(shortages);
            }
        }
        WithoutRoom::RefuseUncharged => {
            let outcome = ask(ledger, charge, Mode::Ask, deadline).await?;
            decision.denials.extend(refusals(&outcome, policy));
            if let Outcome::Refused(shortages) = outcome {
                return Ok(shortages);
            }
        }
        WithoutRoom::Warn => {
            let outcome = ask(ledger, charge, Mode::Ask, deadline).await?;
            if mode == Mode::Reserve {
                let request = charge.request.clone().unlimited();
                ask(ledger, &Reservation { request, ..charge.clone() }, mode, deadline).await?;
            }
            let refusals = refusals(&outcome, policy);
            decision.warnings.extend(refusals.iter().map(|denial| format!("not enforced: {denial}")));
            decision.unenforced.extend(refusals);
        }
        WithoutRoom::Foresee { .. } => {
            let all = ask(ledger, charge, Mode::Ask, deadline).await?;
            let without_surge = match without_surge(charge).filter(|_| matches!(all, Outcome::Refused(_))) {
                Some(request) => ledger.would_fit(request, deadline).await?,
                None => Outcome::Reserved,
            };
            let foreseen = foreseen(charge, all, without_surge, policy);
            decision.warnings.extend(foreseen);
        }
    }
    Ok(nobody)
}

/// Adds what is foreseen of a workload where no ledger is asked: what has no room in accounts that are charged nothing has none in any.
pub fn foresee(decision: &mut Decision, policy: &Policy, now: Timestamp) {
    let Some(charge) = decision.reservation.as_deref().filter(|_| decision.allowed()) else { return };
    if let WithoutRoom::Foresee { .. } = charge.without_room {
        let fits =
            |request| ledger::decide(&mut Books::default(), &Entry::Try(request), Stamp { ticket: 0, now }).outcome;
        let without_surge = without_surge(charge).map_or(Outcome::Reserved, fits);
        let foreseen = foreseen(charge, fits(charge.request.clone()), without_surge, policy);
        decision.warnings.extend(foreseen);
    }
}

/// What the Pods of a workload are charged that are there in any case; `None` where a rollout needs none besides, or all of them are.
fn without_surge(charge: &Reservation) -> Option<Request> {
    match (&charge.without_room, &charge.request) {
        (WithoutRoom::Foresee { pods, surge: 1.., each, .. }, Request::AdmitPod(all)) if *pods > 0 => {
            Some(Request::AdmitPod(AdmitPod { amounts: each.times(*pods), ..all.clone() }))
        }
        (_, _) => None,
    }
}

/// What people are told of a workload whose Pods do not all have room, or those of its rollout.
fn foreseen(charge: &Reservation, all: Outcome, without_surge: Outcome, policy: &Policy) -> Vec<String> {
    let (WithoutRoom::Foresee { pods, surge, each, by }, Outcome::Refused(shortages)) = (charge.without_room, all)
    else {
        return Vec::new();
    };
    let told = |says: &dyn Display| format!("{}: {says}", RuleId::Quota);
    let foresee = |shortages: &[Shortage]| {
        let told_of = worth_telling(shortages).take(MOST_KEPT);
        told_of.map(|shortage| told(&Foreseen { shortage, pods, by, policy })).collect()
    };
    match without_surge {
        Outcome::Refused(shortages) => foresee(&shortages),
        Outcome::Reserved | Outcome::Crowded(_) if surge > 0 => {
            let rollout = |shortage| told(&Rollout { shortage, surge, each, by, policy });
            worth_telling(&shortages).next().map(rollout).into_iter().collect()
        }
        Outcome::Reserved | Outcome::Crowded(_) => foresee(&shortages),
    }
}

/// Says in a refusal what the workload itself holds whose Pod there is no room for.
pub fn tell_own(decision: &mut Decision, shortages: &[Shortage], own: &Own, policy: &Policy) {
    // One denial for each shortage that is told, as they were added.
    let denials = decision.denials.iter_mut().filter(|denial| denial.rule == RuleId::Quota);
    for (denial, shortage) in denials.zip(worth_telling(shortages)) {
        denial.message = Full { shortage, own: Some(own), policy }.to_string();
    }
}

async fn ask(ledger: &Ledger, charge: &Reservation, mode: Mode, deadline: Instant) -> Result<Outcome, Unavailable> {
    let request = charge.request.clone();
    match mode {
        Mode::Ask => ledger.would_fit(request, deadline).await,
        Mode::Reserve => ledger.reserve(request, deadline).await,
    }
}

fn refusals(outcome: &Outcome, policy: &Policy) -> Vec<Denial> {
    let denial = |field: &str, message: String| Denial { rule: RuleId::Quota, field: field.into(), message };
    match outcome {
        Outcome::Reserved => Vec::new(),
        Outcome::Refused(shortages) => {
            let shown = worth_telling(shortages).take(MOST_KEPT);
            shown.map(|shortage| denial("spec", Full { shortage, own: None, policy }.to_string())).collect()
        }
        Outcome::Crowded(place) => vec![denial("metadata.name", Crowd { place }.to_string())],
    }
}

#[cfg(test)]
mod tests {
    use policy_engine::ledger::{Account, Amounts, Resource};
    use policy_engine::policy::Records;
    use policy_engine::policy::ids::ProjectId;

    use super::*;

    #[test]
    fn a_refusal_says_what_the_workload_itself_holds_and_only_of_what_it_does() {
        let (policy, account) = (Policy::from(Records::default()), Account::Project(ProjectId::new("p")));
        let shortage = |resource| Shortage {
            account: account.clone(),
            resource,
            used: 2000,
            reserved: 0,
            asked: 1000,
            limit: 2000,
        };
        let shortages = [shortage(Resource::Gpu), shortage(Resource::Cpu)];
        let denials = refusals(&Outcome::Refused(shortages.to_vec()), &policy);
        let mut decision = Decision { denials, ..Decision::default() };
        let held = Amounts { milli_gpu: 1500, ..Amounts::NOTHING };
        let own = Own { deployment: "web".into(), held: [(account, held)].into() };
        tell_own(&mut decision, &shortages, &own, &policy);
        let [gpu, cpu] = &decision.denials[..] else { panic!("two reasons: {:?}", decision.denials) };
        let says = "of 2 GPU in all; 1.5 GPU of that is held by older Pods of Deployment web itself; if its rollout waits for \
                    them, set strategy.type Recreate, or maxSurge 0 and maxUnavailable 1; else wait";
        assert!(gpu.message.ends_with(says), "{}", gpu.message);
        let says = "of 2 CPU in all; wait for 1 CPU to become free, end something, or ask for less";
        assert!(cpu.message.ends_with(says), "{}", cpu.message);
    }
}

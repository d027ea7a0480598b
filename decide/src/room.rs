//! Whether the ledger has room for what the engine admits, and what becomes of it where there is none.

use std::collections::BTreeSet;

use policy_engine::admission::decision::MOST_KEPT;
use policy_engine::admission::decision::{Reservation, WithoutRoom};
use policy_engine::admission::rules::quota::{Crowd, Foreseen, Full, Rollout, worth_telling};
use policy_engine::ledger::{Account, AdmitPod, Outcome, Request};
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
/// Answers which accounts it was refused for.
///
/// # Errors
/// There is no answer. The decision is as it was.
pub async fn find(
    ledger: &Ledger,
    decision: &mut Decision,
    policy: &Policy,
    mode: Mode,
    deadline: Instant,
) -> Result<BTreeSet<Account>, Unavailable> {
    let nobody = BTreeSet::new();
    let Some(charge) = decision.reservation.as_deref().filter(|_| decision.allowed()) else { return Ok(nobody) };
    match charge.without_room {
        WithoutRoom::Refuse => {
            let outcome = ask(ledger, charge, mode, deadline).await?;
            decision.denials.extend(refusals(&outcome, policy));
            if let Outcome::Refused(shortages) = outcome {
                return Ok(shortages.into_iter().map(|shortage| shortage.account).collect());
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
        WithoutRoom::Foresee { pods, surge, each } => {
            let Outcome::Refused(mut shortages) = ask(ledger, charge, Mode::Ask, deadline).await? else {
                return Ok(nobody);
            };
            if surge > 0 {
                let fits = match &charge.request {
                    Request::AdmitPod(all) if pods > 0 => {
                        let alone = AdmitPod { amounts: each.times(pods), ..all.clone() };
                        ledger.would_fit(Request::AdmitPod(alone), deadline).await?
                    }
                    _ => Outcome::Reserved,
                };
                let Outcome::Refused(without_surge) = fits else {
                    let rollout =
                        worth_telling(&shortages).next().map(|shortage| Rollout { shortage, surge, each, policy });
                    decision.warnings.extend(rollout.map(|rollout| format!("{}: {rollout}", RuleId::Quota)));
                    return Ok(nobody);
                };
                shortages = without_surge;
            }
            let foreseen =
                worth_telling(&shortages).take(MOST_KEPT).map(|shortage| Foreseen { shortage, pods, policy });
            decision.warnings.extend(foreseen.map(|foreseen| format!("{}: {foreseen}", RuleId::Quota)));
        }
    }
    Ok(nobody)
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
            shown.map(|shortage| denial("spec", Full { shortage, policy }.to_string())).collect()
        }
        Outcome::Crowded(place) => vec![denial("metadata.name", Crowd { place }.to_string())],
    }
}

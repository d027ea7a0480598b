//! Whether the ledger has room for what the engine admits, and what becomes of it where there is none.

use policy_engine::charge::{Charge, WithoutRoom};
use policy_engine::decision::MOST_KEPT;
use policy_engine::ledger::{Outcome, Shortage};
use policy_engine::policy::Policy;
use policy_engine::rules::QUOTA;
use policy_engine::rules::quota::{Foreseen, Full};
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
///
/// # Errors
/// There is no answer. The decision is as it was.
pub async fn find(
    ledger: &Ledger,
    decision: &mut Decision,
    policy: &Policy,
    mode: Mode,
    deadline: Instant,
) -> Result<(), Unavailable> {
    let Some(charge) = decision.charge.as_deref().filter(|_| decision.allowed()) else { return Ok(()) };
    match charge.without_room {
        WithoutRoom::Refuse => {
            let refusals = refusals(&ask(ledger, charge, mode, deadline).await?, policy).collect::<Vec<_>>();
            decision.denials.extend(refusals);
        }
        WithoutRoom::Warn => {
            let shortages = ask(ledger, charge, Mode::Ask, deadline).await?;
            if mode == Mode::Reserve {
                let request = charge.request.clone().unlimited();
                ask(ledger, &Charge { request, ..charge.clone() }, mode, deadline).await?;
            }
            decision.warnings.extend(refusals(&shortages, policy).map(|denial| format!("not enforced: {denial}")));
        }
        WithoutRoom::Foresee { pods } => {
            let shortages = ask(ledger, charge, Mode::Ask, deadline).await?;
            let foreseen = shortages.iter().take(MOST_KEPT).map(|shortage| Foreseen { shortage, pods, policy });
            decision.warnings.extend(foreseen.map(|foreseen| format!("{QUOTA}: {foreseen}")));
        }
    }
    Ok(())
}

async fn ask(ledger: &Ledger, charge: &Charge, mode: Mode, deadline: Instant) -> Result<Vec<Shortage>, Unavailable> {
    let request = charge.request.clone();
    let outcome = match mode {
        Mode::Ask => ledger.would_fit(request, deadline).await?,
        Mode::Reserve => ledger.reserve(request, deadline).await?,
    };
    Ok(match outcome {
        Outcome::Reserved => Vec::new(),
        Outcome::Refused(shortages) => shortages,
    })
}

fn refusals(shortages: &[Shortage], policy: &Policy) -> impl Iterator<Item = Denial> {
    let refusal =
        |shortage| Denial { rule: QUOTA, field: "spec".into(), message: Full { shortage, policy }.to_string() };
    shortages.iter().take(MOST_KEPT).map(refusal)
}

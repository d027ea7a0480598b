//! What the validating call reserves in the ledger once the engine has admitted a submission.

use std::sync::atomic::Ordering;
use std::time::Duration;

use decide::room::{self, Mode};
use policy_engine::admission::decision::WithoutRoom;
use policy_engine::policy::Policy;
use policy_engine::policy::platform::WithoutLedger;
use policy_engine::policy::rule_id::RuleId;
use policy_engine::{Decision, Submission};
use store::Unavailable;
use tokio::time::{Instant, timeout_at};

use crate::Webhook;
use crate::metrics::{Metrics, UNFORESEEN};
use crate::outage::Outage;
use crate::path::Path;
use crate::rollout;

/// The ledger's answer comes so long before the call's deadline, so that there is time to say that there is none.
const BEFORE_THE_DEADLINE: Duration = Duration::from_millis(100);
/// What only warns is not waited for as long.
const FORESEEING: Duration = Duration::from_millis(500);

/// Reserves what the decision about a submission charges, and refuses what there is no room for. A dry run only asks.
pub(crate) async fn reserve(
    webhook: &Webhook,
    submission: &Submission<'_>,
    decision: &mut Decision,
    policy: &Policy,
    dry_run: bool,
    deadline: Instant,
) -> Result<(), Outage> {
    let Some(charge) = decision.reservation.as_deref().filter(|_| decision.allowed()) else { return Ok(()) };
    let mode = if dry_run { Mode::Ask } else { Mode::Reserve };
    let deadline = deadline - BEFORE_THE_DEADLINE;
    if let WithoutRoom::Foresee { .. } = charge.without_room {
        let deadline = deadline.min(Instant::now() + FORESEEING);
        foresee(webhook, decision, policy, mode, deadline).await;
        return Ok(());
    }
    if !known_to_hold_what_runs(webhook, deadline).await {
        return Err(Outage::Unreconciled);
    }
    let mut short = match room::find(&webhook.ledger, decision, policy, mode, deadline).await {
        Ok(short) => short,
        Err(unavailable) => return without_ledger(&webhook.metrics, decision, policy, unavailable),
    };
    if short.is_empty() {
        return Ok(());
    }
    let known = (&webhook.ledger, &webhook.caches, policy);
    let accounts = short.iter().map(|shortage| shortage.account.clone()).collect();
    if webhook.left_over.give_back(known, &accounts, deadline).await {
        let refused = std::mem::take(&mut decision.denials);
        match room::find(&webhook.ledger, decision, policy, mode, deadline).await {
            Ok(still_short) => short = still_short,
            Err(_) => decision.denials = refused,
        }
    }
    if !decision.allowed()
        && let Some(own) = rollout::held_by_own(webhook, submission, policy, deadline).await
    {
        room::tell_own(decision, &short, &own, policy);
    }
    Ok(())
}

/// Adds to a refusal whether there would be room, where it is known: the validating call, which would say it, does not come.
pub(crate) async fn tell_room(webhook: &Webhook, decision: &mut Decision, policy: &Policy, deadline: Instant) {
    if decision.reservation.is_some() && webhook.compared.load(Ordering::Acquire) {
        foresee(webhook, decision, policy, Mode::Ask, deadline.min(Instant::now() + FORESEEING)).await;
    }
}

/// A warning that nobody gets is no reason to refuse. Who watches the ledger hears of it.
async fn foresee(webhook: &Webhook, decision: &mut Decision, policy: &Policy, mode: Mode, deadline: Instant) {
    if let Err(unavailable) = room::find(&webhook.ledger, decision, policy, mode, deadline).await {
        let error: &dyn std::error::Error = &unavailable;
        tracing::debug!(error, "whether there will be room was not foreseen");
        webhook.metrics.outage(Path::Validate, UNFORESEEN);
    }
}

/// A ledger that is new holds nothing until a daemon has compared it with the cluster. Asked until it is so, and then no more.
async fn known_to_hold_what_runs(webhook: &Webhook, deadline: Instant) -> bool {
    if webhook.compared.load(Ordering::Acquire) {
        return true;
    }
    match timeout_at(deadline, webhook.ledger.was_compared()).await {
        Ok(Ok(compared)) => {
            webhook.compared.store(compared, Ordering::Release);
            compared
        }
        // The request itself will say so.
        Ok(Err(_)) | Err(_) => true,
    }
}

/// Nobody knows whether there is room. Where the policy lets it run all the same, the reconciler charges it once the
/// ledger answers: until then it is in nobody's books.
fn without_ledger(
    metrics: &Metrics,
    decision: &mut Decision,
    policy: &Policy,
    unavailable: Unavailable,
) -> Result<(), Outage> {
    match policy.platform().without_ledger {
        WithoutLedger::Retry => Err(Outage::Ledger(unavailable)),
        WithoutLedger::Admit => {
            let error: &dyn std::error::Error = &unavailable;
            tracing::warn!(error, charge = ?decision.reservation, "admitted without the ledger: a debt");
            metrics.debt();
            decision.warnings.push(format!(
                "{}: the ledger does not answer; admitted as a debt, which counts once it answers again",
                RuleId::Quota
            ));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use policy_engine::policy::Records;

    use super::*;

    #[test]
    fn without_the_ledger_the_policy_says_whether_it_is_tried_again_or_a_debt() {
        let said = |without_ledger| {
            let mut records = Records::default();
            records.platform.without_ledger = without_ledger;
            let mut decision = Decision::default();
            let said = without_ledger_answers(&mut decision, &records.into());
            (said, decision)
        };
        let (refused, _) = said(WithoutLedger::Retry);
        assert!(matches!(refused, Err(Outage::Ledger(Unavailable::Closed))));
        let (admitted, decision) = said(WithoutLedger::Admit);
        assert!(admitted.is_ok() && decision.allowed());
        assert_eq!(
            decision.warnings,
            ["quota: the ledger does not answer; admitted as a debt, which counts once it answers again"]
        );
    }

    fn without_ledger_answers(decision: &mut Decision, policy: &Policy) -> Result<(), Outage> {
        without_ledger(&Metrics::default(), decision, policy, Unavailable::Closed)
    }
}

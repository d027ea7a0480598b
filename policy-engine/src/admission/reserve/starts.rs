//! What a workspace asks of the ledger that starts: whether there is room for its Pod, which is charged when it is made.

use crate::admission::decision::{Reservation, WithoutRoom};
use crate::admission::rules::plan_window;
use crate::charge::{self, Identity};
use crate::ledger::{Amounts, Request};
use crate::policy::ids::UserId;
use crate::policy::modes::RuleMode;
use crate::policy::rule_id::RuleId;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::identity::Owner;
use crate::workspace::Workspace;

/// `None` where it does not start now: of one that runs, the Pod is charged, and one whose queue is closed waits until it opens.
pub(super) fn asks(case: &Case<'_>) -> Option<Reservation> {
    let starts = match case.submission.act {
        Act::Create => true,
        Act::Update => case.submission.old.is_some_and(|old| !Workspace::is_to_run(old)),
        Act::Touch | Act::Status | Act::Bind | Act::Delete | Act::Connect => false,
    };
    let mode = case.policy.platform().mode_of(RuleId::Quota, Some(case.project));
    let pod = case.pods.first().filter(|_| starts && mode == RuleMode::Enforce)?;
    if plan_window::waits(case, pod) {
        return None;
    }
    let amounts = pod.amounts(case.policy.platform().charge).ok()?.plus(charge::devices(case, pod));
    let payers_of = |user| charge::payers(case.policy, case.project, user, case.now);
    let owner = case.owner.as_ref().ok().and_then(Owner::id).map(UserId::new);
    // What is made for it alone is among its amounts.
    let named = pod.spec.resource_claims.iter().flatten().filter(|it| it.resource_claim_name.is_some()).cloned();
    let uses =
        charge::uses(&named.collect::<Vec<_>>(), |_| Amounts::NOTHING, |claim| super::known(case, claim, payers_of));
    let nobody = Identity { uid: "", namespace: case.submission.namespace, name: "" };
    let mut asked = charge::pod(nobody, amounts, payers_of(owner));
    asked.uses = uses;
    Some(Reservation { request: Request::AdmitPod(asked), without_room: WithoutRoom::RefuseUncharged })
}

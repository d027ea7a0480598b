//! A living Pod that is asked to move to another queue.

use crate::contract;
use crate::policy::modes::RuleMode;
use crate::policy::queue::Queue;
use crate::policy::rule_id::RuleId;
use crate::submission::case::Case;

/// What the annotation `switch-queue` asks of a living Pod, and did not ask before.
#[derive(Clone, Copy, Debug)]
pub struct Switch<'a> {
    /// The queue, as it is asked.
    pub asked: &'a str,
    /// The queue that is meant, if there is one. The Pod moves there, unless a rule refuses it.
    pub queue: Option<&'a Queue>,
}

impl<'a> Switch<'a> {
    /// `None` where nothing is asked anew, and where the rule that moves Pods is off.
    pub fn of(case: &Case<'a>) -> Option<Self> {
        let asked = case.object()?.annotation(contract::SWITCH_QUEUE)?;
        let before = case.old()?.annotation(contract::SWITCH_QUEUE);
        let is_asked = case.is_living_pod() && case.submission.subresource.is_empty() && before != Some(asked);
        let is_judged = || case.policy.platform().mode_of(RuleId::Queue, Some(case.project)) != RuleMode::Off;
        (is_asked && is_judged()).then(|| Self { asked, queue: case.policy.queue_asked(asked) })
    }
}

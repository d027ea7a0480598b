//! How a queue stands to a project.

use jiff::{SignedDuration, Timestamp};

use super::view::{Reason, View};
use crate::policy::Policy;
use crate::policy::ids::ProjectId;
use crate::policy::modes::RuleMode;
use crate::policy::names::ProjectName;
use crate::policy::project::Project;
use crate::policy::queue::DEFAULT_QUEUE;
use crate::policy::rule_id::RuleId;
use crate::windows::{Calendar, OpenState};

/// How a queue stands to a project.
pub(super) struct Stand {
    pub(super) project: ProjectName,
    pub(super) mode: RuleMode,
    pub(super) hours: Hours,
}

/// Until when it is open, and since when not.
pub(super) enum Hours {
    /// It does not close, or nobody can say that it does.
    Open,
    /// It closes then.
    OpenUntil { at: Timestamp, zone: String },
    /// It is closed. `since` is when it was open last, as far back as anybody asks.
    Closed { reason: Reason, since: Option<Timestamp>, zone: String },
}

/// `None` for a project whose record cannot be read.
pub(super) fn stand(view: &View, policy: &Policy, id: &ProjectId, asked: &str, now: Timestamp) -> Option<Stand> {
    let project = policy.project_by_id(id)?;
    let mode = policy.platform().mode_of(RuleId::PlanWindow, Some(project));
    Some(Stand { project: project.name.clone(), mode, hours: hours(view, policy, project, asked, now) })
}

fn hours(view: &View, policy: &Policy, project: &Project, asked: &str, now: Timestamp) -> Hours {
    let Some(queue) = policy.queue_asked(asked).filter(|queue| queue.name.as_str() != DEFAULT_QUEUE) else {
        return Hours::Open;
    };
    let no_plan = || Hours::Closed { reason: Reason::NoPlan, since: None, zone: "UTC".into() };
    let Some(name) = &project.plan else { return no_plan() };
    let Some(plan) = policy.records().plans.get(name) else {
        // One that is there and cannot be read says nothing of its queues.
        return if view.plans.contains(name) { Hours::Open } else { no_plan() };
    };
    if !plan.queues.contains(&queue.name) {
        return Hours::Open;
    }
    let schedule = plan.schedule.as_ref().or(queue.schedule.as_ref());
    let zone = schedule.map_or("UTC", |schedule| schedule.time_zone.as_str()).to_owned();
    let calendar = Calendar::of_queue(plan, queue);
    match calendar.state(now) {
        OpenState::AlwaysOpen => Hours::Open,
        OpenState::OpenUntil(at) => Hours::OpenUntil { at, zone },
        OpenState::ClosedUntil(_) | OpenState::NeverOpens => {
            let reason = match plan.validity {
                validity if validity.until.is_some_and(|until| until <= now) => Reason::ValidityExpired,
                validity if validity.from.is_some_and(|from| from > now) => Reason::NoPlan,
                _ => Reason::WindowExpired,
            };
            let platform = policy.platform();
            let back = platform.plan_window_grace.saturating_add(platform.budget_grace);
            let back = SignedDuration::try_from(back).unwrap_or(SignedDuration::MAX);
            Hours::Closed { reason, since: calendar.closed_within(back, now), zone }
        }
    }
}

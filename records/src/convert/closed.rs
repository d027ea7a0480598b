//! Windows and a validity that are over. Such a record is in order, and what waits for it waits in vain; whoever writes it is told.

use jiff::Timestamp;
use policy_engine::windows::{Calendar, OpenState};

use super::problem::Report;
use super::raw::{RawRecord, RawRecords};
use super::{Problem, build};
use crate::Kind;

const NEVER: &str = "no window of it opens again, and Pods that wait for one wait in vain; write one that is to come";

/// A warning where nothing of a plan or a queue is open at `now`, nor will be.
pub fn closed_for_good(record: &RawRecord, now: Timestamp) -> Vec<Problem> {
    if !matches!(record.kind, Kind::ResourcePlan | Kind::PlatformQueue) {
        return Vec::new();
    }
    let (records, _) = build(&std::iter::once(record.clone()).collect::<RawRecords>());
    let mut report = Report::default();
    let is_over = |calendar: Calendar<'_>| calendar.state(now) == OpenState::NeverOpens;
    match record.kind {
        Kind::ResourcePlan => {
            for plan in records.plans.values() {
                match plan.validity.until {
                    Some(until) if until <= now => {
                        let why = format!(
                            "the plan has ended at {until}, and projects that bind it have none; write a later instant, or leave it out"
                        );
                        report.warn(&record.about(), "spec.validity.until", why);
                    }
                    Some(_) | None if is_over(Calendar::of_plan(plan)) => {
                        report.warn(&record.about(), "spec.windows", NEVER);
                    }
                    Some(_) | None => {}
                }
            }
        }
        Kind::PlatformQueue => {
            let schedule = records.queues.get(record.name.as_str()).and_then(|queue| queue.schedule.as_ref());
            if is_over(Calendar::of_schedule(schedule)) {
                report.warn(&record.about(), "spec.windows", NEVER);
            }
        }
        Kind::User | Kind::Group | Kind::Project | Kind::GpuModel | Kind::PlatformPolicy => {}
    }
    report.into_problems()
}

//! `sluice plan`: what a plan comes to.

mod bars;
mod table;

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use policy_engine::policy::Policy;
use policy_engine::policy::names::PlanName;
use policy_engine::policy::plan::Plan as Record;
use policy_engine::windows::listing::Listing;
use policy_engine::windows::{self, Range};

use crate::cluster_args::ClusterArgs;
use crate::ending::{Ending, Failure};
use crate::instant::When;
use crate::output::{self, Format};
use crate::policy_source::PolicySource;

/// Show what a plan comes to
#[derive(Args, Debug)]
pub(crate) struct Plan {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Windows(Windows),
}

/// Show when a plan's queues are open
///
/// A queue is open while its own windows and the plan's are, and the plan is valid. Weekly windows follow the clocks of
/// their zones: where those are changed, a note says so.
///
/// Exit codes: 0 shown, 1 refused, 3 bad input, 4 could not ask.
#[derive(Args, Debug)]
struct Windows {
    /// Name of the ResourcePlan
    name: String,
    /// The first instant that is shown, or a day; by default now
    #[arg(long, value_name = "TIME")]
    from: Option<When>,
    /// The first instant that is not shown any more, or a day; by default seven days later
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// The zone in which times are shown; by default the plan's, or else its queues'
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Where the records are: a directory, or the cluster
    #[arg(long, value_name = "DIR|cluster", default_value = "cluster")]
    policy: PolicySource,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// What is wrong with what was asked.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("there is no plan {asked:?}; {}", plans(.there))]
    Plan { asked: String, there: Vec<String> },
    #[error("--zone {0:?}: there is no such IANA time zone; write for example Europe/Berlin")]
    Zone(String),
}

fn plans(there: &[String]) -> String {
    match there {
        [] => "there are none at all".into(),
        plans => format!("the plans are {}", plans.join(", ")),
    }
}

impl Plan {
    pub(crate) async fn run(self) -> Result<Ending, Failure> {
        match self.command {
            Command::Windows(windows) => windows.run().await,
        }
    }
}

impl Windows {
    async fn run(self) -> Result<Ending, Failure> {
        let Self { name, from, until, zone, policy, cluster, output } = self;
        let policy = policy.policy(&cluster).await?;
        let plan = find(&policy, name).map_err(Failure::input)?;
        let zone = zone_of(plan, &policy, zone).map_err(Failure::input)?;
        let range = range(from, until, &zone, Timestamp::now()).map_err(Failure::input)?;
        let listing = Listing::of(plan, &policy, zone, range, Timestamp::now());
        output::print(&match output {
            Format::Text => table::render(&listing),
            Format::Json => output::json(&listing.for_programs())?,
        })?;
        Ok(Ending::Fine)
    }
}

fn find(policy: &Policy, asked: String) -> Result<&Record, Unusable> {
    let plans = &policy.records().plans;
    let found = plans.get(asked.as_str()).or_else(|| plans.values().find(|plan| plan.id == asked));
    found.ok_or_else(|| Unusable::Plan { asked, there: plans.keys().map(PlanName::to_string).collect() })
}

/// The zone that is asked, the plan's own, the one that all of its queues share, or UTC.
fn zone_of(plan: &Record, policy: &Policy, asked: Option<String>) -> Result<(String, TimeZone), Unusable> {
    if let Some(name) = asked {
        return windows::zone(&name).map(|zone| (name.clone(), zone)).ok_or(Unusable::Zone(name));
    }
    let queues = plan.queues.iter().filter_map(|name| policy.records().queues.get(name)?.schedule.as_ref());
    let mut of_queues: Vec<_> = queues.map(|schedule| schedule.time_zone.as_str()).collect();
    of_queues.dedup();
    let name = match (&plan.schedule, of_queues.as_slice()) {
        (Some(schedule), _) => schedule.time_zone.as_str(),
        (None, [one]) => one,
        (None, _) => "UTC",
    };
    Ok(windows::zone(name).map_or_else(|| ("UTC".into(), TimeZone::UTC), |zone| (name.to_owned(), zone)))
}

fn range(
    from: Option<When>,
    until: Option<When>,
    (_, zone): &(String, TimeZone),
    now: Timestamp,
) -> Result<Range, anyhow::Error> {
    const DAYS: i64 = 7;
    let from = from.map_or(Ok(now), |from| from.on(zone))?;
    let until = match until {
        Some(until) => until.on(zone)?,
        None => from.to_zoned(zone.clone()).checked_add(DAYS.days())?.timestamp(),
    };
    Ok(Range::new(from, until)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> (String, TimeZone) {
        ("Europe/Berlin".into(), windows::zone("Europe/Berlin").expect("a zone"))
    }

    #[test]
    fn a_week_is_shown_unless_something_else_is_asked() {
        let now = "2026-10-22T10:00:00Z".parse().expect("an instant");
        let when = |text: &str| Some(text.parse().expect("a time"));
        let shown = |from, until| {
            let range = range(from, until, &berlin(), now).map_err(|error| error.to_string())?;
            Ok::<_, String>(format!("{} {}", range.span().from, range.span().until))
        };
        // Seven days on the calendar, with an hour more.
        assert_eq!(shown(None, None), Ok("2026-10-22T10:00:00Z 2026-10-29T11:00:00Z".into()));
        let day = shown(when("2026-10-25"), when("2026-10-26"));
        assert_eq!(day, Ok("2026-10-24T22:00:00Z 2026-10-25T23:00:00Z".into()));
        let said = shown(when("2026-10-25"), when("2028-10-25")).expect_err("two years");
        assert!(said.contains("at most 366 days are listed at a time"), "{said}");
        assert!(shown(when("2026-10-25"), when("2026-10-25")).is_err());
    }

    #[test]
    fn what_does_not_exist_is_named_with_what_does() {
        let policy = Policy::from(policy_engine::policy::Records::default());
        let said = find(&policy, "gold".into()).expect_err("no plan").to_string();
        assert_eq!(said, "there is no plan \"gold\"; there are none at all");
        assert_eq!(
            Unusable::Plan { asked: "x".into(), there: vec!["a".into(), "b".into()] }.to_string(),
            "there is no plan \"x\"; the plans are a, b"
        );
    }
}

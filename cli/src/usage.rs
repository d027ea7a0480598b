//! `sluice usage`: what is used and reserved, by what, and what was spent.

mod mine;
mod since;
mod table;

use anyhow::{Context as _, Error};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use policy_engine::charge::report::{Report, Whose};
use policy_engine::policy::Policy;
use store::UsageQuery;

use crate::cluster_args::ClusterArgs;
use crate::database::DatabaseArgs;
use crate::ending::{Ending, Failure};
use crate::output::Format;
use crate::policy_source::PolicySource;
use crate::question;
use since::Since;

/// Without --since.
const BY_DEFAULT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Show what projects and users use, what holds it, and the GPU-hours that were spent
///
/// With the ledger's database: what is used and reserved now, against the limits of the records, and intervals in which
/// claims were allocated and named by a Pod. In a cluster: kubectl exec -n sluice-system deploy/sluice -- sluice usage
///
/// Where no database is named and there is none in the working directory, the platform is asked, as you: your own accounts
/// and hours of this month, and what your projects use in all. `sluice me` shows more.
///
/// Exit codes: 0 shown, 1 refused, 3 bad input, 4 could not ask.
#[derive(Args, Debug)]
pub(crate) struct Usage {
    /// Only this project and those below it, by name or id
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// Only this user, by name or id
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// From when on hours are counted: an instant, a day (in UTC), or how long ago (36h, 7d); by default thirty days ago
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Where the records are: a directory, or the cluster
    #[arg(long, value_name = "DIR|cluster", default_value = "cluster")]
    policy: PolicySource,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// What is wrong with what was asked.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("there is no project {asked:?}; {}", listed("projects", .there))]
    Project { asked: String, there: Vec<String> },
    #[error("there is no user {asked:?}; {}", listed("users", .there))]
    User { asked: String, there: Vec<String> },
    #[error("--since needs the ledger's database; without it you are told the hours of this month")]
    OnlyThisMonth,
    #[error("--since is later than now: nothing was spent yet")]
    Future,
}

fn listed(what: &str, there: &[String]) -> String {
    match there {
        [] => "there are none at all".into(),
        there => format!("the {what} are {}", there.join(", ")),
    }
}

impl Usage {
    pub(crate) async fn run(self) -> Result<Ending, Failure> {
        let Self { project, user, since, policy, cluster, database, output } = self;
        if policy == PolicySource::Cluster && database.url().names_nothing() {
            if since.is_some() {
                return Err(Failure::input(Unusable::OnlyThisMonth));
            }
            let me = question::me(&cluster.server().await?).await?;
            return show(&mine::report(me, project.as_deref(), user.as_deref())?, output);
        }
        let now = Timestamp::now();
        let since = since.map(|since| since.seen_from(now)).transpose().map_err(Failure::input)?;
        let since = since.unwrap_or(now - BY_DEFAULT);
        if since > now {
            return Err(Failure::input(Unusable::Future));
        }
        let policy = policy.policy(&cluster).await?;
        let whose = whose(&policy, project, user).map_err(Failure::BadInput)?;
        let unanswered = |error: Error| Failure::Unanswered(error);
        let ledger = database.url().look().await?;
        let query = UsageQuery { since, until: now, project: whose.project.clone(), user: whose.user.clone() };
        let read = async {
            let balances = ledger.balances().await?;
            let held = (ledger.charges().await?, ledger.uses().await?);
            Ok::<_, store::Unavailable>((balances, held, ledger.usage(&query).await?))
        };
        let (balances, (charges, uses), hours) = read.await.context("cannot read the ledger").map_err(unanswered)?;
        let report = Report::new(since, now)
            .balance(&policy, &whose, balances)
            .held(&policy, &whose, &charges, &uses)
            .spent(&policy, hours);
        show(&report, output)
    }
}

fn show(report: &Report, output: Format) -> Result<Ending, Failure> {
    output.print(report, table::render)?;
    Ok(Ending::Fine)
}

/// The ids of what was asked by name or id.
fn whose(policy: &Policy, project: Option<String>, user: Option<String>) -> Result<Whose, Vec<Error>> {
    let records = policy.records();
    let project = project.map(|asked| {
        let found = records.projects.get(asked.as_str()).or_else(|| policy.project_by_id(asked.as_str()));
        let there = || records.projects.keys().map(ToString::to_string).collect();
        found.map(|it| it.id.clone()).ok_or_else(|| Unusable::Project { asked, there: there() })
    });
    let user = user.map(|asked| {
        let found = records.users.get(asked.as_str()).or_else(|| policy.user_by_id(asked.as_str()));
        let there = || records.users.keys().map(ToString::to_string).collect();
        found.map(|it| it.id.clone()).ok_or_else(|| Unusable::User { asked, there: there() })
    });
    match (project.transpose(), user.transpose()) {
        (Ok(project), Ok(user)) => Ok(Whose { project, user }),
        (project, user) => Err(project.err().into_iter().chain(user.err()).map(Error::new).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_that_nobody_has_are_said_with_those_that_there_are() {
        let policy = Policy::from(policy_engine::policy::Records::default());
        let said = whose(&policy, Some("x".into()), Some("y".into())).expect_err("nobody");
        let said: Vec<_> = said.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            ["there is no project \"x\"; there are none at all", "there is no user \"y\"; there are none at all"]
        );
    }
}

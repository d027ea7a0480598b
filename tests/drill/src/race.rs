//! The race: more clients than there are GPUs, two replicas of Sluice on one PostgreSQL, and one of the three is killed again
//! and again.
//!
//! *Admitted* is a Pod that exists, *refused* one that Sluice said there is no room for. A *false denial* is such a refusal
//! while the ledger had room for one more from before it was asked until it was answered: a trigger in the database writes
//! down every sum there ever was. *Over-admissions* are the Pods beyond eight that lived at one moment, and *leaks* what is
//! charged when nothing lives any more.

mod clients;
mod history;

use crate::client::Person;
use crate::relay::Relay;
use crate::webhooks::{MUTATING, VALIDATING, point};
use anyhow::{Context, Result};
use clients::{Attempt, Clients, End};
use ground::{Ground, Layout, Postgres, Replica, Who, until};
use history::History;
use serde::Serialize;
use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where they race, and whose quota is raced for: its plan has eight GPUs on eight devices.
const NAMESPACE: &str = "llm-serving";
const DATABASE: &str = "ledger";
/// What there is.
const MOST: u64 = 8;
/// Between a replica's return and the next death.
const PEACE: Duration = Duration::from_secs(10);
/// How long a dead replica is dead, and how soon the Service hears of it.
const DEAD: Duration = Duration::from_secs(1);
const PROBE: Duration = Duration::from_millis(300);
/// A reservation of what never came is looked for after a minute.
const SETTLING: u64 = 150;

/// Who dies next.
#[derive(Debug, Clone, Copy)]
enum Victim {
    First,
    Second,
    Database,
}

impl Victim {
    const ALL: [Self; 5] = [Self::First, Self::Second, Self::First, Self::Second, Self::Database];

    fn name(self) -> &'static str {
        match self {
            Self::First => "one replica",
            Self::Second => "the other replica",
            Self::Database => "the database",
        }
    }
}

/// How it is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long people race.
    pub time: Duration,
    /// How many.
    pub clients: usize,
}

/// What came of it: the contract of `-o json`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How long, in seconds.
    pub seconds: f64,
    /// How many raced.
    pub clients: usize,
    /// How often a replica or the database died.
    pub kills: usize,
    /// Pods that came to be.
    pub admitted: usize,
    /// Pods that there was no room for.
    pub refused: usize,
    /// What was not decided, or not asked: to be tried again. By reason.
    pub retried: BTreeMap<String, usize>,
    /// Refusals while there was room for all of their duration.
    pub false_denials: usize,
    /// Most Pods that lived at one moment.
    pub most_at_once: usize,
    /// The most that was ever charged, in devices.
    pub most_charged: u64,
    /// Pods beyond what there is that lived at one moment.
    pub over_admissions: usize,
    /// Charges that are left when nothing lives.
    pub leaks: usize,
}

impl Report {
    /// Whether nobody got too much, nobody was wrongly refused, and nothing is left.
    pub fn as_expected(&self) -> bool {
        self.over_admissions == 0 && self.leaks == 0 && self.false_denials == 0 && self.most_charged <= MOST
    }
}

/// Milliseconds since 1970, by the clock that the database has too.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1000.0)
}

/// Runs the race on a control plane of its own.
///
/// # Errors
/// Where it could not be run. What it shows is in the report, also where it is bad.
pub fn run(options: Options) -> Result<Report> {
    let directory = tempfile::tempdir()?;
    let mut postgres = Postgres::start(directory.path(), true)?;
    let url = postgres.create(DATABASE)?;
    let mut ground = Ground::start(Layout::e2e("race").with_database(url))?;
    ground.run_platform()?;
    History::begin(&postgres)?;
    make_template(&ground)?;
    let first = ground.webhook_port()?;
    let mut second = start_second(&mut ground)?;
    let service = Relay::start(&[first, second])?;
    point(&ground, MUTATING, service.port())?;
    point(&ground, VALIDATING, service.port())?;

    let begin = Instant::now();
    let clients = Clients::start(&ground, options.clients)?;
    let mut kills = 0;
    while begin.elapsed() < options.time {
        sleep(PEACE.min(options.time.saturating_sub(begin.elapsed())));
        if begin.elapsed() >= options.time {
            break;
        }
        let victim = Victim::ALL[kills % Victim::ALL.len()];
        kills += 1;
        match victim {
            Victim::First => ground.kill("sluice")?,
            Victim::Second => ground.kill("sluice-2")?,
            Victim::Database => postgres.stop()?,
        }
        sleep(PROBE);
        match victim {
            Victim::First => service.set_backends(&[second]),
            Victim::Second => service.set_backends(&[first]),
            Victim::Database => {}
        }
        sleep(DEAD);
        match victim {
            Victim::First => ground.run_sluice()?,
            Victim::Second => second = start_second(&mut ground)?,
            Victim::Database => postgres.start_again()?,
        }
        service.set_backends(&[first, second]);
        eprintln!("{:>4.0} s: {} died and came back", begin.elapsed().as_secs_f64(), victim.name());
    }
    let seconds = begin.elapsed().as_secs_f64();
    let (runtime, attempts) = clients.stop()?;
    runtime.block_on(remove_all(&ground))?;
    let leaks = settle(&postgres)?;
    let history = History::read(&postgres)?;
    Ok(Report { seconds, clients: options.clients, kills, leaks, ..judge(&attempts, &history) })
}

fn judge(attempts: &[Attempt], history: &History) -> Report {
    let mut report = Report { most_charged: history.most(), ..Report::default() };
    let mut lives = Vec::new();
    for attempt in attempts {
        match &attempt.end {
            End::Lived { until } => {
                report.admitted += 1;
                lives.push((attempt.answered, *until));
            }
            End::NoRoom => {
                report.refused += 1;
                let most = history.most_between(attempt.asked, attempt.answered);
                report.false_denials += usize::from(most < MOST);
            }
            End::Undecided(reason) => *report.retried.entry(reason.clone()).or_default() += 1,
        }
    }
    report.most_at_once = most_at_once(&lives);
    report.over_admissions = report.most_at_once.saturating_sub(usize::try_from(MOST).unwrap_or(usize::MAX));
    report
}

/// The most of these that lived at one moment.
fn most_at_once(lives: &[(f64, f64)]) -> usize {
    let mut changes: Vec<(f64, isize)> = lives.iter().flat_map(|(from, until)| [(*from, 1), (*until, -1)]).collect();
    changes.sort_by(|(at, change), (other_at, other)| at.total_cmp(other_at).then(change.cmp(other)));
    let counts = changes.iter().scan(0_isize, |count, (_, change)| {
        *count += change;
        Some(*count)
    });
    counts.max().and_then(|most| usize::try_from(most).ok()).unwrap_or_default()
}

fn make_template(ground: &Ground) -> Result<()> {
    let template = r#"{"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"name": "race", "namespace": "llm-serving"},
        "spec": {"spec": {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]}}}}"#;
    ground.kubectl_with(Who::User("bob"), &["create", "-f", "-"], template)?.ok("kubectl create")?;
    Ok(())
}

fn start_second(ground: &mut Ground) -> Result<u16> {
    let doors = ground.start_replica(&Replica::default())?;
    until("the second replica to be ready", 30, || Ok::<_, anyhow::Error>(doors.ready().then_some(())))?;
    Ok(doors.webhook)
}

/// Also those of which nobody heard whether they came to be.
async fn remove_all(ground: &Ground) -> Result<()> {
    let admin = Person::of(&ground.kubeconfig(Who::Admin)?).await?;
    for pod in admin.list(NAMESPACE, clients::MARK).await?.items {
        let name = pod.metadata.name.context("a Pod without a name")?;
        let _gone = admin.delete(NAMESPACE, &name).await;
    }
    Ok(())
}

/// How many charges are left when the reconciler has had its time.
fn settle(postgres: &Postgres) -> Result<usize> {
    let left = || -> Result<usize> {
        let places = format!("place LIKE '%/{NAMESPACE}/%'");
        Ok(postgres.ask(DATABASE, &format!("SELECT count(*) FROM charges WHERE {places}"))?.trim().parse()?)
    };
    let begin = Instant::now();
    loop {
        let found = left()?;
        if found == 0 || begin.elapsed() > Duration::from_secs(SETTLING) {
            return Ok(found);
        }
        sleep(Duration::from_millis(500));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_before_another_comes_does_not_live_beside_them() {
        assert_eq!(most_at_once(&[(0.0, 2.0), (1.0, 3.0), (2.0, 4.0)]), 2);
        assert_eq!(most_at_once(&[]), 0);
    }

    #[test]
    fn a_refusal_is_false_only_where_there_was_room_all_the_time() {
        let history = History::of(vec![(0.0, 7), (10.0, 8), (20.0, 7)]);
        let refused = |asked, answered| Attempt { asked, answered, end: End::NoRoom };
        let false_denials = |asked, answered| judge(&[refused(asked, answered)], &history).false_denials;
        assert_eq!([false_denials(5.0, 12.0), false_denials(12.0, 25.0), false_denials(15.0, 18.0)], [0, 0, 0]);
        assert_eq!([false_denials(21.0, 25.0), false_denials(2.0, 9.0)], [1, 1]);
    }
}

//! What nobody should have been able to do: it is charged, and said in the log, by an Event and by a metric. And what is
//! no alarm, but over a limit.

use std::collections::{BTreeMap, BTreeSet};

use cluster::client::LookupFailed;
use cluster::view;
use cluster::world::Snapshot;
use cluster::write::{About, News, Outcome};
use futures::FutureExt;
use jiff::Timestamp;
use policy_engine::charge;
use policy_engine::ledger::{Account, Amounts, Balance, Held, Resource, Shortage, held_twice};
use policy_engine::policy::modes::RuleMode;
use policy_engine::policy::project::Project;
use policy_engine::policy::rule_id::RuleId;

use super::words;
use super::{DAEMON, Is, look};
use crate::cycle::Step;
use crate::metrics::LedgerAlarm;
use crate::stage::Stage;

/// Of which alarms people were told, as long as they last.
#[derive(Default)]
pub(super) struct Told {
    /// UIDs of claims that are gone and held, and whether people were told. That needs two comparisons: the watch of Pods
    /// may be ahead of that of claims, and what seems to be held be made anew, with its Pod.
    gone: BTreeMap<String, bool>,
    /// UIDs of each two claims that hold the same devices.
    twice: BTreeSet<[String; 2]>,
    /// Who has more than they may have, of what.
    above: BTreeSet<(Account, Resource)>,
}

impl Told {
    /// Whether the next comparison decides whether there is an alarm.
    pub(super) fn may_tell(&self) -> bool {
        self.gone.values().any(|told| !told)
    }
}

/// Tells everybody.
pub(super) async fn tell(stage: &Stage, news: &News) {
    tracing::error!(target: "journal", daemon = DAEMON.name, about = %news.about, "{}", news.note);
    if let Err(failed) = stage.writer.tell(news).await {
        let error: &dyn std::error::Error = &failed;
        tracing::warn!(daemon = DAEMON.name, error, "could not report");
    }
}

/// A step that took accounts over their limits, or further.
pub(super) async fn over(stage: &Stage, snapshot: &Snapshot, about: &About, shortages: &[Shortage]) {
    let is_enforced = |it: &&Shortage| limited(&it.account, snapshot).is_some();
    let shortages: Vec<_> = shortages.iter().filter(is_enforced).cloned().collect();
    if !shortages.is_empty() {
        stage.metrics.alarm(DAEMON.name, LedgerAlarm::OverLimit);
        tell(stage, &words::over(about.clone(), &shortages, &snapshot.policy)).await;
    }
}

/// The project of an account, if its limits are enforced.
fn limited<'a>(account: &Account, snapshot: &'a Snapshot) -> Option<&'a Project> {
    let (Account::Project(id) | Account::User { project: id, .. }) = account;
    let project = snapshot.policy.project_by_id(id)?;
    let mode = snapshot.policy.platform().mode_of(RuleId::Quota, Some(project));
    (mode == RuleMode::Enforce).then_some(project)
}

/// Tells of those who have more than they may have. It is no alarm: an Admin gave them a smaller plan, or the alarm was
/// about what took them there. Each is told once while it lasts.
pub(super) fn above(snapshot: &Snapshot, balances: &[(Account, Balance)], told: &mut Told) -> Vec<Step> {
    let now = Timestamp::now();
    let mut lasts = BTreeSet::new();
    let mut new: BTreeMap<&str, Vec<Shortage>> = BTreeMap::new();
    for (account, balance) in balances {
        let Some(project) = limited(account, snapshot) else { continue };
        let (of_project, of_user) = charge::limits(&snapshot.policy, project, now);
        let quota = match account {
            Account::Project(_) => of_project,
            Account::User { .. } => of_user,
        };
        for shortage in Shortage::of(account, *balance, Amounts::NOTHING, &quota) {
            let about = (account.clone(), shortage.resource);
            if !told.above.contains(&about) {
                new.entry(project.name.as_str()).or_default().push(shortage);
            }
            lasts.insert(about);
        }
    }
    told.above = lasts;
    let say = |(project, shortages): (&str, Vec<Shortage>)| {
        let news = words::above(project, &shortages, &snapshot.policy);
        Step::told(news, async { Ok(Outcome::Written) }.boxed())
    };
    new.into_iter().map(say).collect()
}

/// Tells of the claims that are gone and held, and that the API server does not have either.
pub(super) async fn gone(stage: &Stage, held: Vec<Held>, told: &mut Told) -> Result<Vec<Step>, LookupFailed> {
    told.gone.retain(|uid, _| held.iter().any(|it| it.claim.uid == *uid));
    let mut again = Vec::new();
    for held in held {
        match told.gone.get(&held.claim.uid) {
            Some(true) => {}
            Some(false) => again.push((held.claim.clone(), held)),
            None => drop(told.gone.insert(held.claim.uid, false)),
        }
    }
    let gone = look(stage, again, Is::Gone).await?;
    told.gone.extend(gone.iter().map(|(claim, _)| (claim.uid.clone(), true)));
    let say = |(_, held)| alarm(stage, LedgerAlarm::HeldClaimGone, [words::of_held(&held)]);
    Ok(gone.into_iter().map(say).collect())
}

/// Tells of the claims that hold the same devices.
pub(super) fn twice(stage: &Stage, told: &mut Told) -> Vec<Step> {
    let holders = view::ledger::holders(&stage.world);
    let mut lasts = BTreeSet::new();
    let mut steps = Vec::new();
    for twice in held_twice(&holders) {
        let pair = twice.holders.map(|it| it.uid.clone());
        if !told.twice.contains(&pair) {
            steps.push(alarm(stage, LedgerAlarm::HeldTwice, words::of_held_twice(&twice)));
        }
        lasts.insert(pair);
    }
    told.twice = lasts;
    steps
}

fn alarm<const N: usize>(stage: &Stage, alarm: LedgerAlarm, news: [News; N]) -> Step {
    let stage = stage.clone();
    let act = async move {
        stage.metrics.alarm(DAEMON.name, alarm);
        for news in &news {
            tell(&stage, news).await;
        }
        Ok(Outcome::Written)
    };
    Step::silent(act.boxed())
}

//! What nobody should have been able to do: it is charged, and said in the log, by an Event and by a metric.

use std::collections::BTreeSet;

use cluster::client::LookupFailed;
use cluster::view;
use cluster::world::Snapshot;
use cluster::write::{About, News, Outcome};
use futures::FutureExt;
use policy_engine::ledger::{Held, Shortage, held_twice};

use super::words;
use super::{DAEMON, look};
use crate::cycle::Step;
use crate::metrics::LedgerAlarm;
use crate::stage::Stage;

/// Of which alarms people were told, as long as they last.
#[derive(Default)]
pub(super) struct Told {
    /// UIDs of claims that are gone and held.
    gone: BTreeSet<String>,
    /// UIDs of each two claims that hold the same devices.
    twice: BTreeSet<[String; 2]>,
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
    if !shortages.is_empty() {
        stage.metrics.alarm(LedgerAlarm::OverLimit);
        tell(stage, &words::over(about.clone(), shortages, &snapshot.policy)).await;
    }
}

/// Tells of the claims that are gone and held, and that the API server does not have either.
pub(super) async fn gone(stage: &Stage, held: Vec<Held>, told: &mut Told) -> Result<Vec<Step>, LookupFailed> {
    told.gone.retain(|uid| held.iter().any(|it| it.claim.uid == *uid));
    let new = held.into_iter().filter(|it| !told.gone.contains(&it.claim.uid));
    let gone = look(stage, new.map(|it| (it.claim.clone(), it)).collect(), false).await?;
    told.gone.extend(gone.iter().map(|(claim, _)| claim.uid.clone()));
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
        stage.metrics.alarm(alarm);
        for news in &news {
            tell(&stage, news).await;
        }
        Ok(Outcome::Written)
    };
    Step::silent(act.boxed())
}

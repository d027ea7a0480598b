//! The whole policy as one value, rebuilt when records change.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use kube::core::DynamicObject;
use policy_engine::policy::{Policy, Records};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long a change waits for others that come with it.
const GATHER: Duration = Duration::from_millis(10);
/// Bursts of changes rebuild the policy no more often than this.
const INTERVAL: Duration = Duration::from_millis(50);

/// What the records say, and what in them could not be understood.
#[derive(Debug)]
pub struct Snapshot {
    /// What could be understood.
    pub policy: Arc<Policy>,
    /// What could not.
    pub problems: Arc<Vec<Problem>>,
}

impl Snapshot {
    /// What holds before anything was read.
    pub(super) fn empty() -> Self {
        Self::of(Vec::new())
    }

    fn of(raw: Vec<Arc<DynamicObject>>) -> Self {
        let (records, problems) = build(&raw);
        Self { policy: Arc::new(Policy::from(records)), problems: Arc::new(problems) }
    }
}

/// Stands in for `convert`'s.
pub type Problem = String;

fn build(_raw: &[Arc<DynamicObject>]) -> (Records, Vec<Problem>) {
    (Records::default(), Vec::new())
}

/// Rebuilds the policy after changes until the process ends. `raw` is `None` while not all records are known.
pub(super) async fn keep_current(
    current: Arc<ArcSwap<Snapshot>>,
    mut dirty: watch::Receiver<()>,
    raw: impl Fn() -> Option<Vec<Arc<DynamicObject>>>,
    built: impl Fn(bool),
    shutdown: CancellationToken,
) {
    let mut last = None::<Instant>;
    while let Some(Ok(())) = shutdown.run_until_cancelled(dirty.changed()).await {
        let soonest = last.map(|last| last + INTERVAL);
        sleep_until(soonest.into_iter().fold(Instant::now() + GATHER, Instant::max)).await;
        // Before the records are read: what changes after this is seen next time.
        dirty.mark_unchanged();
        let Some(raw) = raw() else { continue };
        last = Some(Instant::now());
        // Many records take a while, and a panic must leave the policy as it was.
        match tokio::task::spawn_blocking(move || Snapshot::of(raw)).await {
            Ok(next) => {
                let before = current.load();
                let differs = before.policy.version() != next.policy.version() || before.problems != next.problems;
                drop(before);
                let version = next.policy.version().to_owned();
                let problems = next.problems.len();
                current.store(Arc::new(next));
                if differs {
                    tracing::info!(version, problems, "policy rebuilt");
                }
                built(differs);
            }
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "rebuilding the policy failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn gathers_bursts_and_shows_single_changes_soon() {
        let (changed, dirty) = watch::channel(());
        let builds = Arc::new(AtomicU32::new(0));
        let shutdown = CancellationToken::new();
        let (counter, stop) = (builds.clone(), shutdown.clone());
        let current = Arc::new(ArcSwap::from_pointee(Snapshot::empty()));
        let built = move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        let task = tokio::spawn(async move { keep_current(current, dirty, || Some(Vec::new()), built, stop).await });

        for _ in 0..100 {
            changed.send_replace(());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let in_burst = builds.swap(0, Ordering::Relaxed);
        assert!((2..=4).contains(&in_burst), "{in_burst} builds for 100 changes in 100 ms");

        changed.send_replace(());
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(builds.load(Ordering::Relaxed), 1, "a single change is visible within 30 ms");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(builds.load(Ordering::Relaxed), 1, "one change, one build");
        shutdown.cancel();
        task.await.expect("ends with the process");
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_all_records() {
        let (changed, dirty) = watch::channel(());
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let current = Arc::new(ArcSwap::from_pointee(Snapshot::empty()));
        let built = |_| unreachable!("nothing to build from");
        let task = tokio::spawn(async move { keep_current(current, dirty, || None, built, stop).await });
        changed.send_replace(());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!task.is_finished(), "nothing was built, and the task goes on");
        shutdown.cancel();
        task.await.expect("ends with the process");
    }
}

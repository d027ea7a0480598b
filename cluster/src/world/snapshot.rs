//! The whole policy as one value, rebuilt when records change.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use kube::core::DynamicObject;
use policy_engine::policy::Policy;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use records::Kind;
use records::convert;
use records::convert::{Problem, RawRecord, RawRecords};

/// How long a change waits for others that come with it.
const GATHER: Duration = Duration::from_millis(10);
/// Bursts of changes rebuild the policy no more often than this.
const INTERVAL: Duration = Duration::from_millis(50);

/// The records of an instant: what they say, and what in them could not be understood.
#[derive(Debug)]
pub struct Snapshot {
    /// The records as they were written.
    pub raw: Arc<RawRecords>,
    /// What could be understood.
    pub policy: Arc<Policy>,
    /// What could not, and what deserves a warning.
    pub problems: Arc<Vec<Problem>>,
}

impl Snapshot {
    /// What holds before anything was read.
    pub(super) fn empty() -> Self {
        Self::of(&[])
    }

    fn of(objects: &[Found]) -> Self {
        let raw: RawRecords = objects.iter().filter_map(|(kind, object)| raw_record(*kind, object)).collect();
        let (records, problems) = convert::build(&raw);
        Self { raw: Arc::new(raw), policy: Arc::new(Policy::from(records)), problems: Arc::new(problems) }
    }
}

/// A record as the watch brought it.
pub(super) type Found = (Kind, Arc<DynamicObject>);

fn raw_record(kind: Kind, object: &DynamicObject) -> Option<RawRecord> {
    match serde_json::to_value(object).map(|value| RawRecord::of(kind, value, None)) {
        Ok(Ok(record)) => Some(record),
        // The API server stores no object without a name, and what was JSON can be JSON again.
        Ok(Err(_)) | Err(_) => {
            tracing::error!(%kind, name = object.metadata.name, "the API server sent something that is no object");
            None
        }
    }
}

/// Rebuilds the policy after changes until the process ends. `found` is `None` while not all records are known.
pub(super) async fn keep_current(
    current: Arc<ArcSwap<Snapshot>>,
    mut dirty: watch::Receiver<()>,
    found: impl Fn() -> Option<Vec<Found>>,
    built: impl Fn(bool),
    shutdown: CancellationToken,
) {
    let mut last = None::<Instant>;
    while let Some(Ok(())) = shutdown.run_until_cancelled(dirty.changed()).await {
        let soonest = last.map(|last| last + INTERVAL);
        sleep_until(soonest.into_iter().fold(Instant::now() + GATHER, Instant::max)).await;
        // Before the records are read: what changes after this is seen next time.
        dirty.mark_unchanged();
        let Some(found) = found() else { continue };
        last = Some(Instant::now());
        // Many records take a while, and a panic must leave the policy as it was.
        match tokio::task::spawn_blocking(move || Snapshot::of(&found)).await {
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

    #[test]
    fn an_unreadable_record_is_a_problem_of_its_own() {
        let object = |kind: Kind, name: &str, spec: serde_json::Value| {
            let kinds = kube::core::GroupVersionKind::gvk(records::GROUP, records::VERSION, kind.name());
            let resource = kube::core::ApiResource::from_gvk(&kinds);
            (kind, Arc::new(DynamicObject::new(name, &resource).data(serde_json::json!({"spec": spec}))))
        };
        let alice = object(Kind::User, "alice", serde_json::json!({"username": "alice"}));
        let broken = object(Kind::User, "bob", serde_json::json!({"username": 7}));
        let snapshot = Snapshot::of(&[alice, broken]);
        assert!(snapshot.policy.user_by_username("alice").is_some());
        assert!(!snapshot.problems.is_empty(), "bob's record is reported");
        for problem in snapshot.problems.iter() {
            assert_eq!((problem.kind, problem.name.as_str()), (Some(Kind::User), "bob"), "{problem}");
        }
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

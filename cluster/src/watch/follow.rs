//! One watch that fills one cache, for as long as the process lives.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use kube::core::{ObjectMeta, Resource};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::pulse::Pulse;
use crate::client::listened_to;

/// How long one watch request lasts. A connection that died without a word is noticed a few seconds after that.
const WATCH_SECONDS: u32 = 60;
const FIRST_RETRY: Duration = Duration::from_millis(250);
/// Short, so that a restarted API server or freshly installed CRDs are noticed soon.
const LONGEST_RETRY: Duration = Duration::from_secs(2);
/// Objects that a list brings at a time. A page is held as text and as objects at once; afterwards that memory is idle.
const PAGE: u32 = 100;
const NOT_FOUND: u16 = 404;
const FORBIDDEN: u16 = 403;
/// How long to wait before asking again for a kind that a cluster may do without, and does not have or does not let us read. Meanwhile
/// nothing is old.
const UNTIL_ASKED_AGAIN: Duration = Duration::from_secs(30);
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A watch, as `/metrics` and freshness see it.
#[derive(Clone)]
pub(crate) struct Watch {
    /// The plural name of what it brings.
    pub(crate) name: &'static str,
    filled: Arc<AtomicBool>,
    missing: Arc<AtomicBool>,
    refused: Arc<AtomicBool>,
    pulse: Pulse,
    size: Arc<dyn Fn() -> usize + Send + Sync>,
}

impl Watch {
    /// Whether everything that existed when the watch began is in the cache.
    pub(crate) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// Whether the API server does not have the kind, and need not.
    pub(crate) fn is_missing(&self) -> bool {
        self.missing.load(Ordering::Acquire)
    }

    /// Whether the API server does not let us read the kind.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Acquire)
    }

    /// When the watch was last known to be alive.
    pub(crate) fn last_heard(&self) -> Option<Instant> {
        self.pulse.last()
    }

    /// How many objects the cache holds.
    pub(crate) fn size(&self) -> usize {
        (self.size)()
    }
}

/// What all watches of a process share.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) client: Client,
    pub(crate) shutdown: CancellationToken,
    /// Whether the log says already that CRDs are missing.
    pub(crate) kinds_missing: Arc<AtomicBool>,
}

/// What is watched, and what of it is kept.
pub(crate) struct Followed<K: Resource> {
    /// The plural name of the kind.
    pub(crate) name: &'static str,
    /// The kind, where its type does not say it.
    pub(crate) kind: K::DynamicType,
    /// Which objects of the kind.
    pub(crate) which: watcher::Config,
    /// Takes out of an object what nobody needs.
    pub(crate) keep: fn(&mut K),
    /// Whether a cluster may do without the kind: then there are none of it.
    pub(crate) may_be_missing: bool,
}

/// A change of a cache.
pub(crate) enum Change<'a, K: Resource + 'static>
where
    K::DynamicType: Hash + Eq,
{
    /// Everything was listed anew.
    Listed(&'a Store<K>),
    /// An object was made or changed. `before` is what the cache had.
    Written { before: Option<Arc<K>>, now: &'a K },
    /// An object is gone.
    Gone(&'a K),
}

/// Starts to watch. `changed` is called after each change of the cache.
pub(crate) fn follow<K>(
    followed: Followed<K>,
    changed: impl Fn(Change<'_, K>) + Send + 'static,
    common: &Common,
) -> (Store<K>, Watch)
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Hash + Eq + Clone + Send + Sync,
{
    let Followed { name, kind, which, keep, may_be_missing } = followed;
    let pulse = Pulse::new();
    let beat = pulse.clone();
    let api = Api::all_with(listened_to(&common.client, move || beat.beat()), &kind);
    let mut writer = reflector::store::Writer::new(kind.clone());
    let store = writer.as_reader();
    let size = store.clone();
    let watch = Watch {
        name,
        filled: Arc::default(),
        missing: Arc::default(),
        refused: Arc::default(),
        pulse,
        size: Arc::new(move || size.len()),
    };
    let (missing, refused) = (watch.missing.clone(), watch.refused.clone());
    let (filled, pulse, shutdown) = (watch.filled.clone(), watch.pulse.clone(), common.shutdown.clone());
    let mut failures = Failures::new(name, common.kinds_missing.clone());
    let cached = store.clone();
    tokio::spawn(async move {
        let begin = || Box::pin(watcher(api.clone(), which.clone().timeout(WATCH_SECONDS).page_size(PAGE)));
        let mut events = begin();
        while let Some(Some(event)) = shutdown.run_until_cancelled(events.next()).await {
            let event = match event {
                Ok(event) => event.modify(keep),
                Err(error) if may_be_missing && is_never_listed(&error) => {
                    if !missing.swap(true, Ordering::AcqRel) {
                        tracing::info!(kind = name, "the cluster does not have this kind; going on without it");
                        [Event::Init, Event::InitDone].iter().for_each(|event| writer.apply_watcher_event(event));
                        filled.store(true, Ordering::Release);
                        changed(Change::Listed(&cached));
                    }
                    pulse.beat();
                    let _cancelled = shutdown.run_until_cancelled(sleep(UNTIL_ASKED_AGAIN)).await;
                    continue;
                }
                // Rights are given by hand: who asks often has them no sooner.
                Err(error) if is_refused(&error) => {
                    if !refused.swap(true, Ordering::AcqRel) {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(
                            kind = name,
                            error,
                            "no right to read this kind; asking again from time to time"
                        );
                        changed(Change::Listed(&cached));
                    }
                    let pause = if may_be_missing { UNTIL_ASKED_AGAIN } else { LONGEST_RETRY };
                    let _cancelled = shutdown.run_until_cancelled(sleep(pause)).await;
                    continue;
                }
                Err(error) => {
                    // Only a list says whether the kind has gone: what defined it may have been removed.
                    if may_be_missing && is_kind_missing(&error) {
                        events = begin();
                    }
                    let pause = failures.note(&error, pulse.last());
                    let _cancelled = shutdown.run_until_cancelled(sleep(pause)).await;
                    continue;
                }
            };
            let before = match &event {
                Event::Apply(object) => cached.get(&ObjectRef::from_obj_with(object, kind.clone())),
                Event::Init | Event::InitApply(_) | Event::InitDone | Event::Delete(_) => None,
            };
            writer.apply_watcher_event(&event);
            match &event {
                // The watcher says this before each attempt to list, so it is no sign of success.
                Event::Init | Event::InitApply(_) => continue,
                Event::InitDone => {
                    missing.store(false, Ordering::Release);
                    if refused.swap(false, Ordering::AcqRel) {
                        tracing::info!(kind = name, "this kind may be read now");
                    }
                    filled.store(true, Ordering::Release);
                    changed(Change::Listed(&cached));
                }
                Event::Apply(object) => changed(Change::Written { before, now: object }),
                Event::Delete(object) => changed(Change::Gone(object)),
            }
            failures.end();
        }
    });
    (store, watch)
}

/// Neither managed fields nor kubectl's copy of what was applied.
pub(crate) fn lighter(meta: &mut ObjectMeta) {
    meta.managed_fields = None;
    if let Some(annotations) = &mut meta.annotations {
        annotations.remove(LAST_APPLIED);
    }
}

/// The failures of a watch since it last worked: logged once when they go on, tried again at growing intervals.
struct Failures {
    name: &'static str,
    kinds_missing: Arc<AtomicBool>,
    last: Option<Instant>,
    count: u32,
}

impl Failures {
    fn new(name: &'static str, kinds_missing: Arc<AtomicBool>) -> Self {
        Self { name, kinds_missing, last: None, count: 0 }
    }

    /// Counts a failure and says how long to wait.
    fn note(&mut self, error: &watcher::Error, heard: Option<Instant>) -> Duration {
        // A watch that was opened again says nothing until something changes.
        if heard > self.last {
            self.end();
        }
        // One failure is no news: the API server says "too many requests" while it makes room for a new CRD.
        if self.count == 1 {
            self.report(error);
        }
        self.last = Some(Instant::now());
        let pause = FIRST_RETRY * 2_u32.pow(self.count.min(8));
        self.count += 1;
        pause.min(LONGEST_RETRY)
    }

    fn report(&self, error: &watcher::Error) {
        let kind = self.name;
        if !is_kind_missing(error) {
            tracing::warn!(kind, error = error as &dyn std::error::Error, "watch failed; trying again");
        } else if !self.kinds_missing.swap(true, Ordering::Relaxed) {
            tracing::warn!(kind, "the cluster does not know this kind, and perhaps others, yet; waiting for the CRDs");
        }
    }

    fn end(&mut self) {
        if self.count > 0 {
            tracing::debug!(kind = self.name, failures = self.count, "watch works again");
            self.kinds_missing.store(false, Ordering::Relaxed);
        }
        self.count = 0;
    }
}

/// Whether a list says that there is no such kind. A watch that is begun anew says so too while the API server starts, and
/// what it brought before is still there.
fn is_never_listed(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::InitialListFailed(_)) && is_kind_missing(error)
}

/// By code: where not even the group exists, the answer is plain text and has no reason.
fn is_kind_missing(error: &watcher::Error) -> bool {
    is_answered_by(error, NOT_FOUND)
}

fn is_refused(error: &watcher::Error) -> bool {
    is_answered_by(error, FORBIDDEN)
}

/// Whether a list, or the beginning of a watch, is answered by this code.
fn is_answered_by(error: &watcher::Error, code: u16) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == code,
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchError(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => false,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;

    use super::*;

    fn failures() -> Failures {
        Failures::new("projects", Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn waits_longer_and_longer_but_never_long() {
        let mut failures = failures();
        let pauses: Vec<_> = (0..12).map(|_| failures.note(&watcher::Error::NoResourceVersion, None)).collect();
        assert_eq!(pauses[..4], [250, 500, 1000, 2000].map(Duration::from_millis));
        assert!(pauses[4..].iter().all(|pause| *pause == LONGEST_RETRY));
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_not_be_read_is_asked_for_seldom() {
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = asked.clone();
        let service = tower::service_fn(move |_: http::Request<kube::client::Body>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let status = br#"{"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403}"#;
            let answer = http::Response::builder().status(FORBIDDEN).body(kube::client::Body::from(status.to_vec()));
            std::future::ready(answer.map_err(std::io::Error::other))
        });
        let client = Client::new(service, "default");
        let common = Common { client, shutdown: CancellationToken::new(), kinds_missing: Arc::default() };
        let which = watcher::Config::default();
        let followed = Followed::<Node> { name: "nodes", kind: (), which, keep: |_| {}, may_be_missing: true };
        let (changes, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let (_store, watch) = follow(followed, move |_| changes.send(()).expect("it is heard"), &common);
        heard.recv().await.expect("it was refused");
        assert!(watch.is_refused());
        tokio::time::advance(UNTIL_ASKED_AGAIN * 4).await;
        tokio::time::sleep(UNTIL_ASKED_AGAIN).await;
        let asked = asked.load(Ordering::Relaxed);
        assert!((2..=4).contains(&asked), "asked {asked} times");
        assert!(heard.try_recv().is_err(), "it was told once");
    }

    #[tokio::test(start_paused = true)]
    async fn begins_anew_after_a_sign_of_life() {
        let mut failures = failures();
        for _ in 0..5 {
            failures.note(&watcher::Error::NoResourceVersion, None);
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        let pause = failures.note(&watcher::Error::NoResourceVersion, Some(Instant::now()));
        assert_eq!(pause, FIRST_RETRY);
    }
}

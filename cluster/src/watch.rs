//! What the API server holds, kept in memory: the seven kinds of records as one policy, and Namespaces.
//!
//! Records are watched as untyped objects: one that cannot be understood is a problem of its own and of nothing else.
//! Until everything was read once, nothing is *synced*, and the policy says nothing about the cluster.

mod follow;
mod pulse;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, PartialObjectMeta};
use kube::{Api, Client};
use policy_engine::contract;
use policy_engine::policy::Policy;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use follow::{Cache, Common, follow, follow_some, lighter};
use records::Kind;
use records::convert::Problem;
pub use snapshot::Snapshot;

/// Plural names of the records; what metrics call their caches.
const PLURALS: [(Kind, &str); 7] = [
    (Kind::User, "users"),
    (Kind::Group, "groups"),
    (Kind::ResourcePlan, "resourceplans"),
    (Kind::PlatformQueue, "platformqueues"),
    (Kind::GpuModel, "gpumodels"),
    (Kind::Project, "projects"),
    (Kind::PlatformPolicy, "platformpolicies"),
];

/// A watch that is alive is heard about once a minute. Older than this the caches are nothing to decide on: another API
/// server may have taken writes of which this process never heard.
pub const OLDEST: Duration = Duration::from_secs(150);

/// A Namespace as it is cached: its metadata.
pub type NamespaceMeta = PartialObjectMeta<Namespace>;

/// The caches of a process. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Caches {
    client: Client,
    snapshot: Arc<ArcSwap<Snapshot>>,
    records: Arc<[Cache<DynamicObject>; 7]>,
    namespaces: Arc<Cache<NamespaceMeta>>,
    synced: watch::Receiver<bool>,
    changes: watch::Receiver<u64>,
    shutdown: CancellationToken,
}

/// The process ended before its caches were synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped before the caches were synced")]
pub struct Stopped;

/// Why the caches are nothing to decide on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not everything was read yet.
    #[error("the caches are not filled yet")]
    Cold,
    /// The API server was not heard for longer than [`OLDEST`].
    #[error("nothing was heard from the API server for {} s", .0.as_secs())]
    Old(Duration),
}

/// How one cache is.
#[derive(Clone, Copy, Debug)]
pub struct CacheHealth {
    /// Plural name of what it holds.
    pub name: &'static str,
    /// How many objects it holds.
    pub size: usize,
    /// When the API server was last heard on its watch; bookmarks come about once a minute.
    pub last_heard: Option<Instant>,
}

impl Caches {
    /// Starts to watch. Returns at once; the watches end with `shutdown`.
    pub fn start(client: Client, shutdown: CancellationToken) -> Self {
        let common = Common { client: client.clone(), shutdown: shutdown.clone(), kinds_missing: Arc::default() };
        let (dirty, dirtied) = watch::channel(());
        let (nudge, changes) = watch::channel(0_u64);
        let (sync, synced) = watch::channel(false);
        let (dirty, nudge) = (Arc::new(dirty), Arc::new(nudge));
        let records = Arc::new(PLURALS.map(|(kind, plural)| {
            let resource = record_resource(kind, plural);
            let dirty = dirty.clone();
            let api = |client| Api::all_with(client, &resource);
            follow(plural, api, resource.clone(), move || dirty.send_replace(()), &common)
        }));
        let namespaces = {
            let (dirty, nudge, synced) = (dirty, nudge.clone(), synced.clone());
            let changed = move || {
                // The first policy waits for Namespaces too; later ones do not depend on them.
                if !*synced.borrow() {
                    dirty.send_replace(());
                }
                nudge.send_modify(|count| *count += 1);
            };
            Arc::new(follow("namespaces", Api::all, (), changed, &common))
        };
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::empty()));
        let found = {
            let (records, namespaces) = (records.clone(), namespaces.clone());
            move || {
                let all = namespaces.is_filled() && records.iter().all(Cache::is_filled);
                all.then(|| of_all_kinds(&records).collect())
            }
        };
        let built = move |differs| {
            if !sync.send_replace(true) {
                tracing::info!("caches synced");
            }
            if differs {
                nudge.send_modify(|count| *count += 1);
            }
        };
        tokio::spawn(snapshot::keep_current(snapshot.clone(), dirtied, found, built, shutdown.clone()));
        Self { client, snapshot, records, namespaces, synced, changes, shutdown }
    }

    /// The policy as the records say now.
    pub fn policy(&self) -> Arc<Policy> {
        self.snapshot.load().policy.clone()
    }

    /// What in the records could not be understood.
    pub fn problems(&self) -> Arc<Vec<Problem>> {
        self.snapshot.load().problems.clone()
    }

    /// Records, policy and problems of the same instant.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The records of a kind as they were written; for daemons, which write their status.
    pub fn records(&self, kind: Kind) -> Vec<Arc<DynamicObject>> {
        of_all_kinds(&self.records).filter(|(of, _)| *of == kind).map(|(_, record)| record).collect()
    }

    /// All Namespaces.
    pub fn namespaces(&self) -> Vec<Arc<NamespaceMeta>> {
        self.namespaces.store.state()
    }

    /// The project id of every bound Namespace.
    pub(crate) fn bindings(&self) -> BTreeMap<String, String> {
        let bindings = self.namespaces().into_iter().filter_map(|namespace| {
            let project = namespace.metadata.labels.as_ref()?.get(contract::PROJECT_ID)?;
            Some((namespace.metadata.name.clone()?, project.clone()))
        });
        bindings.collect()
    }

    /// A Namespace, if the cache knows it.
    pub fn namespace(&self, name: &str) -> Option<Arc<NamespaceMeta>> {
        self.namespaces.store.get(&kube::runtime::reflector::ObjectRef::new(name))
    }

    /// Whether everything was read once, and the policy built from it.
    pub fn synced(&self) -> bool {
        *self.synced.borrow()
    }

    /// Whether a decision may rest on the caches: everything was read, and every watch was heard since.
    ///
    /// # Errors
    /// Why not.
    pub fn usable(&self) -> Result<(), Unusable> {
        if !self.synced() {
            return Err(Unusable::Cold);
        }
        match self.observed_at().map(|heard| heard.elapsed()) {
            Some(age) if age <= OLDEST => Ok(()),
            Some(age) => Err(Unusable::Old(age)),
            None => Err(Unusable::Cold),
        }
    }

    /// Waits until everything was read once.
    ///
    /// # Errors
    /// Where the process is told to stop before that.
    pub async fn wait_synced(&self) -> Result<(), Stopped> {
        let mut synced = self.synced.clone();
        let waited = self.shutdown.run_until_cancelled(synced.wait_for(|synced| *synced)).await;
        waited.and_then(Result::ok).map(drop).ok_or(Stopped)
    }

    /// Counts changes of policy, problems and Namespaces; what daemons wait for. It carries no data.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// How each cache is.
    pub fn health(&self) -> Vec<CacheHealth> {
        let records = self.records.iter().map(|cache| CacheHealth {
            name: cache.name,
            size: cache.store.len(),
            last_heard: cache.last_heard(),
        });
        let namespaces = CacheHealth {
            name: self.namespaces.name,
            size: self.namespaces.store.len(),
            last_heard: self.namespaces.last_heard(),
        };
        records.chain([namespaces]).collect()
    }

    /// When the quietest watch was last heard; `None` where one was never heard. Nothing in the caches is older.
    pub fn observed_at(&self) -> Option<Instant> {
        let records = self.records.iter().map(Cache::last_heard);
        // `None` comes before every instant.
        records.chain([self.namespaces.last_heard()]).min().flatten()
    }

    pub(crate) fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

fn of_all_kinds(caches: &[Cache<DynamicObject>; 7]) -> impl Iterator<Item = (Kind, Arc<DynamicObject>)> {
    let kinds = PLURALS.iter().map(|(kind, _)| *kind);
    kinds.zip(caches).flat_map(|(kind, cache)| cache.store.state().into_iter().map(move |record| (kind, record)))
}

fn record_resource(kind: Kind, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(records::GROUP, records::VERSION, kind.name()), plural)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_watched_under_its_name() {
        let defined = Kind::ALL.map(|kind| (kind, records::crd(kind).spec.names.plural));
        assert_eq!(PLURALS.map(|(kind, plural)| (kind, plural.to_owned())), defined);
    }
}

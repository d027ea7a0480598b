//! Which watches there are, and what becomes of their changes.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, PoisonError};

use arc_swap::ArcSwap;
use k8s_openapi::api::core::v1;
use kube::Client;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, ObjectMeta, Resource};
use kube::runtime::reflector::Store;
use kube::runtime::watcher;
use policy_engine::daemons::common::{MANAGED_BY, MANAGER};
use records::Kind;
use records::workspace::Workspace;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ended::Ended;
use super::gathered::Gathered;
use super::managed::Managed;
use super::moved::{self, Moved};
use super::pod::{self, Pod};
use super::topic::{Signals, Topic};
use super::{Known, Passed, Snapshot, World, keep, snapshot};
use crate::served::volcano_queues;
use crate::watch::{Change, Common, Followed, Watch, follow, lighter};

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

/// More UIDs than the watches speak of between two comparisons of the ledger. What is forgotten is looked for later.
const MOST_PASSED: usize = 100_000;

impl World {
    /// Starts to watch records, Namespaces and these topics. Returns at once; the watches end with `shutdown`.
    pub fn start(client: Client, topics: impl IntoIterator<Item = Topic>, shutdown: CancellationToken) -> Self {
        let topics: BTreeSet<_> = Topic::ALWAYS.into_iter().chain(topics).collect();
        let common = Common { client: client.clone(), shutdown: shutdown.clone(), kinds_missing: Arc::default() };
        let mut watches = Watches { topics, common, signals: Signals::new(), started: Vec::new() };
        let (dirty, dirtied) = watch::channel(());
        let (sync, synced) = watch::channel(false);
        let dirty = Arc::new(dirty);

        let records = Arc::new(PLURALS.map(|(kind, plural)| {
            let dirty = dirty.clone();
            let followed = all(plural, record_resource(kind, plural), keep::record);
            watches.begin(Topic::Records, followed, move |_, change| {
                if !matches!(&change, Change::Written { before: Some(before), now } if keep::is_the_same_record(before, now)) {
                    dirty.send_replace(());
                }
            })
        }));
        let first = synced.clone();
        let namespaces = watches.begin(Topic::Namespaces, all("namespaces", (), light), move |signals, _| {
            // The first policy waits for Namespaces too; later ones do not depend on them.
            if !*first.borrow() {
                dirty.send_replace(());
            }
            signals.give(Topic::Namespaces);
        });

        let passed = watches.topics.contains(&Topic::Pods).then(Passed::default);
        let (pods_passed, claims_passed) = (passed.clone(), passed.clone());
        let ended = Ended::default();
        let (pods_ended, claims_ended) = (ended.clone(), ended.clone());
        let of_pods = all("pods", ApiResource::erase::<v1::Pod>(&()), pod::keep);
        let pods = watches.optional(Topic::Pods, of_pods, move |signals, change: Change<'_, Pod>| {
            note(&pods_passed, &change);
            pods_ended.note_pod(&change);
            if !matches!(&change, Change::Written { before: Some(before), now } if pod::says_the_same(before, now)) {
                signals.give(Topic::Pods);
            }
        });
        let managed = Arc::new(Managed::default());
        let index = managed.clone();
        let claims =
            watches.optional(Topic::ResourceClaims, all("resourceclaims", (), keep::claim), move |signals, change| {
                note(&claims_passed, &change);
                claims_ended.note_claim(&change);
                index.note(change);
                signals.give(Topic::ResourceClaims);
            });
        let templates = watches.plain(Topic::ResourceClaimTemplates, all("resourceclaimtemplates", (), keep::template));
        let class_specs = Gathered::default();
        let outdate = class_specs.outdate();
        let classes =
            watches.optional(Topic::DeviceClasses, all("deviceclasses", (), keep::class), move |signals, _| {
                outdate();
                signals.give(Topic::DeviceClasses);
            });
        let inventory = Gathered::default();
        let outdate = inventory.outdate();
        let slices =
            watches.optional(Topic::ResourceSlices, all("resourceslices", (), keep::slice), move |signals, _| {
                outdate();
                signals.give(Topic::ResourceSlices);
            });
        let of_taints = Followed { may_be_missing: true, ..all("devicetaintrules", (), keep::device_taint_rule) };
        let device_taint_rules = watches.plain(Topic::DeviceTaintRules, of_taints);
        let volume_claims = watches.plain(Topic::VolumeClaims, all("persistentvolumeclaims", (), keep::volume_claim));
        let reserved = Gathered::default();
        let outdate = reserved.outdate();
        let volumes =
            watches.optional(Topic::Volumes, all("persistentvolumes", (), keep::volume), move |signals, _| {
                outdate();
                signals.give(Topic::Volumes);
            });
        let ours = watcher::Config::default().labels(&format!("{MANAGED_BY}={MANAGER}"));
        let of_bindings = Followed { which: ours.clone(), ..all("rolebindings", (), light) };
        let role_bindings = watches.plain(Topic::RoleBindings, of_bindings);
        let of_quotas = Followed { which: ours, ..all("resourcequotas", (), keep::resource_quota) };
        let resource_quotas = watches.optional(Topic::ResourceQuotas, of_quotas, move |signals, change| {
            let Change::Written { before: Some(before), now } = &change else {
                return signals.give(Topic::ResourceQuotas);
            };
            if !keep::limits_the_same(before, now) {
                signals.give(Topic::ResourceQuotas);
            }
        });
        let priorities = Gathered::default();
        let outdate = priorities.outdate();
        let priority_classes =
            watches.optional(Topic::PriorityClasses, all("priorityclasses", (), light), move |signals, _| {
                outdate();
                signals.give(Topic::PriorityClasses);
            });

        let nodes = watches.optional(Topic::Nodes, all("nodes", (), keep::node), move |signals, change| {
            if !matches!(&change, Change::Written { before: Some(before), now } if keep::offers_the_same(before, now)) {
                signals.give(Topic::Nodes);
            }
        });
        let budgets = watches.plain(Topic::Budgets, all("poddisruptionbudgets", (), keep::budget));

        let kind = volcano_queues();
        let of_volcano =
            Followed { may_be_missing: true, ..all("queues.scheduling.volcano.sh", kind, keep::volcano_queue) };
        let volcano_queues = watches.plain(Topic::VolcanoQueues, of_volcano);
        let kind = ApiResource::erase::<Workspace>(&());
        let of_workspaces = Followed { may_be_missing: true, ..all("workspaces", kind, keep::workspace) };
        let workspaces = watches.plain(Topic::Workspaces, of_workspaces);
        let moved = Arc::new(Moved::default());
        for (name, kind) in moved::built_in() {
            let outdate = moved.outdate();
            let store =
                watches.optional(Topic::MovedWorkloads, moved::followed(name, kind.clone()), move |signals, _| {
                    outdate();
                    signals.give(Topic::MovedWorkloads);
                });
            store.into_iter().for_each(|store| moved.add(kind.clone(), store));
        }

        let Watches { signals, started, topics, common } = watches;
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::empty()));
        if topics.contains(&Topic::MovedWorkloads) {
            let (current, changes) = (snapshot.clone(), signals.listen(&[Topic::Records]));
            let policy = move || current.load().policy.clone();
            tokio::spawn(moved.clone().follow_listed(policy, changes, signals.clone(), common));
        }
        let found = {
            let (records, started) = (records.clone(), started.clone());
            move || {
                let mut needed = started.iter().filter(|(topic, _)| Topic::ALWAYS.contains(topic));
                needed.all(|(_, watch)| watch.is_filled()).then(|| of_all_kinds(&records).collect())
            }
        };
        let told = signals.clone();
        let built = move |differs| {
            if !sync.send_replace(true) {
                tracing::info!("caches synced");
            }
            if differs {
                told.give(Topic::Records);
            }
        };
        tokio::spawn(snapshot::keep_current(snapshot.clone(), dirtied, found, built, shutdown.clone()));
        Self(Arc::new(Known {
            client,
            shutdown,
            watches: started,
            signals,
            snapshot,
            synced,
            records,
            namespaces,
            pods,
            claims,
            managed,
            templates,
            classes,
            class_specs,
            slices,
            inventory,
            device_taint_rules,
            volume_claims,
            volumes,
            reserved,
            role_bindings,
            resource_quotas,
            priority_classes,
            priorities,
            nodes,
            budgets,
            moved,
            volcano_queues,
            workspaces,
            passed: passed.unwrap_or_default(),
            ended,
            expected: Default::default(),
        }))
    }
}

/// The watches that were started.
struct Watches {
    topics: BTreeSet<Topic>,
    common: Common,
    signals: Signals,
    started: Vec<(Topic, Watch)>,
}

impl Watches {
    /// Starts to watch.
    fn begin<K>(
        &mut self,
        topic: Topic,
        followed: Followed<K>,
        changed: impl Fn(&Signals, Change<'_, K>) + Send + 'static,
    ) -> Store<K>
    where
        K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
        K::DynamicType: Hash + Eq + Clone + Send + Sync,
    {
        let signals = self.signals.clone();
        let (store, watch) = follow(followed, move |change| changed(&signals, change), &self.common);
        self.started.push((topic, watch));
        store
    }

    /// Starts to watch what this process needs, and nothing else.
    fn optional<K>(
        &mut self,
        topic: Topic,
        followed: Followed<K>,
        changed: impl Fn(&Signals, Change<'_, K>) + Send + 'static,
    ) -> Option<Store<K>>
    where
        K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
        K::DynamicType: Hash + Eq + Clone + Send + Sync,
    {
        self.topics.contains(&topic).then(|| self.begin(topic, followed, changed))
    }

    /// The same, where a change is only a signal.
    fn plain<K>(&mut self, topic: Topic, followed: Followed<K>) -> Option<Store<K>>
    where
        K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
        K::DynamicType: Hash + Eq + Clone + Send + Sync,
    {
        self.optional(topic, followed, move |signals, _| signals.give(topic))
    }
}

fn light<K: Resource>(object: &mut K) {
    lighter(object.meta_mut());
}

/// All objects of a kind.
fn all<K: Resource>(name: &'static str, kind: K::DynamicType, keep: fn(&mut K)) -> Followed<K> {
    Followed { name, kind, which: watcher::Config::default(), keep, may_be_missing: false }
}

/// Notes whom a watch speaks of, if somebody asks for that.
fn note<K>(passed: &Option<Passed>, change: &Change<'_, K>)
where
    K: Resource + Clone + 'static,
    K::DynamicType: Hash + Eq + Clone,
{
    let Some(passed) = passed else { return };
    let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
    let mut add = |meta: &ObjectMeta| {
        if passed.len() < MOST_PASSED {
            passed.extend(meta.uid.clone());
        }
    };
    match change {
        Change::Listed(store) => store.state().iter().for_each(|object| add(object.meta())),
        Change::Written { now, .. } => add(now.meta()),
        Change::Gone(object) => add(object.meta()),
    }
}

pub(super) fn of_all_kinds(stores: &[Store<DynamicObject>; 7]) -> impl Iterator<Item = (Kind, Arc<DynamicObject>)> {
    let kinds = PLURALS.iter().map(|(kind, _)| *kind);
    kinds.zip(stores).flat_map(|(kind, store)| store.state().into_iter().map(move |record| (kind, record)))
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

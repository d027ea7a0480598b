//! What exists of what the daemon `follow` looks after: Namespaces, RoleBindings and PriorityClasses.

pub(crate) mod contents;
mod seen;
mod unreadable;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::rbac::v1::RoleBinding;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use kube::Api;
use kube::runtime::watcher;
use policy_engine::daemons::common::{MANAGED_BY, MANAGER};
use policy_engine::daemons::follow::questions;
use policy_engine::daemons::follow::view::{Contents, View};
use policy_engine::policy::Policy;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::watch::{Cache, Caches, Common, OLDEST, Snapshot, follow, follow_some, lighter};
use records::POLICY_NAME;

/// At most so many Namespaces are looked into at a time; the others have their turn the next time.
const MOST_QUESTIONS: usize = 32;

/// Caches of what the platform makes, beside those that the whole process shares.
#[derive(Clone)]
pub struct Governed {
    caches: Caches,
    own_namespace: Arc<str>,
    role_bindings: Arc<Cache<RoleBinding>>,
    priority_classes: Arc<Cache<PriorityClass>>,
    changes: watch::Receiver<u64>,
    records: watch::Receiver<u64>,
    turn: Arc<AtomicUsize>,
}

/// Why nothing may be concluded from the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// One does not hold everything yet.
    #[error("the cache of {0} is not synced")]
    Cold(&'static str),
    /// Which namespaces are exempt is not known.
    #[error("PlatformPolicy {POLICY_NAME} cannot be read: which namespaces are exempt is not known")]
    Policy,
    /// The API server was not heard for long.
    #[error("nothing was heard from the API server for {} s", .0.as_secs())]
    Old(Duration),
}

impl Governed {
    /// Starts to watch. Returns at once; the watches end with `shutdown`.
    pub fn start(caches: Caches, own_namespace: &str, shutdown: CancellationToken) -> Self {
        let (nudge, changes) = watch::channel(0_u64);
        let nudge = Arc::new(nudge);
        let nudged = || {
            let nudge = nudge.clone();
            move || nudge.send_modify(|count| *count = count.wrapping_add(1))
        };
        let common = Common { client: caches.client().clone(), shutdown, kinds_missing: Arc::default() };
        let ours = watcher::Config::default().labels(&format!("{MANAGED_BY}={MANAGER}"));
        let role_bindings = follow_some(
            "rolebindings",
            Api::all,
            (),
            ours,
            |it: &mut RoleBinding| lighter(&mut it.metadata),
            nudged(),
            &common,
        );
        let priority_classes = follow("priorityclasses", Api::all, (), nudged(), &common);
        Self {
            own_namespace: own_namespace.into(),
            role_bindings: Arc::new(role_bindings),
            priority_classes: Arc::new(priority_classes),
            changes,
            records: caches.changes(),
            caches,
            turn: Arc::default(),
        }
    }

    /// Waits until something changed that was not [noticed](Self::notice) yet: a record, a Namespace, or what we made.
    pub async fn changed(&mut self) {
        let ended = tokio::select! {
            ended = self.changes.changed() => ended,
            ended = self.records.changed() => ended,
        };
        if ended.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes note of everything that has changed so far.
    pub fn notice(&mut self) {
        self.changes.mark_unchanged();
        self.records.mark_unchanged();
    }

    /// The caches of records and Namespaces.
    pub fn caches(&self) -> &Caches {
        &self.caches
    }

    /// Whether every cache holds everything, and nothing that is old.
    ///
    /// # Errors
    /// Why not.
    pub fn fit(&self) -> Result<(), Unfit> {
        let filled = [
            ("records and namespaces", self.caches.synced()),
            ("rolebindings", self.role_bindings.is_filled()),
            ("priorityclasses", self.priority_classes.is_filled()),
        ];
        if let Some((name, _)) = filled.into_iter().find(|(_, filled)| !filled) {
            return Err(Unfit::Cold(name));
        }
        let heard = [self.caches.observed_at(), self.role_bindings.last_heard(), self.priority_classes.last_heard()];
        heard_lately(heard)
    }

    /// What exists, with the contents of those Namespaces for which it matters.
    ///
    /// # Errors
    /// Where the caches are not [fit](Self::fit), or the policy says too little to act on.
    pub async fn view(&self, snapshot: &Snapshot, now: Timestamp) -> Result<View, Unfit> {
        self.fit()?;
        let unreadable = unreadable::in_snapshot(snapshot)?;
        let role_bindings = self.role_bindings.store.state();
        let priority_classes = self.priority_classes.store.state();
        let mut view = View {
            observed_at: now,
            own_namespace: self.own_namespace.to_string(),
            namespaces: self.caches.namespaces().iter().filter_map(|it| seen::namespace(&it.metadata)).collect(),
            role_bindings: role_bindings.iter().filter_map(|it| seen::role_binding(it)).collect(),
            priority_classes: priority_classes.iter().filter_map(|it| seen::priority_class(it)).collect(),
            unreadable,
        };
        for (name, contents) in self.answers(&view, &snapshot.policy).await {
            if let Some(namespace) = view.namespaces.get_mut(&name) {
                namespace.contents = contents;
            }
        }
        Ok(view)
    }

    async fn answers(&self, view: &View, policy: &Policy) -> Vec<(String, Contents)> {
        let asked = questions(view, policy);
        let first = self.turn.fetch_add(MOST_QUESTIONS.min(asked.len()), Ordering::Relaxed);
        let mut answers = Vec::new();
        for name in asked.iter().cycle().skip(first % asked.len().max(1)).take(MOST_QUESTIONS.min(asked.len())) {
            match contents::of(self.caches.client(), name, &policy.platform().workload_kinds).await {
                Ok(contents) => answers.push(((*name).to_owned(), contents)),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(namespace = name, error, "cannot see whether a namespace is empty");
                }
            }
        }
        answers
    }
}

/// Whether none of the watches has been silent for long.
pub(crate) fn heard_lately(heard: impl IntoIterator<Item = Option<Instant>>) -> Result<(), Unfit> {
    let age = heard.into_iter().flatten().min().map_or(Duration::ZERO, |oldest| oldest.elapsed());
    if age > OLDEST { Err(Unfit::Old(age)) } else { Ok(()) }
}

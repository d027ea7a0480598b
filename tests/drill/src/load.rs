//! People at work: a bounded number of clients, each with one request at a time and a pause behind it.

use crate::client::{Outcome, Person};
use crate::journal::{Group, Journal, Verdict};
use anyhow::Result;
use ground::{Ground, Who};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Label on every Pod of a drill.
pub(crate) const MARK: &str = "drill.example.com/run";
/// Annotation that counts updates.
pub(crate) const TOUCHED: &str = "drill.example.com/touched";
/// Every project of the sample organisation allows it.
const ALLOWED: &str = "registry.example.com/drill:1";
/// No project allows it.
pub(crate) const FOREIGN: &str = "quay.io/somebody/drill:1";
/// With four clients a few dozen requests a second.
const PAUSE: Duration = Duration::from_millis(60);
/// So many Pods a client has at most.
const MOST_PODS: usize = 16;

/// Where a client works, and as whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) namespace: &'static str,
    pub(crate) who: &'static str,
    pub(crate) sort: Sort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Governed,
    Elsewhere,
    KubeSystem,
}

pub(crate) const PLACES: [Place; 4] = [
    Place { namespace: "detector", who: "bob", sort: Sort::Governed },
    Place { namespace: "llm-finetune", who: "alice", sort: Sort::Governed },
    Place { namespace: "default", who: "admin", sort: Sort::Elsewhere },
    Place { namespace: "kube-system", who: "admin", sort: Sort::KubeSystem },
];

/// A Pod as its client believes it to be.
#[derive(Debug, Clone)]
pub(crate) struct Believed {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) uid: String,
    /// The last accepted update.
    pub(crate) touched: u64,
    pub(crate) life: Life,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Alive,
    /// Made, or given a forbidden image, while nobody judged. It stays, and its maker leaves it alone.
    Unjudged,
    Deleted,
    /// Its deletion was refused or cut off: it may be either.
    Unknown,
}

/// The clients at work.
pub(crate) struct Load {
    runtime: Runtime,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Vec<Believed>>>,
}

impl Load {
    pub(crate) fn start(ground: &Ground, run: &str, journal: &Arc<Journal>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut workers = Vec::new();
        for place in PLACES {
            let who = if place.who == "admin" { Who::Admin } else { Who::User(place.who) };
            let person = runtime.block_on(Person::of(&ground.kubeconfig(who)?))?;
            let (stop, journal) = (stop.clone(), journal.clone());
            let worker = Worker { place, person, run: run.to_owned(), journal, turn: 0, pods: Vec::new() };
            workers.push(runtime.spawn(worker.work(stop)));
        }
        Ok(Self { runtime, stop, workers })
    }

    /// Ends the work; what every client believes.
    pub(crate) fn stop(self) -> Result<(Runtime, Vec<Believed>)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for worker in self.workers {
            all.extend(self.runtime.block_on(worker)?);
        }
        Ok((self.runtime, all))
    }
}

struct Worker {
    place: Place,
    person: Person,
    run: String,
    journal: Arc<Journal>,
    turn: u64,
    pods: Vec<Believed>,
}

impl Worker {
    async fn work(mut self, stop: Arc<AtomicBool>) -> Vec<Believed> {
        while !stop.load(Ordering::Relaxed) {
            self.turn += 1;
            // Two creations a deletion: there is something left to delete while nothing can be created.
            match self.turn % 6 {
                1 | 4 => self.create().await,
                2 => self.update().await,
                3 => self.create_forbidden().await,
                5 => self.update_forbidden().await,
                _ => self.delete().await,
            }
            sleep(PAUSE).await;
        }
        self.pods
    }

    fn group(&self, of_governed: Group) -> Group {
        match self.place.sort {
            Sort::Governed => of_governed,
            Sort::Elsewhere => Group::Elsewhere,
            Sort::KubeSystem => Group::KubeSystem,
        }
    }

    fn pod(&self, image: &str) -> (String, Value) {
        let name = format!("drill-{}-{}", self.run, self.turn);
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": self.place.namespace, "labels": {MARK: self.run}},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": image}]},
        });
        (name, pod)
    }

    /// Asks, and writes down what came of it.
    async fn ask<T>(&self, group: Group, what: &str, request: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        let (phase, begin) = (self.journal.phase(), Instant::now());
        let outcome = request.await;
        let verdict = match &outcome {
            Outcome::Accepted(_) => Verdict::Accepted,
            Outcome::Refused(reason) | Outcome::Cut(reason) => Verdict::Refused(reason),
            Outcome::Silent => {
                self.journal.lost(format!("{} in {}: {what} got no answer", self.place.who, self.place.namespace));
                Verdict::Silent
            }
        };
        self.journal.write(phase, group, verdict, begin.elapsed());
        outcome
    }

    async fn create(&mut self) {
        if self.pods.iter().filter(|pod| pod.life == Life::Alive).count() >= MOST_PODS {
            return;
        }
        let (name, pod) = self.pod(ALLOWED);
        let glass = self.journal.glass();
        let request = self.person.create(self.place.namespace, &pod);
        if let Outcome::Accepted(made) = self.ask(self.group(Group::Create), &format!("create {name}"), request).await {
            let uid = made.metadata.uid.unwrap_or_default();
            let unjudged = self.place.sort == Sort::Governed && self.journal.was_unjudged(glass);
            let life = if unjudged { Life::Unjudged } else { Life::Alive };
            self.pods.push(Believed { place: self.place, name, uid, touched: 0, life });
        }
    }

    async fn create_forbidden(&self) {
        if self.place.sort != Sort::Governed {
            return;
        }
        let (name, pod) = self.pod(FOREIGN);
        let glass = self.journal.glass();
        let request = self.person.create(self.place.namespace, &pod);
        if let Outcome::Accepted(_) = self.ask(Group::Forbidden, &format!("create {name}"), request).await {
            self.journal.let_through(glass, self.place.namespace, &name, "created with a forbidden image");
        }
    }

    async fn update(&mut self) {
        let Some(at) = self.pods.iter().rposition(|pod| pod.life == Life::Alive) else { return };
        let (name, touched) = (self.pods[at].name.clone(), self.turn);
        let patch = json!({"metadata": {"annotations": {TOUCHED: touched.to_string()}}});
        let request = self.person.merge(self.place.namespace, &name, &patch);
        let outcome = self.ask(self.group(Group::Update), &format!("update {name}"), request).await;
        if let Outcome::Accepted(_) = outcome {
            self.pods[at].touched = touched;
        }
    }

    async fn update_forbidden(&mut self) {
        let alive = self.pods.iter().rposition(|pod| pod.life == Life::Alive);
        let (Sort::Governed, Some(at)) = (self.place.sort, alive) else { return };
        let name = self.pods[at].name.clone();
        let glass = self.journal.glass();
        let patch = json!([{"name": "main", "image": FOREIGN}]);
        let patch = json!({"spec": {"containers": patch}});
        let request = self.person.merge(self.place.namespace, &name, &patch);
        if let Outcome::Accepted(_) = self.ask(Group::Forbidden, &format!("update {name}"), request).await {
            self.journal.let_through(glass, self.place.namespace, &name, "its image became a forbidden one");
            // The same update again changes nothing, and is rightly accepted.
            self.pods[at].life = Life::Unjudged;
        }
    }

    async fn delete(&mut self) {
        let alive: Vec<usize> = (0..self.pods.len()).filter(|at| self.pods[*at].life == Life::Alive).collect();
        let [oldest, _another, ..] = alive[..] else { return };
        let name = self.pods[oldest].name.clone();
        let request = self.person.delete(self.place.namespace, &name);
        let outcome = self.ask(self.group(Group::Delete), &format!("delete {name}"), request).await;
        self.pods[oldest].life = match outcome {
            Outcome::Accepted(()) => Life::Deleted,
            // The API server asks twice about a deletion. Where only the second answer is no, it is on its way all the same.
            Outcome::Refused(_) | Outcome::Cut(_) | Outcome::Silent => Life::Unknown,
        };
    }
}

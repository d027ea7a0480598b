//! Who races: each asks for a Pod with a GPU, keeps it for a moment if it gets one, and asks for the next.

use super::{NAMESPACE, now};
use crate::client::{Outcome, Person};
use anyhow::Result;
use ground::{Ground, Who};
use serde_json::{Value, json};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Label on every Pod of the race.
pub(super) const MARK: &str = "race.example.com/pod";
const USERS: [&str; 2] = ["bob", "carol"];
/// A Pod lives so long at most, and who was refused asks again within this time.
const LIFE: u64 = 1500;
const PAUSE: u64 = 800;

/// One Pod that was asked for.
pub(super) struct Attempt {
    /// Milliseconds since 1970.
    pub(super) asked: f64,
    pub(super) answered: f64,
    pub(super) end: End,
}

pub(super) enum End {
    /// It came to be, and its deletion was asked for then.
    Lived { until: f64 },
    /// The ledger had no room.
    NoRoom,
    /// Nothing was decided, or nobody heard of it.
    Undecided(String),
}

pub(super) struct Clients {
    runtime: Runtime,
    stop: Arc<AtomicBool>,
    racing: Vec<JoinHandle<Vec<Attempt>>>,
}

impl Clients {
    pub(super) fn start(ground: &Ground, count: usize) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut racing = Vec::new();
        for number in 0..count {
            let who = USERS[number % USERS.len()];
            let person = runtime.block_on(Person::of(&ground.kubeconfig(Who::User(who))?))?;
            racing.push(runtime.spawn(race(person, number, stop.clone())));
        }
        Ok(Self { runtime, stop, racing })
    }

    /// Everybody brings what they have begun to its end.
    pub(super) fn stop(self) -> Result<(Runtime, Vec<Attempt>)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for racing in self.racing {
            all.extend(self.runtime.block_on(racing)?);
        }
        Ok((self.runtime, all))
    }
}

async fn race(person: Person, number: usize, stop: Arc<AtomicBool>) -> Vec<Attempt> {
    let dice = RandomState::new();
    let mut attempts = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let turn = attempts.len();
        let within = |most: u64| Duration::from_millis(dice.hash_one(turn) % most);
        let name = format!("race-{number}-{turn}");
        let asked = now();
        let outcome = person.create(NAMESPACE, &pod(&name)).await;
        let answered = now();
        let end = match outcome {
            Outcome::Accepted(_) => {
                sleep(within(LIFE)).await;
                let until = now();
                delete(&person, &name).await;
                End::Lived { until }
            }
            Outcome::Refused(reason) if reason == "denied: quota" => End::NoRoom,
            Outcome::Refused(reason) => End::Undecided(reason),
            // It may have come to be.
            Outcome::Cut(reason) => {
                delete(&person, &name).await;
                End::Undecided(reason)
            }
            Outcome::Silent => {
                delete(&person, &name).await;
                End::Undecided("no answer".to_owned())
            }
        };
        attempts.push(Attempt { asked, answered, end });
        sleep(within(PAUSE)).await;
    }
    attempts
}

/// Until it is gone, or was never there.
async fn delete(person: &Person, name: &str) {
    for _again in 0..20 {
        match person.delete(NAMESPACE, name).await {
            Outcome::Accepted(()) => return,
            Outcome::Refused(reason) if reason.starts_with("API server 404") => return,
            Outcome::Refused(_) | Outcome::Cut(_) | Outcome::Silent => sleep(Duration::from_millis(200)).await,
        }
    }
}

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {MARK: "true"}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "race"}],
            "containers": [{
                "name": "main", "image": "registry.example.com/race:1", "resources": {"claims": [{"name": "gpu"}]},
            }],
        },
    })
}

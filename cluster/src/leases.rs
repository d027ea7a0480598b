//! Leadership: of several replicas one acts.
//!
//! A Lease names the leader. A replica takes it over when it has seen the Lease unchanged for as long as the Lease
//! says, by its own clock: clocks of other machines are not trusted. The leader stops acting before that.
//!
//! This is not `kube-lease-manager`, which compares the `renewTime` that another replica wrote with its own wall clock, and
//! patches the Lease without a resourceVersion: with two clocks that disagree, two replicas would lead (the drill `clock`
//! sets one of them wrong). Other crates of this kind are written for older versions of `kube`.

use std::env;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// How long a leader that says nothing stays the leader.
const DURATION: Duration = Duration::from_secs(15);
/// The leader acts for so long after it last renewed, by its own clock: others wait for longer.
const TRUSTED: Duration = Duration::from_secs(10);
/// How often the leader renews, and how often the others look.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long the API server may take to answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// Whether this replica leads. Clones see the same.
#[derive(Clone, Debug)]
pub struct Leadership(watch::Receiver<Option<Instant>>);

impl Leadership {
    /// Takes part in the election for the Lease until the process is told to stop; then lets go of it.
    ///
    /// The task that is returned ends when the Lease is let go of.
    pub fn seek(
        world: &World,
        namespace: &str,
        name: String,
        holder: String,
        shutdown: CancellationToken,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (until, leads) = watch::channel(None);
        let api = Api::namespaced(Client::clone(world.client()), namespace);
        let candidate = Candidate { api, name, holder, until, last: None };
        (Self(leads), tokio::spawn(candidate.run(shutdown)))
    }

    /// Whether this replica may act at this moment.
    pub fn leads(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Waits until this replica leads. Never returns once the election has ended.
    pub async fn gained(&mut self) {
        while !self.leads() {
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// A name for this process among the replicas: `$POD_NAME`, else host, process and time.
///
/// A Pod's name outlives a crash of its process, so that the restarted one leads again at once.
pub fn identity() -> String {
    let named = |key: &str| env::var(key).ok().filter(|name| !name.is_empty());
    named("POD_NAME").unwrap_or_else(|| {
        let host = named("HOSTNAME").unwrap_or_else(|| "sluice".into());
        format!("{host}_{}_{}", std::process::id(), Timestamp::now().as_millisecond())
    })
}

struct Candidate {
    api: Api<Lease>,
    name: String,
    holder: String,
    until: watch::Sender<Option<Instant>>,
    /// Version of the Lease that was seen last, and when it was first seen.
    last: Option<(String, Instant)>,
}

/// What to do about the Lease that was read.
#[derive(Debug, PartialEq, Eq)]
enum Move {
    /// It does not exist.
    Create,
    /// It is this replica's.
    Renew,
    /// Nobody holds it any more.
    TakeOver,
    /// Another replica holds it.
    Wait,
}

/// `unchanged` is how long this process has seen the Lease in the same version.
fn next(lease: Option<&Lease>, me: &str, unchanged: Duration) -> Move {
    let Some(lease) = lease else { return Move::Create };
    let spec = lease.spec.as_ref();
    let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).filter(|holder| !holder.is_empty());
    let duration = spec.and_then(|spec| spec.lease_duration_seconds).and_then(|seconds| u64::try_from(seconds).ok());
    match holder {
        None => Move::TakeOver,
        Some(holder) if holder == me => Move::Renew,
        Some(_) if unchanged > duration.map_or(DURATION, Duration::from_secs) => Move::TakeOver,
        Some(_) => Move::Wait,
    }
}

impl Candidate {
    async fn run(mut self, shutdown: CancellationToken) {
        let mut led = false;
        loop {
            let asked = Instant::now();
            match shutdown.run_until_cancelled(timeout(DEADLINE, self.turn())).await {
                None => break,
                Some(Ok(Ok(leads))) => {
                    if leads != led {
                        tracing::info!(lease = self.name, holder = self.holder, leads, "leadership");
                        led = leads;
                    }
                    self.until.send_replace(leads.then(|| asked + TRUSTED));
                }
                Some(Ok(Err(error))) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(lease = self.name, error, "the lease could not be read or renewed");
                }
                Some(Err(_elapsed)) => {
                    tracing::warn!(lease = self.name, "the API server did not answer about the lease")
                }
            }
            if shutdown.run_until_cancelled(sleep(INTERVAL)).await.is_none() {
                break;
            }
        }
        let led = self.until.send_replace(None).is_some();
        if led && let Ok(Err(error)) = timeout(DEADLINE, self.let_go()).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(lease = self.name, error, "could not let go of the lease; it ends by itself");
        }
    }

    /// Looks at the Lease and says whether this replica leads.
    async fn turn(&mut self) -> Result<bool, kube::Error> {
        let found = self.api.get_opt(&self.name).await?;
        let unchanged = self.unchanged(found.as_ref());
        let now = MicroTime(Timestamp::now());
        let written = match (next(found.as_ref(), &self.holder, unchanged), found) {
            (Move::Wait, _) => return Ok(false),
            (Move::Create, _) | (_, None) => self.api.create(&PostParams::default(), &self.lease(None, now)).await,
            (Move::Renew, Some(mut lease)) => {
                let spec = lease.spec.get_or_insert_default();
                spec.renew_time = Some(now);
                spec.lease_duration_seconds = Some(seconds(DURATION));
                self.api.replace(&self.name, &PostParams::default(), &lease).await
            }
            (Move::TakeOver, Some(lease)) => {
                self.api.replace(&self.name, &PostParams::default(), &self.lease(Some(lease), now)).await
            }
        };
        match written {
            Ok(lease) => {
                self.unchanged(Some(&lease));
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How long the Lease has been as it is.
    fn unchanged(&mut self, lease: Option<&Lease>) -> Duration {
        let version = lease.and_then(|lease| lease.metadata.resource_version.clone()).unwrap_or_default();
        match &self.last {
            Some((last, since)) if *last == version => since.elapsed(),
            Some(_) | None => {
                self.last = Some((version, Instant::now()));
                Duration::ZERO
            }
        }
    }

    /// The Lease in this replica's name. The version that was seen keeps two from taking it over at once.
    fn lease(&self, before: Option<Lease>, now: MicroTime) -> Lease {
        let before = before.unwrap_or_default();
        let transitions = before.spec.and_then(|spec| spec.lease_transitions).map_or(0, |count| count.wrapping_add(1));
        Lease {
            metadata: ObjectMeta { name: Some(self.name.clone()), ..before.metadata },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.holder.clone()),
                lease_duration_seconds: Some(seconds(DURATION)),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                lease_transitions: Some(transitions),
                ..LeaseSpec::default()
            }),
        }
    }

    async fn let_go(&self) -> Result<(), kube::Error> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else { return Ok(()) };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() == Some(&self.holder) {
            spec.holder_identity = Some(String::new());
            spec.renew_time = Some(MicroTime(Timestamp::now()));
            self.api.replace(&self.name, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;

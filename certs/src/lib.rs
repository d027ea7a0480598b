//! Issues a CA and a serving certificate, keeps them, tells API servers about the CA, and serves TLS.
//!
//! A process calls [`start`] once, gives [`Tls::server_config`] to its server, and runs [`Tls::follow`] until it ends:
//!
//! 1. Material is read from where it is kept ([`Keep`]) and judged ([`plan`]). What is missing or due is issued and stored; of several
//!    replicas one wins, and all read back what it stored. So all replicas share one CA and one serving certificate.
//! 2. The CA bundle is written into the webhook configurations and read back ([`Publication`]).
//! 3. Only then is the certificate served.
//!
//! [`Tls::follow`] repeats this in an interval, and at once when someone resets a bundle. Content is compared, never inodes or times, so
//! it does not matter who replaced it or how.
//!
//! Times are judged by the local clock. One that is far ahead makes certificates that are not valid yet for others.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should"))]

mod issue;
mod keep;
mod material;
mod name;
mod plan;
mod publish;
mod serve;
#[cfg(test)]
mod testing;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use keep::Stored;
use kube::api::DynamicObject;
use rustls::ServerConfig;
use tokio::time::Instant;
use tokio::time::error::Elapsed;
use tokio_util::sync::CancellationToken;

pub use issue::{AUTHORITY_LIFE, Authority, BACKDATED, IssueError, LEAF_LIFE, issue_all};
pub use keep::{Keep, KeepError};
pub use material::{CaBundle, KeyMaterial, Leaf, Life, Part, PrivateKey, Unusable};
pub use name::{NotAServingName, ServingName};
pub use plan::{Action, Reason, plan};
pub use publish::{Configuration, ConfigurationKind, Outcome, Publication, PublishError, Published};
pub use serve::{ServingCertificate, server_config};

/// Each is another replica that stored first.
const OBTAIN_ATTEMPTS: u32 = 8;

/// How long one pass may take before it is given up and tried again.
const PASS_DEADLINE: Duration = Duration::from_secs(30);

/// The pause after a pass that failed, if the interval is not shorter.
const RETRY: Duration = Duration::from_secs(1);

/// How long changes of configurations gather before a pass. It also bounds how often we write against someone who writes against us.
const GATHER: Duration = Duration::from_millis(200);

/// What to keep where, and whom to tell.
#[derive(Clone)]
pub struct Settings {
    /// Where material is kept.
    pub keep: Keep,
    /// What the serving certificate must cover.
    pub names: Vec<ServingName>,
    /// Where the bundle is published, if anywhere.
    pub publication: Option<Publication>,
}

/// TLS could not be set up or kept up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The material could not be read or stored.
    #[error("cannot use the kept TLS material")]
    Keep(#[from] KeepError),
    /// A certificate could not be made.
    #[error("cannot issue TLS material")]
    Issue(#[from] IssueError),
    /// The bundle could not be published.
    #[error("cannot publish the CA bundle")]
    Publish(#[from] PublishError),
    /// What is stored is never what was planned.
    #[error("the TLS material does not settle: something else keeps replacing it")]
    Unsettled,
    /// The API server or the disk did not answer.
    #[error("obtaining and publishing TLS material took too long")]
    Deadline(#[source] Elapsed),
    /// The cryptography library refused the configuration.
    #[error("cannot configure TLS")]
    Configure(#[source] rustls::Error),
}

/// What one pass found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// What is to be done with what is kept now: [`Action::Keep`], or [`Action::Await`] where someone else issues.
    pub action: Action,
    /// How each configuration was left.
    pub published: Vec<Published>,
}

/// TLS of a running process.
pub struct Tls {
    settings: Settings,
    certificate: Arc<ServingCertificate>,
    config: Arc<ServerConfig>,
    current: Mutex<Current>,
}

/// What is served. The CA's key is not part of it: it is in memory only while it signs.
struct Current {
    bundle: CaBundle,
    leaf: Leaf,
    pass: Pass,
}

/// Obtains material, publishes its bundle, and gives what a server needs.
///
/// # Errors
/// When material cannot be had or a configuration that exists cannot be written. Damaged material is never replaced.
pub async fn start(settings: Settings, now: Timestamp) -> Result<Tls, Error> {
    let current = pass(&settings, now).await?;
    let certificate = Arc::new(ServingCertificate::new(&current.leaf));
    let config = server_config(Arc::clone(&certificate)).map_err(Error::Configure)?;
    tell(None, &current.pass);
    Ok(Tls { settings, certificate, config, current: Mutex::new(current) })
}

impl Tls {
    /// For the server. It stays the same; the certificate in it changes.
    #[must_use]
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The CAs that clients must trust.
    #[must_use]
    pub fn bundle(&self) -> CaBundle {
        self.with_current(|current| current.bundle.clone())
    }

    /// When the certificate that is served is valid.
    #[must_use]
    pub fn life(&self) -> Life {
        self.with_current(|current| current.leaf.life())
    }

    /// Reads, judges, renews, publishes and serves once. A pass that fails leaves what is served as it was.
    ///
    /// # Errors
    /// As [`start`].
    pub async fn pass(&self, now: Timestamp) -> Result<Pass, Error> {
        let next = pass(&self.settings, now).await?;
        let done = next.pass.clone();
        self.with_current(|current| {
            tell(Some(&current.pass), &next.pass);
            if current.leaf != next.leaf {
                self.certificate.swap(&next.leaf);
                let ends = next.leaf.life().ends;
                tracing::info!(%ends, "another certificate is served from now on");
            }
            *current = next;
        });
        Ok(done)
    }

    /// Makes a [`pass`](Self::pass) in every `interval`, soon after someone changes a bundle in a configuration, and again after one that
    /// failed. Returns when `stop` is cancelled.
    pub async fn follow(&self, interval: Duration, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow_on(interval)).await;
    }

    async fn follow_on(&self, interval: Duration) {
        let publication = self.settings.publication.as_ref();
        let mut changes = publication.map(Publication::changes).unwrap_or_default();
        let mut due = Instant::now() + interval;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                changed = changes.next(), if !changes.is_empty() => match changed {
                    Some(Ok(object)) if !self.is_published_in(&object) => {
                        tokio::time::sleep(GATHER).await;
                    }
                    Some(Ok(_)) | None => continue,
                    Some(Err(error)) => {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(error, "cannot watch a webhook configuration; trying again");
                        continue;
                    }
                },
            }
            let pause = match self.pass(Timestamp::now()).await {
                Ok(_) => interval,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "TLS stays as it is; trying again");
                    RETRY.min(interval)
                }
            };
            due = Instant::now() + pause;
        }
    }

    fn is_published_in(&self, object: &DynamicObject) -> bool {
        self.with_current(|current| publish::patch(object, &current.bundle).is_none())
    }

    // Nothing that runs under the lock leaves it half changed, so a panic elsewhere is no reason to stop.
    fn with_current<T>(&self, work: impl FnOnce(&mut Current) -> T) -> T {
        work(&mut self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn pass(settings: &Settings, now: Timestamp) -> Result<Current, Error> {
    tokio::time::timeout(PASS_DEADLINE, async {
        let (material, action) = obtain(&settings.keep, &settings.names, now).await?;
        let published = match &settings.publication {
            Some(publication) => publication.publish(&material.bundle).await?,
            None => Vec::new(),
        };
        Ok(Current { bundle: material.bundle, leaf: material.leaf, pass: Pass { action, published } })
    })
    .await
    .map_err(Error::Deadline)?
}

/// What it returns was read from where it is kept, whoever stored it.
async fn obtain(keep: &Keep, names: &[ServingName], now: Timestamp) -> Result<(KeyMaterial, Action), Error> {
    for _ in 0..OBTAIN_ATTEMPTS {
        let kept = keep.load().await?;
        let action = plan(kept.material.as_ref(), names, now);
        let Some(new) = issue::carry_out(&action, kept.material.as_ref(), now)? else {
            let settled = kept.material.map(|material| (material, action));
            return settled.ok_or(Error::Unsettled);
        };
        match keep.store(kept, &new).await? {
            Stored::Written => tracing::info!(why = %action, "TLS material was issued"),
            Stored::Overtaken => tracing::info!(why = %action, "another replica was faster"),
        }
    }
    Err(Error::Unsettled)
}

/// Logs what is news, so that a pass every few seconds does not repeat itself.
fn tell(before: Option<&Pass>, now: &Pass) {
    if before.map(|before| &before.action) != Some(&now.action) {
        tracing::info!(action = %now.action, "TLS material");
    }
    for Published { configuration, outcome } in &now.published {
        let before = before.and_then(|before| {
            let same = |p: &&Published| p.configuration == *configuration;
            before.published.iter().find(same).map(|p| p.outcome)
        });
        match outcome {
            Outcome::Written => tracing::info!(%configuration, "CA bundle written"),
            Outcome::Absent if before != Some(Outcome::Absent) => {
                tracing::warn!(%configuration, "absent: nobody is asked to call this webhook");
            }
            Outcome::Absent | Outcome::Unchanged => {}
        }
    }
}

#[cfg(test)]
mod tests;

//! TLS of a running process: passes over what is kept and published, and what is served meanwhile.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use kube::api::DynamicObject;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clients::Verifier;
use crate::keep::{Kept, Stored};
use crate::publish::{self, Outcome, Publication, Published};
use crate::serve::server_config;
use crate::step::{Memory, Read, Rest, Step, Terms};
use crate::{
    Acceptor, Action, CaBundle, Error, Leaf, Life, PublishError, Reason, Request, ServingCertificate, Settings,
};

/// Each is a step, or another replica that was faster.
const STEPS: u32 = 16;

/// How long one pass may take before it is given up and tried again.
const PASS_DEADLINE: Duration = Duration::from_secs(30);

/// The pause after a pass that failed, if the interval is not shorter.
const RETRY: Duration = Duration::from_secs(1);

/// How long changes of configurations gather before a pass. It also bounds how often we write against someone who writes against us.
const GATHER: Duration = Duration::from_millis(200);

/// What one pass found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// What is to be done with what is kept now: nothing, or nothing yet.
    pub action: Action,
    /// Why what is kept is not served, if it is not.
    pub refused: Option<Reason>,
    /// How each configuration was left.
    pub published: Vec<Published>,
    /// When to look again, if before the usual interval.
    pub again: Option<Duration>,
}

/// TLS of a running process.
pub struct Tls {
    settings: Settings,
    born: Instant,
    certificate: Arc<ServingCertificate>,
    acceptor: Acceptor,
    callers: Option<Arc<Verifier>>,
    /// Held for a whole pass.
    memory: tokio::sync::Mutex<Memory>,
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
    let (born, mut memory) = (Instant::now(), Memory::default());
    let callers = settings.clients.clone().map(Verifier::new).transpose()?.map(Arc::new);
    let place = || settings.keep.to_string();
    let (pass, (leaf, bundle)) = loop {
        let pass = pass(&settings, &mut memory, born, now).await?;
        match (&pass.refused, memory.served.clone()) {
            (_, Some(served)) => break (pass, served),
            (Some(Reason::NothingKept), None) => return Err(Error::Absent { place: place() }),
            (Some(why), None) => return Err(Error::Unfit { place: place(), why: why.clone() }),
            (None, None) => {
                let again = pass.again.unwrap_or(RETRY);
                tracing::info!(?again, "API servers hear of another CA first; only then is a certificate of it served");
                tokio::time::sleep(again).await;
            }
        }
    };
    let certificate = Arc::new(ServingCertificate::new(&leaf));
    let config = server_config(Arc::clone(&certificate), callers.clone()).map_err(Error::Configure)?;
    let acceptor = Acceptor::new(config, settings.metrics.clone());
    tell(&settings, None, &pass);
    settings.metrics.served(&leaf, &bundle);
    let current = Mutex::new(Current { bundle, leaf, pass });
    Ok(Tls { settings, born, certificate, acceptor, callers, memory: memory.into(), current })
}

impl Tls {
    /// For the server. It stays the same; the certificate in it changes.
    #[must_use]
    pub fn acceptor(&self) -> Acceptor {
        self.acceptor.clone()
    }

    /// The CAs that clients must trust.
    #[must_use]
    pub fn bundle(&self) -> CaBundle {
        self.with_current(|current| current.bundle.clone())
    }

    /// SHA-256 of the certificate that is served, in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.with_current(|current| current.leaf.fingerprint())
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
        if let Some(Err(error)) = self.callers.as_ref().map(|callers| callers.look()) {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "callers are told apart as before");
            self.settings.metrics.failed();
        }
        let mut memory = self.memory.lock().await;
        let pass = pass(&self.settings, &mut memory, self.born, now).await;
        let pass = pass.inspect_err(|_| self.settings.metrics.failed())?;
        self.with_current(|current| {
            tell(&self.settings, Some(&current.pass), &pass);
            if let Some((leaf, bundle)) = &memory.served {
                self.take_up(current, leaf, bundle);
            }
            current.pass = pass.clone();
        });
        Ok(pass)
    }

    fn take_up(&self, current: &mut Current, leaf: &Leaf, bundle: &CaBundle) {
        let metrics = &self.settings.metrics;
        if current.leaf != *leaf {
            self.certificate.swap(leaf);
            let Life { ends, .. } = leaf.life();
            tracing::info!(%ends, fingerprint = leaf.fingerprint(), "another certificate is served from now on");
            metrics.rotated_leaf();
            if !crate::trust::same_authority(&current.leaf, leaf, bundle.certificates()) {
                metrics.rotated_authority();
            }
            current.leaf = leaf.clone();
        }
        current.bundle = bundle.clone();
        metrics.served(leaf, bundle);
    }

    /// Makes a [`pass`](Self::pass) in every `interval`, soon after someone changes a bundle in a configuration, and again after one that
    /// failed. Returns when `stop` is cancelled.
    pub async fn follow(&self, interval: Duration, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow_on(interval)).await;
    }

    async fn follow_on(&self, interval: Duration) {
        let publication = self.settings.publication.as_ref();
        let mut changes = publication.map(Publication::changes).unwrap_or_default();
        let first = self.with_current(|current| current.pass.again);
        let mut due = Instant::now() + first.unwrap_or(interval).min(interval);
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
                Ok(pass) => pass.again.unwrap_or(interval).min(interval),
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

async fn pass(settings: &Settings, memory: &mut Memory, born: Instant, now: Timestamp) -> Result<Pass, Error> {
    let pass = steps(settings, memory, born, now);
    tokio::time::timeout(PASS_DEADLINE, pass).await.map_err(Error::Deadline)?
}

async fn steps(settings: &Settings, memory: &mut Memory, born: Instant, now: Timestamp) -> Result<Pass, Error> {
    let Settings { keep, issues, names, publication, pace, .. } = settings;
    let publication = publication.as_ref();
    let publishes = publication.is_some_and(|publication| publication.writes);
    let terms = Terms { names: names.clone(), issues: *issues, publishes, pace: *pace };
    let (mut written, mut last) = (Vec::new(), Error::Unsettled);
    for _ in 0..STEPS {
        let found = match publication {
            Some(publication) => publication.read().await?,
            None => Vec::new(),
        };
        let kept = match keep.load().await {
            Ok(kept) => kept,
            Err(error) => {
                // What is served goes on, and so must the trust in it.
                if let (Some(publication), Some((_, bundle))) = (publication.filter(|it| it.writes), &memory.served) {
                    publication.write(&found, bundle).await?;
                }
                return Err(error.into());
            }
        };
        let (observed, request) = (publish::observed(&found), request(&kept));
        let uptime = born.elapsed();
        let read =
            Read { observed: &observed, material: kept.material.as_ref(), request: request.as_ref(), now, uptime };
        match memory.step(&terms, read)? {
            Step::Store(action, new) => match keep.store(kept, &new).await? {
                Stored::Written => tracing::info!(why = %action, "TLS material was issued"),
                Stored::Overtaken => {
                    tracing::info!(why = %action, "another replica was faster");
                    last = Error::Unsettled;
                }
            },
            Step::Publish(bundle) => {
                if let Some(publication) = publication {
                    written.extend(publication.write(&found, &bundle).await?);
                }
                last = PublishError::Contended.into();
            }
            Step::Rest(Rest { action, refused, again }) => {
                return Ok(Pass { action, refused, again, published: publish::outcomes(found, &written) });
            }
        }
    }
    Err(last)
}

fn request(kept: &Kept) -> Option<Request> {
    let parsed = kept.request.as_deref().map(str::parse);
    parsed?.inspect_err(|error| tracing::warn!(%error, "a request for a rotation is not heard")).ok()
}

/// Logs what is news, so that a pass every few seconds does not repeat itself.
fn tell(settings: &Settings, before: Option<&Pass>, now: &Pass) {
    if before.map(|before| &before.action) != Some(&now.action) {
        tracing::info!(action = %now.action, "TLS material");
    }
    if let Some(why) = &now.refused {
        settings.metrics.failed();
        if before.and_then(|before| before.refused.as_ref()) != Some(why) {
            let place = &settings.keep;
            tracing::warn!(%place, "the certificate there is refused and the one before goes on being served: {why}");
        }
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

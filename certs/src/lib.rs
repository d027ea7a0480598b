//! Issues a CA and a serving certificate, keeps them, tells API servers about the CA, and serves TLS.
//!
//! A process calls [`start`] once, gives [`Tls::acceptor`] to its server, and runs [`Tls::follow`] until it ends:
//!
//! 1. Material is read from where it is kept ([`Keep`]) and judged ([`plan`]). What is missing or due is issued and stored; of several
//!    replicas one wins, and all read back what it stored. So all replicas share one CA and one serving certificate.
//! 2. The CA bundle is written into the webhook configurations and read back ([`Publication`]).
//! 3. Only then is the certificate served; and where the bundle is new, only when API servers have had time to hear of it ([`Pace`]).
//!
//! [`Tls::follow`] repeats this in an interval, and at once when someone resets a bundle. Content is compared, never inodes or times, so
//! it does not matter who replaced it or how. Where somebody else issues (cert-manager, a mounted Secret) steps 2 and 3 are the same.
//!
//! Times are judged by the local clock. One that is far ahead when nothing is kept yet makes certificates that are not valid yet for
//! others; later ones are valid whenever those were that they replace.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should"))]

mod accept;
mod clients;
mod describe;
mod issue;
mod keep;
mod material;
mod metrics;
mod name;
mod plan;
mod publish;
mod request;
mod serve;
mod step;
#[cfg(test)]
mod testing;
mod tls;
mod trust;

use tokio::time::error::Elapsed;

pub use accept::{Acceptor, HANDSHAKE_TIMEOUT, MAX_HANDSHAKES, first_of_the_crowd};
pub use clients::{Clients, ClientsError};
pub use describe::{Described, Phase};
pub use issue::{BACKDATED, IssueError, issue_all};
pub use keep::{Keep, KeepError};
pub use material::{
    AUTHORITY_LIFE, Authority, CaBundle, KeyMaterial, LEAF_LIFE, Leaf, Life, Part, PrivateKey, Unusable,
};
pub use metrics::Metrics;
pub use name::{NotAServingName, ServingName};
pub use plan::{Action, MAX_AUTHORITIES, Pace, Reason, Situation, plan};
pub use publish::{Configuration, ConfigurationKind, Outcome, Publication, PublishError, Published};
pub use request::{NotARequest, Request};
pub use serve::ServingCertificate;
pub use tls::{Pass, Tls, start};

/// What to keep where, and whom to tell.
#[derive(Clone)]
pub struct Settings {
    /// Where material is kept.
    pub keep: Keep,
    /// Whether Sluice issues where nothing is kept, or waits for somebody else to.
    pub issues: bool,
    /// What the serving certificate must cover.
    pub names: Vec<ServingName>,
    /// Where the bundle is published, if anywhere.
    pub publication: Option<Publication>,
    /// How long a rotation waits between its steps.
    pub pace: Pace,
    /// Who may call, where callers need a certificate.
    pub clients: Option<Clients>,
    /// What is counted.
    pub metrics: Metrics,
}

/// TLS could not be set up or kept up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The material could not be read or stored.
    #[error("cannot use the kept TLS material")]
    Keep(#[from] KeepError),
    /// Somebody else issues, and has not yet.
    #[error("there is no certificate in {place} yet, and whoever issues it is not Sluice")]
    Absent {
        /// The directory or Secret.
        place: String,
    },
    /// Somebody else has issued what cannot be served.
    #[error("the certificate in {place} is not served: {why}")]
    Unfit {
        /// The directory or Secret.
        place: String,
        /// What is wrong with it.
        why: Reason,
    },
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
    /// The CAs of callers cannot be used.
    #[error("cannot tell callers apart")]
    Clients(#[from] ClientsError),
    /// The cryptography library refused the configuration.
    #[error("cannot configure TLS")]
    Configure(#[source] rustls::Error),
}

#[cfg(test)]
mod tests;

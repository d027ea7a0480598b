//! What operators watch of TLS. Every label is one of a fixed set.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::material::CaBundle;
use crate::{Leaf, Life};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Certificate {
    certificate: &'static str,
}

const SERVING: Certificate = Certificate { certificate: "serving" };
const AUTHORITY: Certificate = Certificate { certificate: "ca" };

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Turned {
    cause: &'static str,
}

/// The metrics of TLS.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    expiration: Family<Certificate, Gauge>,
    authorities: Gauge,
    rotations: Family<Certificate, Counter>,
    failures: Counter,
    handshakes: Gauge,
    turned: Family<Turned, Counter>,
}

impl Metrics {
    /// Shows the metrics in a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "certificate_expiration_timestamp_seconds",
            "Until when the certificate that is served is valid, and the first CA of the bundle to end; Unix time",
            self.expiration.clone(),
        );
        registry.register("certificate_authorities", "CAs in the published bundle", self.authorities.clone());
        registry.register("certificate_rotations", "Certificates and CAs replaced", self.rotations.clone());
        registry.register(
            "certificate_failures",
            "Passes over certificates that failed, and those that found a certificate unfit to be served",
            self.failures.clone(),
        );
        registry.register("tls_handshakes", "TLS handshakes that are going on", self.handshakes.clone());
        registry.register(
            "tls_handshakes_failed",
            "TLS handshakes that led to no connection, by cause",
            self.turned.clone(),
        );
    }

    pub(crate) fn served(&self, leaf: &Leaf, bundle: &CaBundle) {
        self.expiration.get_or_create(&SERVING).set(leaf.life().ends.as_second());
        let lives = bundle.certificates().iter().filter_map(|it| Life::of(it).ok());
        if let Some(ends) = lives.map(|life| life.ends).min() {
            self.expiration.get_or_create(&AUTHORITY).set(ends.as_second());
        }
        self.authorities.set(i64::try_from(bundle.certificates().len()).unwrap_or(i64::MAX));
    }

    pub(crate) fn rotated_leaf(&self) {
        self.rotations.get_or_create(&SERVING).inc();
    }

    pub(crate) fn rotated_authority(&self) {
        self.rotations.get_or_create(&AUTHORITY).inc();
    }

    pub(crate) fn failed(&self) {
        self.failures.inc();
    }

    pub(crate) fn handshakes(&self, change: i64) {
        self.handshakes.inc_by(change);
    }

    pub(crate) fn turned_away(&self, cause: &'static str) {
        self.turned.get_or_create(&Turned { cause }).inc();
    }
}

//! The names that the API server may call us by.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use rustls::pki_types::ServerName;

/// A DNS name or an IP address that the serving certificate must cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServingName(ServerName<'static>);

/// A text that is neither a DNS name nor an IP address.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is no name to serve under; give a DNS name or an IP address without port")]
pub struct NotAServingName {
    text: String,
}

impl ServingName {
    /// The name by which the API server calls a Service: it sends no cluster domain.
    ///
    /// # Errors
    /// When name and namespace do not make a DNS name.
    pub fn service(name: &str, namespace: &str) -> Result<Self, NotAServingName> {
        format!("{name}.{namespace}.svc").parse()
    }

    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
        let address = v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
        address.ok().map(|ip| Self(ServerName::from(ip)))
    }

    pub(crate) fn as_server_name(&self) -> &ServerName<'static> {
        &self.0
    }
}

impl FromStr for ServingName {
    type Err = NotAServingName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ServerName::try_from(text.to_owned()).map(Self).map_err(|_| NotAServingName { text: text.to_owned() })
    }
}

impl fmt::Display for ServingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_str())
    }
}

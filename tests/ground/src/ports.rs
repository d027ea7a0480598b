//! Loopback ports: chosen free once, then kept, so that kubeconfigs and shells survive a restart.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, TcpListener};

/// One port a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    pub etcd_client: u16,
    pub etcd_peer: u16,
    pub etcd_metrics: u16,
    pub apiserver: u16,
    pub controller_manager: u16,
    pub scheduler: u16,
    pub kwok: u16,
    pub webhook: u16,
    pub metrics: u16,
}

impl Ports {
    /// All at once while all listeners are open, so that no port is given twice.
    pub(crate) fn choose() -> Result<Self> {
        let listeners: Vec<TcpListener> = (0..9).map(|_| listen(0)).collect::<Result<_, _>>().map_err(no_port)?;
        let free: Vec<u16> =
            listeners.iter().map(|l| l.local_addr().map(|a| a.port())).collect::<Result<_, _>>().map_err(no_port)?;
        let [etcd_client, etcd_peer, etcd_metrics, apiserver, controller_manager, scheduler, kwok, webhook, metrics] =
            free[..]
        else {
            return Err(Error::says("as many ports as doors"));
        };
        Ok(Self {
            etcd_client,
            etcd_peer,
            etcd_metrics,
            apiserver,
            controller_manager,
            scheduler,
            kwok,
            webhook,
            metrics,
        })
    }
}

/// Whether any of these is in use. std listens with SO_REUSEADDR: a connection in TIME_WAIT is not in use.
pub(crate) fn taken(ports: &[u16]) -> bool {
    ports.iter().any(|port| listen(*port).is_err())
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

fn no_port(error: std::io::Error) -> Error {
    Error::says(format!("no free loopback port: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_a_port_in_use_is_seen() {
        let ports = Ports::choose().unwrap();
        assert_ne!(ports.etcd_client, ports.apiserver);
        let _held = listen(ports.apiserver).unwrap();
        assert!(taken(&[ports.etcd_client, ports.apiserver]));
    }
}

//! Loopback ports: chosen free once, then kept, so that kubeconfigs and shells survive a restart.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

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

/// Below the range from which Linux takes the ports of outgoing connections. A client that tries again and again to reach
/// a dead server on a port of that range ends up connected to itself, and the server cannot come back.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

impl Ports {
    /// All at once while all listeners are open, so that no port is given twice. Two processes that choose at the same
    /// time begin at different places.
    pub(crate) fn choose() -> Result<Self> {
        let begin = usize::try_from(std::process::id()).unwrap_or_default() * 97 % RANGE.len();
        let candidates = RANGE.cycle().skip(begin).take(RANGE.len());
        let listeners: Vec<(u16, TcpListener)> =
            candidates.filter_map(|port| Some((port, listen(port).ok()?))).take(9).collect();
        let free: Vec<u16> = listeners.iter().map(|(port, _)| *port).collect();
        let [etcd_client, etcd_peer, etcd_metrics, apiserver, controller_manager, scheduler, kwok, webhook, metrics] =
            free[..]
        else {
            return Err(Error::says("no free loopback ports between 20000 and 32000"));
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

/// Two more, for a process that is there for a while.
pub(crate) fn two_more() -> Result<[u16; 2]> {
    let begin = usize::try_from(std::process::id()).unwrap_or_default() * 97 % RANGE.len();
    let candidates = RANGE.rev().cycle().skip(begin).take(RANGE.len());
    let listeners: Vec<(u16, TcpListener)> =
        candidates.filter_map(|port| Some((port, listen(port).ok()?))).take(2).collect();
    let free: Vec<u16> = listeners.iter().map(|(port, _)| *port).collect();
    <[u16; 2]>::try_from(free).map_err(|_| Error::says("no free loopback ports between 20000 and 32000"))
}

/// One more, which this process gives to nobody else: who has it may end and come back.
pub(crate) fn one() -> Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let begin = usize::try_from(std::process::id()).unwrap_or_default() * 89 % RANGE.len();
    let mut candidates = RANGE.rev().cycle().skip(begin).take(RANGE.len());
    let free = candidates.find(|port| !given.contains(port) && listen(*port).is_ok());
    let port = free.ok_or_else(|| Error::says("no free loopback port between 20000 and 32000"))?;
    given.insert(port);
    Ok(port)
}

/// Whether any of these is in use. std listens with SO_REUSEADDR: a connection in TIME_WAIT is not in use.
pub(crate) fn taken(ports: &[u16]) -> bool {
    ports.iter().any(|port| listen(*port).is_err())
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ() {
        let ports = Ports::choose().unwrap();
        assert_ne!(ports.etcd_client, ports.apiserver);
    }

    #[test]
    fn a_port_in_use_is_seen() {
        // The kernel's choice: one of ours could be taken by another control plane that starts at this moment.
        let held = listen(0).unwrap();
        assert!(taken(&[held.local_addr().unwrap().port()]));
    }
}

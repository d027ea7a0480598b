//! Loopback ports: chosen free once, then kept, so that kubeconfigs and shells survive a restart.

use crate::error::{Error, Result};
use crate::real_node::network::Network;
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
    /// Where the API server listens for the sake of a real node; on loopback if there is none.
    #[serde(default)]
    pub network: Option<Network>,
}

/// Below the range from which Linux takes the ports of outgoing connections. A client that tries again and again to reach
/// a dead server on a port of that range ends up connected to itself, and the server cannot come back.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

impl Ports {
    /// Where the API server listens.
    pub(crate) fn host(&self) -> Ipv4Addr {
        self.network.map_or(Ipv4Addr::LOCALHOST, Network::host)
    }

    pub(crate) fn choose() -> Result<Self> {
        let [etcd_client, etcd_peer, etcd_metrics, apiserver, controller_manager, scheduler, kwok, webhook, metrics] =
            take(RANGE)?;
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
            network: None,
        })
    }
}

/// Two more, for a process that is there for a while.
pub(crate) fn two_more() -> Result<[u16; 2]> {
    take(RANGE.rev())
}

/// One more.
pub(crate) fn one() -> Result<u16> {
    take(RANGE.rev()).map(|[port]| port)
}

/// Free ports, all at once while all listeners are open, so that none is given twice. Nor does this process give one to
/// anybody else later: who has it may end and come back. Two processes that choose at the same time begin at different places.
fn take<const COUNT: usize>(range: impl Iterator<Item = u16> + Clone) -> Result<[u16; COUNT]> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let begin = usize::try_from(std::process::id()).unwrap_or_default() * 97 % RANGE.len();
    let candidates = range.cycle().skip(begin).take(RANGE.len()).filter(|port| !given.contains(port));
    let listeners: Vec<(u16, TcpListener)> =
        candidates.filter_map(|port| Some((port, listen(port).ok()?))).take(COUNT).collect();
    let free: Vec<u16> = listeners.iter().map(|(port, _)| *port).collect();
    let ports = <[u16; COUNT]>::try_from(free);
    let ports = ports.map_err(|_| Error::says("no free loopback ports between 20000 and 32000"))?;
    given.extend(ports);
    Ok(ports)
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
    fn ports_differ_also_those_of_two_control_planes_that_start_at_once() {
        let (ports, others) = (Ports::choose().unwrap(), Ports::choose().unwrap());
        assert_ne!(ports.etcd_client, ports.apiserver);
        assert_ne!(ports.etcd_client, others.etcd_client);
    }

    #[test]
    fn a_port_in_use_is_seen() {
        // The kernel's choice: one of ours could be taken by another control plane that starts at this moment.
        let held = listen(0).unwrap();
        assert!(taken(&[held.local_addr().unwrap().port()]));
    }
}

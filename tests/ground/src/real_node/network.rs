//! The addresses by which a control plane and its real node reach each other.
//!
//! The API server must be somewhere where Pods on the node reach it, which loopback is not. It listens on an address that only
//! this machine has: of the loopback device, so that it outlives the node, and of the host's end of the node's link.

use crate::error::{Error, Result};
use crate::output::Output;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;

/// What the node is called.
pub const NODE: &str = "real-a";

/// One of 256, so that control planes with real nodes stand beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Network(u8);

impl Network {
    /// The first that nobody has. Its address is on the loopback device from now on.
    pub(crate) fn choose() -> Result<Self> {
        for network in (0..=u8::MAX).map(Self) {
            if !network.is_there() && network.make().is_ok() {
                return Ok(network);
            }
        }
        Err(Error::says("cannot give the loopback device an address between 10.250.0.1 and 10.250.255.1"))
    }

    /// Makes the address, unless it is there: a machine that was started again has lost it.
    pub(crate) fn ensure(self) -> Result<()> {
        if self.is_there() { Ok(()) } else { self.make() }
    }

    fn make(self) -> Result<()> {
        let mut command = Command::new("ip");
        command.args(["address", "add", &format!("{}/32", self.host()), "dev", "lo"]);
        Output::of(command, "")?.ok("ip address add").map(|_| ())
    }

    fn is_there(self) -> bool {
        UdpSocket::bind((self.host(), 0)).is_ok()
    }

    /// Where the API server listens.
    pub(crate) const fn host(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 250, self.0, 1)
    }

    pub(crate) const fn node(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 250, self.0, 2)
    }

    pub(crate) fn pods(self) -> String {
        format!("10.251.{}.0/24", self.0)
    }

    pub(crate) fn services(self) -> String {
        format!("10.252.{}.0/24", self.0)
    }

    /// The Service `kubernetes`, by which Pods call the API server.
    pub(crate) const fn kubernetes(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 252, self.0, 1)
    }

    /// The name of the host's end of the link, and of the node's cgroups.
    pub(crate) fn link(self) -> String {
        format!("sluice{}", self.0)
    }
}

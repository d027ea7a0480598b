//! The three webhooks that are compared, each as a process.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use clap::ValueEnum as _;
use ground::Ground;

use crate::floor::Floor;
use crate::load::Target;

/// A webhook that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// A floor.
    Floor(Floor),
    /// `sluice webhook`, asked what charges nobody.
    Sluice,
    /// `sluice webhook`, where every Pod that is created is charged.
    Charging,
}

impl Server {
    /// In the order in which they take turns.
    pub const ALL: [Self; 4] = [Self::Floor(Floor::Noop), Self::Floor(Floor::Parse), Self::Sluice, Self::Charging];

    /// What tables call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Floor(Floor::Noop) => "no-op floor",
            Self::Floor(Floor::Parse) => "parsing floor",
            Self::Sluice => "sluice",
            Self::Charging => "sluice, charging",
        }
    }
}

/// A program that was built beside this one.
pub fn built(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().context("this program has no path")?;
    Ok(this.with_file_name(name))
}

/// A webhook that runs.
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// Its port.
    pub target: Target,
    child: Option<Child>,
}

impl Running {
    /// Starts one; returns when it is ready.
    pub fn start(server: Server, ground: &mut Ground) -> Result<Self> {
        let certs = ground.layout().certs();
        match server {
            Server::Floor(floor) => {
                let which = floor.to_possible_value().context("a floor without a name")?;
                let mut child = Command::new(built("floor")?)
                    .args([which.get_name(), "--certs-dir"])
                    .arg(&certs)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .context("cannot run the floor")?;
                let mut line = String::new();
                BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
                let port = line.trim().parse().context("the floor did not say its port")?;
                Ok(Self { pid: child.id(), target: Target::new(port, &certs)?, child: Some(child) })
            }
            Server::Sluice | Server::Charging => {
                ground.run_sluice_of(&built("sluice")?, "webhook")?;
                let url = ground.webhook_url()?;
                let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).context("no port")?;
                let pid = ground.pid("sluice").context("sluice ended")?;
                Ok(Self { pid, target: Target::new(port, &certs)?, child: None })
            }
        }
    }

    /// Ends it.
    pub fn stop(self, ground: &mut Ground) -> Result<()> {
        if self.child.is_none() {
            ground.stop_sluice()?;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _gone = child.kill();
            let _status = child.wait();
        }
    }
}

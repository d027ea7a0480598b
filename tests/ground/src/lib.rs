//! The ground: a real Kubernetes control plane on loopback, with simulated GPU nodes and Sluice on top.
//!
//! `cargo xtask up` and the end-to-end tests stand on the same code and differ only in their [`Layout`]. A process is
//! known by its pid, start time and boot id, so nothing that somebody else started is ever ended.
//!
//! Expected flow: [`Ground::start`] (fresh, ends with this process) or [`Ground::ensure`] (goes on with what is
//! there, outlives this process), then [`Ground::run_platform`], then [`Ground::kubectl`] as any user.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should"))]

mod binaries;
mod component;
mod components;
mod error;
mod golang;
mod http;
pub mod image;
mod kubectl;
mod layout;
mod lifecycle;
mod nodes;
pub mod oci;
mod output;
mod packages;
pub mod paint;
mod pki;
mod platform;
mod ports;
mod postgres;
mod process;
pub mod real_node;
mod replica;
mod state;
mod tool;
mod wait;
mod warden;
pub mod workbench;

pub use error::{Error, Result};
pub use kubectl::Who;
pub use layout::Layout;
pub use output::Output;
pub use platform::{
    ADMIN_GROUP, RELEASE, SYSTEM_NAMESPACE, USERS, built_sluice, lint_chart, render_chart, render_chart_for, target,
};
pub use postgres::Postgres;
pub use replica::{Doors, Replica};
pub use tool::Tool;
pub use wait::until;

use process::Process;
use state::State;
use std::fs::File;
use warden::Warden;

/// A running control plane. Holds the lock of its directory, so two of them never share one.
#[derive(Debug)]
pub struct Ground {
    layout: Layout,
    state: State,
    /// Ends the processes when this process is gone, however it went.
    warden: Option<Warden>,
    _lock: File,
}

/// What [`Ground::ensure`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing ran.
    Nothing,
    /// Some components ran; the others were started.
    Some,
    /// Every component ran.
    All,
}

/// Builds or finds what a control plane consists of, and a real node if there is to be one. [`Ground::start`] does it too; a
/// caller whose output is captured does it before, so that somebody sees the progress.
pub fn provide_binaries(real_node: bool) -> Result<()> {
    if real_node {
        packages::provide()?;
    }
    binaries::provide(&Layout::up().with_real_node(real_node))
}

impl Ground {
    /// A fresh control plane that ends with this process (also when it is killed). Ends and wipes what an earlier
    /// run left in the same directory.
    pub fn start(layout: Layout) -> Result<Self> {
        Self::open(layout.clone())?.stop_and_wipe()?;
        let mut ground = Self::open(layout)?;
        ground.warden = Some(Warden::start()?);
        ground.bring_up()?;
        Ok(ground)
    }

    /// Keeps every recorded component that lives, starts the others on the same ports and data. They outlive this process.
    pub fn ensure(layout: Layout) -> Result<(Self, Found)> {
        let mut ground = Self::open(layout)?;
        let found = ground.bring_up()?;
        Ok((ground, found))
    }

    /// Opens the directory without starting anything: for ending what runs there, or looking at it.
    pub fn open(layout: Layout) -> Result<Self> {
        let lock = layout.lock()?;
        let state = State::load(&layout.state_file())?;
        Ok(Self { layout, state, warden: None, _lock: lock })
    }

    /// Ends every process that is recorded and still the same process. Returns their names, in the order they ended.
    pub fn stop(mut self) -> Result<Vec<String>> {
        self.end_for_good()
    }

    /// Ends everything and empties the cluster; binaries stay.
    pub fn stop_and_wipe(mut self) -> Result<()> {
        self.end_for_good()?;
        self.layout.wipe()?;
        self.state = State::default();
        self.save()
    }

    /// Where everything is.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Ends one component at once, by SIGKILL: what a crash looks like.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        self.running(name)?.kill()
    }

    /// Stops a component where it is, by SIGSTOP: it keeps its ports and connections and answers nothing.
    pub fn pause(&self, name: &str) -> Result<()> {
        self.running(name)?.pause()
    }

    /// Lets a paused component go on.
    pub fn resume(&self, name: &str) -> Result<()> {
        self.running(name)?.resume()
    }

    /// Lets a component have at most so many open files from now on; says how many it had to do with before.
    pub fn limit_files(&self, name: &str, most: u64) -> Result<u64> {
        self.running(name)?.limit_files(most)
    }

    /// How many files a component has open.
    pub fn open_files(&self, name: &str) -> Result<usize> {
        let path = std::path::PathBuf::from(format!("/proc/{}/fd", self.running(name)?.pid));
        Ok(std::fs::read_dir(&path).map_err(Error::file("read", &path))?.count())
    }

    fn running(&self, name: &str) -> Result<&Process> {
        let process = self.state.processes.get(name).filter(|process| process.alive());
        process.ok_or_else(|| Error::says(format!("{name} does not run")))
    }

    /// Names of the components that are alive.
    pub fn alive(&self) -> Vec<&str> {
        self.state.processes.iter().filter(|(_, process)| process.alive()).map(|(name, _)| name.as_str()).collect()
    }

    /// The process id of a component that is alive.
    pub fn pid(&self, name: &str) -> Option<u32> {
        self.state.processes.get(name).filter(|process| process.alive()).map(|process| process.pid)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if self.warden.is_some()
            && let Err(error) = self.end_for_good()
        {
            eprintln!("the control plane was not ended: {error}");
        }
    }
}

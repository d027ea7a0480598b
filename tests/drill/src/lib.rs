//! Drills: something is broken on purpose while people work, and what was refused, let through and lost is counted.
//!
//! `cargo xtask drill` runs all of them, the end-to-end tests a few; both on the real control plane, with requests
//! that go through the real API server. *Let through* is an object that exists (or was accepted) although policy
//! forbids it, or that nobody judged. *Lost* is an accepted object that is missing, an accepted change that is not
//! there, or a request that got neither an answer nor an error.
//!
//! Each drill is a file under `drills`; its line in `docs/runbook.md` says what to expect and what to do.

mod client;
mod clock;
mod contest;
mod drills;
mod journal;
mod load;
pub mod people;
pub mod race;
mod reason;
mod relay;
mod report;
mod stage;
mod verify;
mod webhooks;

pub use drills::{ALL, find};
pub use journal::{Group, Tally};
pub use report::{Expectation, Measure, PhaseReport, Report};
pub use webhooks::BREAK_GLASS;

use anyhow::{Context, Result};
use ground::Ground;
use stage::Stage;

/// One drill.
#[derive(Debug)]
pub struct Drill {
    /// As it is asked for.
    pub name: &'static str,
    /// What is done, in a line.
    pub about: &'static str,
    pub(crate) run: fn(&mut Stage<'_>) -> Result<()>,
}

/// What a drill is told besides the control plane.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Another build of `sluice`, for the drill in which two versions decide.
    pub other: Option<std::path::PathBuf>,
}

/// Runs one drill on a control plane with the sample organisation, and leaves it as it was.
///
/// # Errors
/// Where the drill itself could not be carried out. What it shows is in the report, also where it is bad.
pub fn run(ground: &mut Ground, drill: &Drill, options: &Options) -> Result<Report> {
    let mut stage = Stage::open(ground, drill, options)?;
    let outcome = (drill.run)(&mut stage).with_context(|| format!("drill {}", drill.name));
    let report = stage.close();
    outcome?;
    report
}

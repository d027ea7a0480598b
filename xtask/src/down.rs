//! `cargo xtask down`

use anyhow::Result;
use ground::{Ground, Layout};
use std::process::ExitCode;

/// Data and certificates stay: the next `up` goes on with them.
#[derive(clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Self {} = self;
        let ended = Ground::open(Layout::up())?.stop()?;
        match ended.as_slice() {
            [] => println!("nothing runs"),
            names => println!("ended {}", names.join(", ")),
        }
        Ok(ExitCode::SUCCESS)
    }
}

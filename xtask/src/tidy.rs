//! This repository's own rules.
use anyhow::Result;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        check()?;
        Ok(ExitCode::SUCCESS)
    }
}

pub(crate) fn check() -> Result<()> {
    Ok(())
}

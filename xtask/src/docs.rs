//! `cargo xtask docs`

use crate::build;
use crate::test::run;
use anyhow::Result;
use std::process::{Command, ExitCode};

/// The tests that make the pages compare them with what is there, unless they are told to write.
#[derive(clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Self {} = self;
        run(command().env("UPDATE_DOCS", "1"))?;
        println!("docs/reference is what the code says");
        Ok(ExitCode::SUCCESS)
    }
}

/// `--workspace`, so that nothing is compiled twice; the names say which tests' programs are built, and which of their tests run.
fn command() -> Command {
    let mut command = build::cargo();
    command.args(["test", "--quiet", "--workspace", "--bin", "sluice", "--test", "engine", "--test", "reference"]);
    command.args(["--", "reference"]);
    command
}

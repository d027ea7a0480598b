//! `cargo xtask fuzz`: the program of that name, which does all of it.

use crate::build;
use anyhow::{Context, Result};
use std::process::{Command, ExitCode};

/// `cargo xtask fuzz -- --help` says what can be chosen
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Self { args } = self;
        build::binary("fuzz")?;
        // Beside us, since cargo has built both.
        let program = std::env::current_exe()?.with_file_name("fuzz");
        let status = Command::new(&program).args(args).status().with_context(|| program.display().to_string())?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

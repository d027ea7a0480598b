//! `cargo xtask drill`: the program of that name, which does all of it.

use crate::build;
use anyhow::Result;
use std::process::ExitCode;

/// Breaks things on purpose while people work: what was refused, let through and lost; --help says more
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// What the program `drill` is told: names of drills, --list, -o json
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Self { args } = self;
        eprintln!("building sluice");
        build::sluice()?;
        build::run("drill", &args)
    }
}

//! `cargo xtask fuzz`: the program of that name, which does all of it.

use crate::build;
use anyhow::Result;
use std::process::ExitCode;

/// `cargo xtask fuzz -- --help` says what can be chosen
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Self { args } = self;
        build::run("fuzz", &args)
    }
}

//! Building Sluice itself.

use anyhow::{Context, Result, ensure};
use std::process::{Command, ExitCode};

/// The cargo that runs us, so that a toolchain override carries over.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(ground::Layout::up().root());
    command
}

/// Builds binaries as they are shipped.
pub(crate) fn release(names: &[&str]) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--quiet", "--release", "--workspace"]);
    names.iter().for_each(|name| {
        build.args(["--bin", name]);
    });
    ensure!(build.status().context("cannot run cargo")?.success(), "the release does not build");
    Ok(())
}

/// Builds the binary `sluice`.
pub(crate) fn sluice() -> Result<()> {
    binary("sluice")
}

/// Builds a binary; cargo shows its progress. `--workspace`, so that dependencies have the features that the tests compile
/// them with, and are not compiled twice.
pub(crate) fn binary(name: &str) -> Result<()> {
    let status =
        cargo().args(["build", "--quiet", "--workspace", "--bin", name]).status().context("cannot run cargo")?;
    ensure!(status.success(), "{name} does not build");
    Ok(())
}

/// Runs a command with our own terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    ensure!(status.success(), "{command:?} gave {status}");
    Ok(())
}

/// Everything behind the command, for a program that knows what it means, `--help` included.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Passed {
    /// What the program is told; --help says more
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl Passed {
    /// Builds the program and runs it.
    pub(crate) fn to(self, program: &str) -> Result<ExitCode> {
        run_program(program, &self.args)
    }
}

/// Builds a program of this workspace and runs it.
fn run_program(name: &str, args: &[String]) -> Result<ExitCode> {
    binary(name)?;
    // Beside us, since cargo has built both.
    let program = std::env::current_exe()?.with_file_name(name);
    let status = Command::new(&program).args(args).status().with_context(|| program.display().to_string())?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

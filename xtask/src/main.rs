//! `cargo xtask`: everything that a person does to this checkout, one file per command.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should"))]

mod bench;
mod build;
mod crate_tool;
mod deny;
mod down;
mod generate;
mod image;
mod test;
mod tidy;
mod tour;
mod up;

use clap::{Parser, Subcommand};
use ground::paint;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Runs, tries and tests Sluice on a control plane of its own")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts a control plane with Sluice, the sample organisation and the tour's workloads
    Up(up::Args),
    /// Ends what `up` started, and nothing else
    Down(down::Args),
    /// Breaks things on purpose while people work: what was refused, let through and lost
    Drill(build::Passed),
    /// Lets 64 clients race for eight GPUs while replicas are killed: who got what, and was it ever too much or too little
    Race(build::Passed),
    /// Reads and judges what nobody would write, for as long as you like, and keeps what it finds for the tests
    Fuzz(build::Passed),
    /// The test command: format, lints, tests, tidy, dependencies, end to end
    Test(test::Args),
    Image(image::Args),
    /// Writes everything that is made from the code: docs/reference, the chart's CRDs, and what the chart renders
    Generate(generate::Args),
    Bench(bench::Args),
    /// Only the checks of this repository's own rules
    Tidy(tidy::Args),
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Up(args) => args.run(),
        Command::Down(args) => args.run(),
        Command::Drill(args) => {
            eprintln!("building sluice");
            build::sluice().and_then(|()| args.to("drill"))
        }
        Command::Race(args) => {
            eprintln!("building sluice");
            build::sluice().and_then(|()| args.to("race"))
        }
        Command::Fuzz(args) => args.to("fuzz"),
        Command::Test(args) => args.run(),
        Command::Generate(args) => args.run(),
        Command::Image(args) => args.run(),
        Command::Bench(args) => args.run(),
        Command::Tidy(args) => args.run(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{} {error:#}", paint::bad("error:"));
            ExitCode::FAILURE
        }
    }
}

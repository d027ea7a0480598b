//! `cargo xtask test`: the test command, which CI calls with nothing around it.

use crate::paint::{bad, good, heading};
use crate::{build, deny, tidy};
use anyhow::{Result, bail, ensure};
use ground::real_node;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Every step runs, also after a failure: one run shows all that is wrong.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the steps of these names
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// Where proptest's dice begin.
const SEED: &str = "PROPTEST_RNG_SEED";

struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "format", run: || cargo(&["fmt", "--all", "--check"]) },
    Step {
        name: "clippy",
        run: || cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step { name: "tests", run: tests },
    Step { name: "tidy", run: tidy::check },
    Step { name: "dependencies", run: deny::check },
    Step { name: "ground", run: the_ground },
    Step { name: "end-to-end", run: end_to_end },
];

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Self { only } = self;
        let unknown = only.iter().find(|name| !STEPS.iter().any(|step| step.name == name.as_str()));
        ensure!(unknown.is_none(), "no step is named {}", unknown.map_or("", String::as_str));
        let chosen = STEPS.iter().filter(|step| only.is_empty() || only.iter().any(|name| name == step.name));
        let results: Vec<(&str, Duration, Result<()>)> = chosen.map(run_step).collect();
        println!("\n{}", heading("summary"));
        for (name, took, result) in &results {
            let verdict = if result.is_ok() { good("ok    ") } else { bad("FAILED") };
            println!("  {verdict} {name:<14} {:>6.1} s", took.as_secs_f32());
        }
        let failed: Vec<&str> = results.iter().filter(|(.., result)| result.is_err()).map(|(name, ..)| *name).collect();
        if failed.is_empty() {
            println!("{}", good("all steps passed"));
            return Ok(ExitCode::SUCCESS);
        }
        println!("{}", bad(format!("failed: {}", failed.join(", "))));
        Ok(ExitCode::FAILURE)
    }
}

fn run_step(step: &Step) -> (&'static str, Duration, Result<()>) {
    println!("\n{}", heading(format!("== {}", step.name)));
    let begin = Instant::now();
    let result = (step.run)();
    if let Err(error) = &result {
        println!("{} {error:#}", bad(format!("{} failed:", step.name)));
    }
    (step.name, begin.elapsed(), result)
}

/// Property tests try the same cases each time, so that a change is judged by what it changes. `cargo test` by itself makes
/// up others.
fn tests() -> Result<()> {
    let mut cargo = build::cargo();
    if std::env::var_os(SEED).is_none() {
        cargo.env(SEED, "1");
    }
    build::run(cargo.args([
        "test",
        "--quiet",
        "--no-fail-fast",
        "--workspace",
        "--exclude",
        "e2e",
        "--exclude",
        "ground",
    ]))
}

/// Apart from the other tests, because it needs the control plane's binaries: with their progress shown if they are built.
fn the_ground() -> Result<()> {
    if let Some(hindrance) = real_node::hindrance() {
        bail!("{hindrance}");
    }
    ground::provide_binaries(true)?;
    cargo(&["test", "--quiet", "--package", "ground"])
}

/// These tests wait more than they compute, and one that needs a control plane for itself waits for the others of its kind.
fn end_to_end() -> Result<()> {
    build::sluice()?;
    cargo(&["test", "--quiet", "--workspace", "--test", "e2e", "--", "--test-threads=4"])
}

fn cargo(args: &[&str]) -> Result<()> {
    build::run(build::cargo().args(args))
}

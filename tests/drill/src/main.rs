//! The drills, as `cargo xtask drill` runs them: on a control plane of their own, with the `sluice` that was built.

use anyhow::{Context, Result, bail};
use clap::Parser;
use drill::{Drill, Group, Options, Report, Tally};
use ground::paint::{bad, good, heading, notable};
use ground::{Ground, Layout};
use std::path::PathBuf;
use std::process::ExitCode;

/// Breaks things on purpose while people work: what was refused, let through and lost
///
/// Exit code 1 where a drill's answer is not the expected one. docs/runbook.md says what each answer means.
#[derive(Parser)]
#[command(name = "cargo xtask drill")]
struct Args {
    /// Only these drills
    names: Vec<String>,
    /// Show which drills there are, and run none
    #[arg(long)]
    list: bool,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Another build of sluice, which decides beside this one in the drill `versions`
    #[arg(long, value_name = "FILE")]
    other: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

fn main() -> ExitCode {
    Args::parse().run().unwrap_or_else(|error| {
        eprintln!("{} {error:#}", bad("error:"));
        ExitCode::FAILURE
    })
}

impl Args {
    fn run(self) -> Result<ExitCode> {
        let Self { names, list, output, other } = self;
        let chosen = choose(&names)?;
        if list {
            chosen.iter().for_each(|drill| println!("{:<12} {}", drill.name, drill.about));
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("starting a control plane");
        let mut ground = Ground::start(Layout::e2e("drill"))?;
        ground.run_platform()?;
        let options = Options { other };
        let mut reports = Vec::new();
        for drill in chosen {
            eprintln!("{} {}", heading(drill.name), drill.about);
            let report = drill::run(&mut ground, drill, &options)?;
            if output == Format::Text {
                show(&report);
            }
            reports.push(report);
        }
        match output {
            Format::Text => table(&reports),
            Format::Json => println!("{}", serde_json::to_string_pretty(&serde_json::json!({"drills": reports}))?),
        }
        let good = reports.iter().all(Report::as_expected);
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn choose(names: &[String]) -> Result<Vec<&'static Drill>> {
    if names.is_empty() {
        return Ok(drill::ALL.iter().collect());
    }
    let find = |name: &String| {
        let known = || drill::ALL.iter().map(|drill| drill.name).collect::<Vec<_>>().join(", ");
        drill::find(name).with_context(|| format!("no drill is named {name}; there are {}", known()))
    };
    let chosen: Vec<_> = names.iter().map(find).collect::<Result<_>>()?;
    if chosen.is_empty() {
        bail!("no drill was chosen");
    }
    Ok(chosen)
}

fn show(report: &Report) {
    println!("\n{}", heading(format!("{}: {}", report.name, report.about)));
    for phase in &report.phases {
        println!("  {}", heading(phase.phase));
        for group in Group::ALL {
            if let Some(tally) = phase.groups.get(&group) {
                println!("    {:<18} {}", group.label(), counted(tally));
            }
        }
    }
    for (title, all) in [("let through", &report.let_through), ("lost", &report.lost)] {
        all.iter().for_each(|what| println!("  {} {what}", bad(format!("{title}:"))));
    }
    for measure in &report.measured {
        println!("  {}: {:.1} {}", measure.what, measure.value, measure.unit);
    }
    for expectation in report.expectations.iter().filter(|expectation| !expectation.held) {
        println!("  {} {} (found: {})", bad("not so:"), expectation.what, expectation.found);
    }
}

fn counted(tally: &Tally) -> String {
    let refused = tally.refused.iter().map(|(reason, count)| notable(format!("{count} × {reason}")));
    let silent = (tally.silent > 0).then(|| bad(format!("{} without an answer", tally.silent)));
    let accepted = std::iter::once(good(format!("{} accepted", tally.accepted)));
    let slowest = format!("slowest {} ms", tally.slowest_ms);
    accepted.chain(refused).chain(silent).chain([slowest]).collect::<Vec<_>>().join(", ")
}

fn table(reports: &[Report]) {
    println!(
        "\n{}",
        heading(format!(
            "{:<12} {:>8} {:>12} {:>6} {:>8}  answer",
            "drill", "refused", "let through", "lost", "seconds"
        ))
    );
    for report in reports {
        let held = report.expectations.iter().filter(|expectation| expectation.held).count();
        let of = report.expectations.len();
        let answer = if report.as_expected() {
            good(format!("as expected ({held} of {of})"))
        } else {
            bad(format!("NOT as expected ({held} of {of})"))
        };
        println!(
            "{:<12} {:>8} {:>12} {:>6} {:>8.1}  {answer}",
            report.name,
            report.refused(),
            report.let_through.len(),
            report.lost.len(),
            report.seconds
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_drill_is_answered_with_those_that_are() {
        let error = choose(&["klled".to_owned()]).expect_err("no drill").to_string();
        assert!(error.starts_with("no drill is named klled; there are killed, replicas"), "{error}");
        assert_eq!(choose(&[]).expect("all of them").len(), drill::ALL.len());
    }
}

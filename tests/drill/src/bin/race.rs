//! The race, as `cargo xtask race` runs it: on a control plane of its own, with the `sluice` that was built.

use anyhow::Result;
use clap::Parser;
use drill::people;
use drill::race::{self, Options, Report};
use ground::paint::{bad, good};
use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;
use std::time::Duration;

/// Lets clients race for eight GPUs while replicas of Sluice are killed
///
/// Two replicas on PostgreSQL, real Pods through the real API server. Exit code 1 where somebody got too much, was refused
/// although there was room, or something is left charged.
#[derive(Parser)]
#[command(name = "cargo xtask race")]
struct Args {
    /// How long they race
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// How many race
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: u16,
    /// Let three people send requests of all kinds at random
    #[arg(long, conflicts_with = "clients")]
    people: bool,
    /// Where their dice begin; several run one after the other. By default one that nobody knows
    #[arg(long, requires = "people", value_name = "N")]
    seed: Vec<u64>,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
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
        let Self { minutes, clients, people, mut seed, output } = self;
        let time = Duration::try_from_secs_f64(minutes * 60.0)?;
        if people {
            if seed.is_empty() {
                seed.push(RandomState::new().hash_one(()) % 1_000_000);
            }
            return at_work(&seed, time, output);
        }
        let report = race::run(Options { time, clients: clients.into() })?;
        match output {
            Format::Text => show(&report),
            Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        }
        Ok(if report.as_expected() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn at_work(seeds: &[u64], time: Duration, output: Format) -> Result<ExitCode> {
    let reports = people::run(seeds, time)?;
    match output {
        Format::Text => reports.iter().for_each(show_people),
        Format::Json => println!("{}", serde_json::to_string_pretty(&reports)?),
    }
    let is_fine = reports.iter().all(|report| report.differences.is_empty());
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show_people(report: &people::Report) {
    let people::Report { seed, requests, accepted, refused, revisions, most, differences } = report;
    println!("seed {seed}: {requests} requests, {accepted} accepted; {revisions} revisions, at most {most} bound");
    for (reason, count) in refused {
        println!("    {count:>6} × {reason}");
    }
    let count = format!("{:>8}", differences.len());
    println!("  differences       {}", if differences.is_empty() { good(count) } else { bad(count) });
    differences.iter().for_each(|difference| println!("{difference}"));
}

fn show(report: &Report) {
    let Report { seconds, clients, kills, admitted, refused, retried, .. } = report;
    println!("{clients} clients raced for {seconds:.0} s; a replica or the database was killed {kills} times");
    println!("  admitted          {admitted:>8}");
    println!("  refused           {refused:>8}");
    println!("  to be tried again {:>8}", retried.values().sum::<usize>());
    for (reason, count) in retried {
        println!("    {count:>6} × {reason}");
    }
    println!("  lived at once     {:>8}  at most", report.most_at_once);
    println!("  charged at once   {:>8}  devices at most", report.most_charged);
    for (what, count) in
        [("false denials", report.false_denials), ("over-admissions", report.over_admissions), ("leaks", report.leaks)]
    {
        let count = format!("{count:>8}");
        println!("  {what:<17} {}", if count.trim() == "0" { good(count) } else { bad(count) });
    }
}

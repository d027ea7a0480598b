//! The bench itself, as `cargo xtask bench` runs it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use bench::fill::{self, Size};
use bench::report::Report;
use bench::servers::built;
use bench::{admit, creations, ledger, preemption, progress, record, webhook};
use clap::{Parser, ValueEnum};
use ground::{Ground, Layout};
use tokio::runtime::Runtime;

/// The ledger is measured in this process, with what `sluice` allocates with. The floors have the system's allocator, as
/// a webhook has that nobody tuned.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures; `cargo xtask bench --help` says what.
#[derive(Parser)]
#[command(name = "bench")]
struct Args {
    #[arg(long)]
    quick: bool,
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Webhook,
    Admit,
    Creations,
    Ledger,
    Preemption,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

/// How long, and how often.
struct Plan {
    size: Size,
    webhook: (usize, Duration),
    admit: (usize, f64),
    creations: (usize, Duration),
    ledger: (usize, Duration),
    preemption: usize,
}

const FULL: Plan = Plan {
    size: Size { projects: 200, pods: 2_000 },
    webhook: (4, Duration::from_secs(10)),
    admit: (3, 1.0),
    creations: (3, Duration::from_secs(10)),
    ledger: (5, Duration::from_secs(5)),
    preemption: 20,
};
const QUICK: Plan = Plan {
    size: Size { projects: 20, pods: 100 },
    webhook: (1, Duration::from_secs(3)),
    admit: (1, 0.3),
    creations: (1, Duration::from_secs(4)),
    ledger: (1, Duration::from_secs(2)),
    preemption: 5,
};

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<()> {
    let Args { quick, only, output } = args;
    let plan = if quick { QUICK } else { FULL };
    let asked = |part| only.is_empty() || only.contains(&part);
    let begin = Instant::now();
    let mut report = Report::default();
    if asked(Part::Admit) {
        progress("policy_engine::admission::admit");
        let (rounds, seconds) = plan.admit;
        report.admit(admit::measure(rounds, seconds)?);
    }
    if asked(Part::Ledger) {
        progress("the ledger on both databases");
        let (rounds, lasts) = plan.ledger;
        report.ledger(ledger::measure(&Runtime::new()?, &tempfile::tempdir()?, rounds, lasts)?);
    }
    if asked(Part::Webhook) || asked(Part::Creations) || asked(Part::Preemption) {
        on_a_cluster(&plan, asked, &mut report)?;
    }
    progress(format_args!("took {} s", begin.elapsed().as_secs()));
    match output {
        Format::Text => anstream::println!("{report}"),
        Format::Json => {
            anstream::eprintln!("{report}");
            println!("{}", serde_json::to_string_pretty(&report)?);
        }
    }
    Ok(())
}

fn on_a_cluster(plan: &Plan, asked: impl Fn(Part) -> bool, report: &mut Report) -> Result<()> {
    let runtime = Runtime::new()?;
    progress("starting a control plane with Sluice");
    let mut ground = Ground::start(Layout::e2e("bench"))?;
    ground.install_chart(&[])?;
    ground.run_sluice_of(&built("sluice")?, "run")?;
    fill::projects(&ground, plan.size)?;
    let people = fill::people(&ground)?;
    runtime.block_on(fill::pods(&people, plan.size))?;
    if asked(Part::Webhook) {
        let reviews = record::record(&ground, &runtime)?;
        progress("the webhook and its floors");
        let (rounds, lasts) = plan.webhook;
        report.webhook(webhook::compare(&mut ground, &runtime, reviews, rounds, lasts)?);
    }
    if asked(Part::Creations) {
        progress("Pod creations through the API server");
        let (rounds, lasts) = plan.creations;
        report.creations(creations::compare(&mut ground, &runtime, &people, rounds, lasts)?);
    }
    if asked(Part::Preemption) {
        progress("preemptions");
        ground.run_sluice_of(&built("sluice")?, "run")?;
        report.preemption(preemption::measure(&ground, &runtime, &people, plan.preemption, plan.admit)?);
    }
    Ok(())
}

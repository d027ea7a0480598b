//! `cargo xtask fuzz` runs this: every target in turn, with other seeds each time, until the time is up.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use clap::Parser;
use fuzz::{corpus, targets};

/// Cases of one target before it is the next one's turn.
const CASES: u32 = 512;
/// How often progress is shown.
const EVERY: Duration = Duration::from_secs(10);

/// Changes real reviews, records and texts at random, and checks what must hold
#[derive(Parser)]
#[command(name = "cargo xtask fuzz")]
struct Args {
    /// For how long
    #[arg(long, default_value_t = 5)]
    minutes: u64,
    /// Only these targets
    #[arg(long, value_delimiter = ',')]
    target: Vec<String>,
    /// Where the dice begin; another one each time unless given
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> Result<ExitCode> {
    let Args { minutes, target: names, seed } = Args::parse();
    let unknown = names.iter().find(|name| !targets::ALL.iter().any(|target| target.name == name.as_str()));
    let known: Vec<_> = targets::ALL.iter().map(|target| target.name).collect();
    ensure!(
        unknown.is_none(),
        "there is no target {}; there are {}",
        unknown.map_or("", String::as_str),
        known.join(", ")
    );
    let chosen: Vec<_> =
        targets::ALL.iter().filter(|target| names.is_empty() || names.iter().any(|name| name == target.name)).collect();
    let seed = seed.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()));
    println!("seed {seed}, {minutes} min: {}", chosen.iter().map(|target| target.name).collect::<Vec<_>>().join(", "));
    // A panic is a finding, shown once it is as small as it gets.
    std::panic::set_hook(Box::new(|_| {}));
    let (begin, mut shown, mut round) = (Instant::now(), Instant::now(), 0);
    while begin.elapsed() < Duration::from_secs(60 * minutes) {
        for target in &chosen {
            if let Err(found) = target.run(seed.wrapping_add(round), CASES) {
                let file = corpus::keep(target, &found.input)?;
                println!("{}: {}", target.name, found.why);
                println!("{:#}", found.input);
                println!("kept in {}; the tests replay it from now on", file.display());
                println!("again: cargo xtask fuzz --target {} --seed {}", target.name, seed.wrapping_add(round));
                return Ok(ExitCode::FAILURE);
            }
        }
        round += 1;
        if shown.elapsed() >= EVERY {
            shown = Instant::now();
            println!("{:>5} s  {:>9} cases of each target", begin.elapsed().as_secs(), round * u64::from(CASES));
        }
    }
    println!("nothing found in {} cases of each target", round * u64::from(CASES));
    Ok(ExitCode::SUCCESS)
}

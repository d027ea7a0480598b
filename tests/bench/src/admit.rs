//! `policy_engine::admission::admit`, measured by criterion: one Pod, and how the cost grows.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use ground::Layout;
use serde::Serialize;

use crate::numbers::Measured;
use crate::{api, progress};

/// How many projects the policy has, from few to many.
pub const PROJECTS: [usize; 4] = [10, 100, 1_000, 10_000];
/// How many containers the Pod has.
pub const CONTAINERS: [usize; 4] = [1, 10, 100, 1_000];

/// Microseconds of one `admit`.
#[derive(Clone, Debug, Serialize)]
pub struct Admit {
    /// A Pod that a person creates, on a platform of 200 projects.
    pub pod_us: Measured,
    /// The same by the number of projects.
    pub by_projects_us: BTreeMap<usize, Measured>,
    /// The same by the number of the Pod's containers.
    pub by_containers_us: BTreeMap<usize, Measured>,
}

impl Admit {
    /// How many times the cost of few projects that of many is.
    pub fn growth_in_projects(&self) -> Measured {
        let [few, .., many] = PROJECTS;
        self.by_projects_us[&many].over(&self.by_projects_us[&few])
    }

    /// How many times the cost of a hundred containers that of a thousand is. One container says little: what every Pod
    /// costs is in it.
    pub fn growth_in_containers(&self) -> Measured {
        let [.., hundred, thousand] = CONTAINERS;
        self.by_containers_us[&thousand].over(&self.by_containers_us[&hundred])
    }
}

/// Runs criterion so many times, each so many seconds a benchmark.
pub fn measure(rounds: usize, seconds: f64) -> Result<Admit> {
    let home = Layout::up().dir().join("criterion");
    let mut runs = Vec::new();
    for round in 1..=rounds {
        criterion("admit", &home, seconds)?;
        let run = estimates(&home)?;
        progress(format_args!("  round {round} of {rounds}: {:.1} µs a Pod", run.pod));
        runs.push(run);
    }
    let each = |of: fn(&Run) -> &BTreeMap<usize, f64>, sizes: [usize; 4]| {
        sizes.map(|size| (size, Measured::of(runs.iter().map(|run| of(run)[&size])))).into()
    };
    Ok(Admit {
        pod_us: Measured::of(runs.iter().map(|run| run.pod)),
        by_projects_us: each(|run| &run.projects, PROJECTS),
        by_containers_us: each(|run| &run.containers, CONTAINERS),
    })
}

struct Run {
    pod: f64,
    projects: BTreeMap<usize, f64>,
    containers: BTreeMap<usize, f64>,
}

/// Runs a benchmark of the engine. `--workspace`, so that dependencies have the features with which they are compiled already.
pub(crate) fn criterion(bench: &str, home: &Path, seconds: f64) -> Result<()> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["bench", "--quiet", "--workspace", "--bench", bench, "--"]);
    command.args(["--noplot", "--quiet", "--warm-up-time=0.3", "--sample-size=20"]);
    command.arg(format!("--measurement-time={seconds}"));
    command.current_dir(Layout::up().root()).env("CRITERION_HOME", home).stdout(Stdio::null());
    ensure!(command.status().context("cannot run cargo")?.success(), "cargo bench failed");
    Ok(())
}

fn estimates(home: &Path) -> Result<Run> {
    let of_group = |group: &str, sizes: [usize; 4]| -> Result<BTreeMap<usize, f64>> {
        sizes.into_iter().map(|size| Ok((size, median_us(&home.join(group).join(size.to_string()))?))).collect()
    };
    Ok(Run {
        pod: median_us(&home.join("pod"))?,
        projects: of_group("projects", PROJECTS)?,
        containers: of_group("containers", CONTAINERS)?,
    })
}

/// What criterion measured last.
pub(crate) fn median_us(benchmark: &Path) -> Result<f64> {
    let path = benchmark.join("new/estimates.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let nanoseconds = api::parsed(&text)?["median"]["point_estimate"].as_f64();
    Ok(nanoseconds.with_context(|| format!("{} has no median", path.display()))? / 1000.0)
}

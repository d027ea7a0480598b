//! `sluice check`: what is wrong with records, before anybody applies them.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use owo_colors::OwoColorize as _;
use records::convert;
use records::convert::{Grade, Problem};
use records::files;
use serde::Serialize;

use crate::ending::{self, Ending, Failure};
use crate::output::{self, Format};

/// Check records in files: all problems at once
///
/// Exit codes: 0 fine, 2 warnings under --strict, 3 problems.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// A directory of records, or one file
    #[arg(value_name = "DIR")]
    path: PathBuf,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Exit with 2 where something refers to what is not there, or has no effect in this version
    #[arg(long)]
    strict: bool,
}

/// What is said of what is not among the files: it may be in the cluster.
const HERE_ABSENT: &str = " is not in these files; ";
const ASK_THE_CLUSTER: &str =
    "what is not in these files may be in the cluster: kubectl apply --dry-run=server -f asks it";

/// Everything that was found: the contract of `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Findings {
    records: usize,
    problems: Vec<Finding>,
    warnings: Vec<Finding>,
}

/// One thing that was found.
#[derive(Serialize)]
struct Finding {
    file: Option<String>,
    kind: Option<&'static str>,
    name: String,
    field: String,
    message: String,
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        let Problem { grade: _, kind, name, field, message, origin } = problem;
        Self { file: origin, kind: kind.map(|kind| kind.name()), name, field, message }
    }
}

impl Check {
    pub(crate) fn run(self) -> Result<Ending, Failure> {
        let Self { path, output, strict } = self;
        let (raw, mut found) = files::read(&path).map_err(Failure::input)?;
        // The chart's policy stands in where none is given, and is nobody's record.
        let records = raw.iter().filter(|record| record.origin.as_deref() != Some(files::CHART_POLICY)).count();
        found.extend(convert::build(&raw).1);
        found.extend(raw.iter().flat_map(convert::without_effect));
        let now = Timestamp::now();
        found.extend(raw.iter().flat_map(|record| convert::closed_for_good(record, now)));
        if records == 0 && found.is_empty() {
            return Err(Failure::input(anyhow::anyhow!("{}: there is no record of sluice.dev", path.display())));
        }
        let (problems, mut warnings): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|problem| problem.grade == Grade::Refused);
        // Nobody was asked but the files.
        let mut asks_cluster = false;
        for warning in warnings.iter_mut().filter(|warning| warning.message.contains(convert::ABSENT)) {
            warning.message = warning.message.replacen(convert::ABSENT, HERE_ABSENT, 1);
            asks_cluster = true;
        }
        let ending = match (problems.is_empty(), warnings.is_empty()) {
            (false, _) => Ending::BadInput,
            (true, false) if strict => Ending::Warned,
            (true, _) => Ending::Fine,
        };
        match output {
            Format::Text => {
                text(records, &problems, &warnings)?;
                if asks_cluster {
                    ending::note(ASK_THE_CLUSTER);
                }
            }
            Format::Json => {
                let [problems, warnings] = [problems, warnings].map(|all| all.into_iter().map(Finding::from).collect());
                output::print(&output::json(&Findings { records, problems, warnings })?)?;
            }
        }
        Ok(ending)
    }
}

fn text(records: usize, problems: &[Problem], warnings: &[Problem]) -> Result<(), Failure> {
    for problem in problems {
        ending::report(&anyhow::anyhow!("{problem}"));
    }
    for warning in warnings {
        ending::warn(warning);
    }
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let summary = format!(
        "{}: {}, {}",
        count(records, "record"),
        count(problems.len(), "problem"),
        count(warnings.len(), "warning")
    );
    let painted = if problems.is_empty() { summary.green().to_string() } else { summary.red().to_string() };
    output::print(&(painted + "\n"))?;
    Ok(())
}

//! The tour's workloads: submitted as the people named in their file names, with the answers shown.
//!
//! `examples/tour/NN-<user>-<what>.yaml`. A refusal is an answer, not a failure.

use crate::paint::{bad, good, heading, notable};
use anyhow::{Context, Result};
use ground::{Ground, Output, Who};
use std::path::{Path, PathBuf};

const TOUR: &str = "examples/tour";

/// One file and what the API server said to it.
pub(crate) struct Answer {
    file: String,
    user: String,
    output: Output,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Admitted,
    /// Admitted, with warnings: something else was asked than what was written.
    Changed,
    Refused,
}

impl Answer {
    fn verdict(&self) -> Verdict {
        match (self.output.success, self.output.stderr.contains("Warning:")) {
            (false, _) => Verdict::Refused,
            (true, true) => Verdict::Changed,
            (true, false) => Verdict::Admitted,
        }
    }
}

/// Submits every file, then waits until the Pods of what was admitted run.
pub(crate) fn submit(ground: &Ground) -> Result<Vec<Answer>> {
    let mut answers = Vec::new();
    for path in files(&ground.layout().root().join(TOUR))? {
        let Some((file, user)) = parts(&path) else { continue };
        let relative = format!("{TOUR}/{file}");
        let output = ground.kubectl(Who::User(&user), &["apply", "-f", &relative])?;
        if output.success {
            wait_running(ground, &relative)?;
        }
        answers.push(Answer { file, user, output });
    }
    Ok(answers)
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    Ok(files)
}

/// File name and user of `10-alice-deployment.yaml`.
fn parts(path: &Path) -> Option<(String, String)> {
    let file = path.file_name()?.to_str()?;
    let user = file.split('-').nth(1)?;
    Some((file.to_owned(), user.to_owned()))
}

/// A workload that was admitted but whose Pods are refused later would look fine in the first answer.
fn wait_running(ground: &Ground, file: &str) -> Result<()> {
    let listed = ground.admin(&["get", "-f", file, "-o=json"])?;
    let listed: serde_json::Value = serde_json::from_str(&listed)?;
    let single = std::slice::from_ref(&listed);
    let objects = listed["items"].as_array().map_or(single, Vec::as_slice);
    for object in objects {
        let Some(path) = ready_path(object["kind"].as_str().unwrap_or_default()) else { continue };
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default();
        let what = format!("{kind} {name} in {namespace} to run");
        ground::until(&what, 30, || {
            let answer = ground.admin(&["-n", namespace, "get", kind, name, &format!("-o=jsonpath={path}")])?;
            let runs = answer.split_ascii_whitespace().any(|word| word != "0" && word != "Pending");
            Ok::<_, anyhow::Error>(runs.then_some(()))
        })?;
    }
    Ok(())
}

/// Where a kind says that its Pods run: a count, or a phase.
fn ready_path(kind: &str) -> Option<&'static str> {
    match kind {
        "Pod" => Some("{.status.phase}"),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "ReplicationController" => Some("{.status.readyReplicas}"),
        "DaemonSet" => Some("{.status.numberReady}"),
        "Job" => Some("{.status.ready} {.status.succeeded}"),
        _ => None,
    }
}

pub(crate) fn print(answers: &[Answer]) {
    for (verdict, title) in [
        (Verdict::Admitted, good("Admitted")),
        (Verdict::Changed, notable("Admitted, with changes")),
        (Verdict::Refused, bad("Refused")),
    ] {
        let of_this: Vec<&Answer> = answers.iter().filter(|answer| answer.verdict() == verdict).collect();
        if of_this.is_empty() {
            continue;
        }
        println!("\n{}", heading(title));
        for answer in of_this {
            println!("  {} submits {}", heading(&answer.user), answer.file);
            let said = answer.output.stdout.lines().chain(answer.output.stderr.lines());
            said.filter(|line| !line.trim().is_empty()).for_each(|line| println!("      {line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_says_who_submits() {
        let (file, user) = parts(Path::new("examples/tour/10-alice-plain-deployment.yaml")).unwrap();
        assert_eq!((file.as_str(), user.as_str()), ("10-alice-plain-deployment.yaml", "alice"));
        assert!(parts(Path::new("README.yaml")).is_none());
    }
}

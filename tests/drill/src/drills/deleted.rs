//! Break-glass: the webhook configurations are deleted, and come back.

use crate::Drill;
use crate::journal::Group;
use crate::load::FOREIGN;
use crate::stage::Stage;
use crate::webhooks;
use anyhow::{Context, Result};
use ground::Output;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

pub(super) const DRILL: Drill =
    Drill { name: "deleted", about: "the webhook configurations are deleted (break-glass) and come back", run };

fn run(stage: &mut Stage<'_>) -> Result<()> {
    stage.phase("deleting");
    stage.break_glass(true);
    webhooks::remove(stage.ground)?;
    stage.await_acceptance(Group::Forbidden)?;
    stage.phase("ungoverned");
    stage.watch(&Group::ALL)?;
    stage.phase("coming back");
    let begin = Instant::now();
    stage.ground.install_chart(&[])?;
    stage.await_refusal(Group::Forbidden, "denied: image")?;
    stage.break_glass(false);
    stage.recover(begin)?;
    let (made, found) = (forbidden(stage)?, audit(stage)?);
    let missed: Vec<&String> = made.iter().filter(|name| !found.contains(*name)).collect();

    stage.expect_accepted("ungoverned", &Group::ALL);
    let said = format!("{} made, {} missed", made.len(), missed.len());
    stage.expect("after: `sluice audit` names what was made meanwhile", !made.is_empty() && missed.is_empty(), said);
    Ok(())
}

/// The Pods of this drill that policy forbids, as `namespace/name`.
fn forbidden(stage: &Stage<'_>) -> Result<Vec<String>> {
    let each = r#"{range .items[*]}{.spec.containers[0].image} {.metadata.namespace}/{.metadata.name}{"\n"}{end}"#;
    let args = ["get", "pods", "-A", "-l", &stage.selector(), &format!("-o=jsonpath={each}")];
    let listed = stage.ground.admin(&args)?;
    let names = listed.lines().filter_map(|line| line.strip_prefix(FOREIGN)?.strip_prefix(' '));
    Ok(names.map(str::to_owned).collect())
}

/// What `sluice audit` finds, as `namespace/name`.
fn audit(stage: &Stage<'_>) -> Result<BTreeSet<String>> {
    let layout = stage.ground.layout();
    let mut command = Command::new(layout.bin("sluice"));
    command.args(["audit", "-o", "json"]).env("KUBECONFIG", layout.admin_kubeconfig());
    let output = Output::of(command, "")?;
    let found: Value = serde_json::from_str(&output.stdout).with_context(|| output.stderr.clone())?;
    let findings = found["findings"].as_array().context("sluice audit finds nothing")?;
    let name = |finding: &Value| Some(format!("{}/{}", finding["namespace"].as_str()?, finding["name"].as_str()?));
    Ok(findings.iter().filter_map(name).collect())
}

//! Two Sluices that say different things decide side by side, as during a rollout: one makes the mutating calls'
//! answers, the other those of the validating calls.
//!
//! The second one may be another build (`--other FILE`). Whatever it is, the network between it and the API server falls
//! silent before the records change, so it decides by other records than the first: what either forbids must not be
//! let through, and what was admitted must stay.

use crate::Drill;
use crate::journal::Group;
use crate::relay::Relay;
use crate::stage::Stage;
use crate::webhooks::calls;
use anyhow::{Context, Result};
use ground::{Doors, Ground, Replica, until};
use serde_json::json;
use std::path::PathBuf;
use std::time::Instant;

pub(super) const DRILL: Drill =
    Drill { name: "versions", about: "two that decide differently answer the mutating and the validating calls", run };

/// bob works in it; the second Sluice never hears that everything is allowed there now.
const PROJECT: &str = "project.sluice.dev/detector";

fn run(stage: &mut Stage<'_>) -> Result<()> {
    let (network, doors) = second(stage)?;
    let images = stage.ground.admin(&["get", PROJECT, "-o=jsonpath={.spec.images}"])?;
    let outcome = decide(stage, &network, doors);
    let patch = format!("{{\"spec\": {{\"images\": {images}}}}}");
    stage.ground.admin(&["patch", PROJECT, "--type=merge", "-p", &patch])?;
    outcome
}

/// A second Sluice, and the network between it and the API server.
pub(super) fn second(stage: &mut Stage<'_>) -> Result<(Relay, Doors)> {
    let (network, kubeconfig) = network(stage.ground)?;
    let program = stage.options.other.clone();
    let doors = stage.ground.start_replica(&Replica { program, kubeconfig: Some(kubeconfig), ..Replica::default() })?;
    until("the second sluice to be ready", 30, || Ok::<_, anyhow::Error>(doors.ready().then_some(())))?;
    Ok((network, doors))
}

fn network(ground: &Ground) -> Result<(Relay, PathBuf)> {
    let direct = std::fs::read_to_string(ground.layout().component_kubeconfig("sluice"))?;
    let (_, rest) = direct.split_once("https://127.0.0.1:").context("a kubeconfig without a server")?;
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let relay = Relay::start(&[port.parse()?])?;
    let kubeconfig = ground.layout().component_kubeconfig("sluice-2");
    let text = direct.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{}", relay.port()));
    std::fs::write(&kubeconfig, text)?;
    Ok((relay, kubeconfig))
}

/// One moves after the other, and never are both calls with the one that allows more.
fn decide(stage: &mut Stage<'_>, network: &Relay, second: Doors) -> Result<()> {
    let first = stage.ground.webhook_port()?;
    stage.phase("moving");
    stage.point(second.webhook, first)?;
    await_calls("the second to mutate", &["mutate"], || second.says("/metrics"))?;
    network.set_silent(true);
    // The first allows any image from now on, the second as few as before.
    let patch = json!({"spec": {"images": ["**"]}}).to_string();
    stage.ground.admin(&["patch", PROJECT, "--type=merge", "-p", &patch])?;
    stage.phase("second mutates");
    stage.watch(&Group::ALL)?;
    stage.phase("moving on");
    stage.point(second.webhook, second.webhook)?;
    await_calls("the second to validate", &["validate"], || second.says("/metrics"))?;
    stage.point(first, second.webhook)?;
    await_calls("the first to mutate", &["mutate"], || stage.ground.sluice_says("/metrics"))?;
    stage.phase("second validates");
    stage.watch(&Group::ALL)?;
    stage.phase("one again");
    let few = json!({"spec": {"images": ["registry.example.com/**"]}}).to_string();
    stage.ground.admin(&["patch", PROJECT, "--type=merge", "-p", &few])?;
    let refuses = ["mutate", "refused"];
    await_calls("the first to refuse again", &refuses, || stage.ground.sluice_says("/metrics"))?;
    let begin = Instant::now();
    stage.point(first, first)?;
    stage.recover(begin)?;

    for phase in ["second mutates", "second validates"] {
        let work = [Group::Create, Group::Update, Group::Delete, Group::Elsewhere, Group::KubeSystem];
        stage.expect_accepted(phase, &work);
        stage.expect_refused(phase, &[Group::Forbidden], &["denied: image"]);
    }
    Ok(())
}

/// Returns when there were more calls with these labels than there are now.
fn await_calls(what: &str, labels: &[&str], page: impl Fn() -> Option<(u16, String)>) -> Result<()> {
    let count = || page().map_or(0, |(_, page)| calls(&page, labels));
    let before = count();
    until(what, 30, || Ok::<_, anyhow::Error>((count() > before).then_some(())))
}

//! At rest: what `sluice usage` says against what the objects say.

use super::history::History;
use super::project::{NAMESPACE, PEOPLE};
use super::send::Log;
use super::state::{Held, State, show};
use super::sums::Amounts;
use anyhow::{Context, Result};
use ground::{Ground, Output};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The API server may work on a request for a minute, and only then is a Pod that never came known not to come.
const SETTLING: Duration = Duration::from_secs(150);
const LOOK: Duration = Duration::from_millis(300);

/// What one account has: used, and reserved.
type Sums = (Amounts, Amounts);

/// What is different still when everything has had its time to settle.
pub(super) fn differences(ground: &Ground, history: &History, log: &Log, when: &str) -> Result<Vec<String>> {
    let begin = Instant::now();
    loop {
        let (state, revision) = history.now();
        let usage = usage(ground)?;
        let held = state.held();
        let different = accounts().filter_map(|account| compare(account, &usage, &held).transpose());
        let different: Vec<String> = different.collect::<Result<_>>()?;
        // What changed while Sluice was asked may be the difference, or hide one.
        let is_settled = history.now().1 == revision;
        if is_settled && different.is_empty() {
            eprintln!("  {when}: the same sums after {:.1} s", begin.elapsed().as_secs_f64());
            return Ok(Vec::new());
        }
        if begin.elapsed() > SETTLING {
            let by = explain(&usage, &state, log)?;
            let unsettled = if is_settled { "" } else { " (objects still change)" };
            return Ok(vec![format!("{when}{unsettled}:\n{}{by}", different.concat())]);
        }
        sleep(LOOK);
    }
}

fn accounts() -> impl Iterator<Item = Option<&'static str>> {
    PEOPLE.into_iter().map(Some).chain([None])
}

fn compare(account: Option<&str>, usage: &Value, held: &[Held]) -> Result<Option<String>> {
    let says = said(account, usage)?;
    let (mut used, mut reserved) = Sums::default();
    for held in held.iter().filter(|held| account.is_none_or(|user| held.user == user)) {
        *(if held.used { &mut used } else { &mut reserved }) += held.amounts;
    }
    Ok((says != (used, reserved)).then(|| {
        let whose = account.unwrap_or("the project");
        let (says_used, says_reserved) = says;
        format!(
            "  {whose}: Sluice says used {says_used}, reserved {says_reserved}\n  {whose}: objects say used {used}, reserved {reserved}\n"
        )
    }))
}

fn said(account: Option<&str>, usage: &Value) -> Result<Sums> {
    let lines = usage["accounts"].as_array().context("usage without accounts")?;
    let line = lines.iter().find(|line| line["project"] == NAMESPACE && line["user"].as_str() == account);
    // A user who has nothing has no line.
    let Some(line) = line else { return Ok(Sums::default()) };
    Ok((Amounts::read(line, Some("used"))?, Amounts::read(line, Some("reserved"))?))
}

/// Object by object, what only one of both knows, and the requests about it.
fn explain(usage: &Value, state: &State, log: &Log) -> Result<String> {
    let held = state.held();
    let charges = usage["held"].as_array().into_iter().flatten();
    let charged = charges.map(|line| {
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let kind = match line["kind"].as_str() {
            Some("Pod") => "Pod",
            Some("ResourceClaim") => "ResourceClaim",
            _ => "ResourceClaim to be made",
        };
        let used = line["used"] == true;
        Ok(Held { kind, name: text("name"), user: text("user"), used, amounts: Amounts::read(line, None)? })
    });
    let charged: Vec<Held> = charged.collect::<Result<_>>()?;
    let only_charged: Vec<&Held> = charged.iter().filter(|it| !held.contains(it)).collect();
    let only_held: Vec<&Held> = held.iter().filter(|it| !charged.contains(it)).collect();
    let names: BTreeSet<String> = only_charged.iter().chain(&only_held).map(|it| it.name.clone()).collect();
    Ok(format!(
        "  only Sluice says:\n{}  only the objects say:\n{}{}{}",
        show(&only_charged),
        show(&only_held),
        state.describe(&names),
        log.about(&names, Instant::now())
    ))
}

fn usage(ground: &Ground) -> Result<Value> {
    let mut command = Command::new(ground.layout().bin("sluice"));
    let project = format!("--project={NAMESPACE}");
    command.args(["usage", &project, "-o=json", "--database-url", &ground.layout().database_url()]);
    command.env("KUBECONFIG", ground.layout().admin_kubeconfig());
    Ok(serde_json::from_str(&Output::of(command, "")?.ok("sluice usage")?)?)
}

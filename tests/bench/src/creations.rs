//! Pod creations a second through the API server, with Sluice and without.
//!
//! The same person creates the same gated Pods in the same namespace; *without* means that Sluice's webhook configurations
//! are deleted, so that the API server does not even look for a webhook. In both cases `sluice run` runs, daemons and all.
//! The counts of Sluice's own metrics prove which of the two was measured.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use ground::{Ground, Who};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::numbers::Measured;
use crate::objects::{person, pod, project};
use crate::servers::built;
use crate::wire::Door;
use crate::{api, progress};

const KINDS: [&str; 2] = ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"];
const SOON: u64 = 60;

/// Creations a second, run by run.
#[derive(Clone, Debug, Serialize)]
pub struct Creations {
    /// With Sluice.
    pub on: Measured,
    /// Without.
    pub off: Measured,
}

/// Both in turns.
pub fn compare(
    ground: &mut Ground,
    runtime: &Runtime,
    people: &[Door],
    rounds: usize,
    lasts: Duration,
) -> Result<Creations> {
    ground.run_sluice_of(&built("sluice")?, "run")?;
    let configurations = saved(ground)?;
    let admin = api::door(&ground.layout().admin_kubeconfig())?;
    let (mut on, mut off) = (Vec::new(), Vec::new());
    let run = |ground: &Ground, is_on: bool| -> Result<f64> {
        switch(ground, &configurations, is_on)?;
        let before = Calls::read(ground)?;
        let (count, took) = runtime.block_on(create(&people[0], lasts))?;
        let after = Calls::read(ground)?;
        let judged = after.judged(before, count as u64, is_on);
        ensure!(judged, "{count} Pods were created; Sluice had answered {before:?} before and {after:?} after");
        runtime.block_on(clear(&admin))?;
        Ok(count as f64 / took.as_secs_f64())
    };
    for round in 1..=rounds {
        // Who comes first changes: the database grows.
        for is_on in if round % 2 == 1 { [false, true] } else { [true, false] } {
            let rate = run(ground, is_on)?;
            let how = if is_on { "with Sluice" } else { "without" };
            progress(format_args!("  round {round} of {rounds}: {how:<14} {rate:>8.0} Pods/s"));
            if is_on { &mut on } else { &mut off }.push(rate);
        }
    }
    switch(ground, &configurations, true)?;
    Ok(Creations { on: Measured::of(on), off: Measured::of(off) })
}

/// Creates Pods with all clients for a while.
async fn create(person: &Door, lasts: Duration) -> Result<(usize, Duration)> {
    let connections = try_join_all((0..api::CLIENTS).map(|_| person.connect())).await?;
    let started = Instant::now();
    let each = connections.into_iter().enumerate().map(|(client, mut connection)| async move {
        let mut count = 0;
        while started.elapsed() < lasts {
            api::create(&mut connection, &project(0), &format!("rate-{client:02}-{count:05}")).await?;
            count += 1;
        }
        anyhow::Ok(count)
    });
    let counts: Vec<usize> = try_join_all(each).await?;
    Ok((counts.iter().sum(), started.elapsed()))
}

/// Deletes what was created, by the labels of all Pods that the bench makes.
async fn clear(admin: &Door) -> Result<()> {
    api::delete_all(&mut admin.connect().await?, &project(0), "app.kubernetes.io/part-of=bench").await
}

/// Sluice's webhook configurations as they are, with the CA, and without what only the API server writes.
fn saved(ground: &Ground) -> Result<Value> {
    let items = KINDS.iter().map(|kind| {
        let mut object = api::parsed(&ground.admin(&["get", kind, ground::RELEASE, "-o=json"])?)?;
        let metadata = object["metadata"].as_object_mut().context("no metadata")?;
        metadata.retain(|key, _| ["name", "labels", "annotations"].contains(&key.as_str()));
        Ok(object)
    });
    let items = items.collect::<Result<Vec<Value>>>()?;
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": items}))
}

/// Puts Sluice into the way or takes it out, and waits until the API server has heard of both configurations.
fn switch(ground: &Ground, configurations: &Value, on: bool) -> Result<()> {
    if on {
        ground.admin_apply(&configurations.to_string())?;
    } else {
        ground.admin(&["delete", "--ignore-not-found", &KINDS.join(","), ground::RELEASE])?;
    }
    let what = if on { "the API server to call Sluice" } else { "the API server to leave Sluice alone" };
    let (namespace, person, probe) = (project(0), person(0), pod("probe").to_string());
    ground::until(what, SOON, || {
        let before = Calls::read(ground)?;
        let args = ["-n", &namespace, "create", "--dry-run=server", "-f", "-"];
        let created = ground.kubectl_with(Who::User(&person), &args, &probe)?.success;
        anyhow::Ok((created && Calls::read(ground)?.judged(before, 1, on)).then_some(()))
    })
}

/// How many governed reviews Sluice has answered. The mutating entry is called again for a Pod whose priority the API
/// server has filled in behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Calls {
    mutate: u64,
    validate: u64,
}

impl Calls {
    fn read(ground: &Ground) -> Result<Self> {
        let text = api::get_plain(&format!("{}/metrics", ground.metrics_url()?))?;
        Ok(Self { mutate: count(&text, "mutate")?, validate: count(&text, "validate")? })
    }

    /// Whether each of so many Pods was judged, or none was, since an earlier reading.
    fn judged(self, before: Self, pods: u64, on: bool) -> bool {
        if on { self.validate == before.validate + pods && self.mutate >= before.mutate + pods } else { self == before }
    }
}

/// The calls of an entry, whatever their answer was.
fn count(metrics: &str, entry: &str) -> Result<u64> {
    let name = format!("sluice_webhook_call_duration_seconds_count{{entry=\"{entry}\"");
    let lines = metrics.lines().filter(|line| line.starts_with(&name));
    let counts = lines.map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<u64>());
    counts.sum::<Result<u64, _>>().context("a count of another shape")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_entry() {
        let metrics = "sluice_webhook_call_duration_seconds_count{entry=\"mutate\",answer=\"allowed\"} 230\n\
                       sluice_webhook_call_duration_seconds_count{entry=\"mutate\",answer=\"refused\"} 2\n\
                       sluice_webhook_call_duration_seconds_count{entry=\"validate\",answer=\"allowed\"} 115\n\
                       sluice_webhook_outages 7\n";
        assert_eq!(count(metrics, "mutate").expect("counts"), 232);
        assert_eq!(count(metrics, "deletes").expect("counts"), 0);
        let (before, after) = (Calls { mutate: 0, validate: 0 }, Calls { mutate: 4, validate: 2 });
        assert!(after.judged(before, 2, true) && !after.judged(before, 3, true) && !after.judged(before, 2, false));
        assert!(before.judged(before, 9, false));
    }
}

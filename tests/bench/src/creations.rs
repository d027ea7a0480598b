//! Pod creations a second through the API server, with Sluice, with a webhook that parses and allows, and without any.
//!
//! The same person creates the same gated Pods in the same namespace; *without* means that Sluice's webhook configurations
//! are deleted, so that the API server does not even look for a webhook; *floor* that they name the parsing floor instead:
//! what the API server itself spends on calling webhooks. In all cases `sluice run` runs, daemons and all.
//! The counts of Sluice's own metrics prove whether it was asked.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use ground::{Ground, Who};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::floor::Floor;
use crate::numbers::Measured;
use crate::objects::{person, pod, project};
use crate::servers::{Running, Server, built};
use crate::wire::Door;
use crate::{api, progress};

const KINDS: [&str; 2] = ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"];
const SOON: u64 = 60;

/// Creations a second, run by run.
#[derive(Clone, Debug, Serialize)]
pub struct Creations {
    /// With Sluice.
    pub on: Measured,
    /// With webhooks at the same places that parse and allow.
    pub floor: Measured,
    /// Without.
    pub off: Measured,
}

/// What stands in the way of a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Off,
    Floor,
    On,
}

impl Way {
    const ALL: [Self; 3] = [Self::Off, Self::Floor, Self::On];

    fn label(self) -> &'static str {
        match self {
            Self::Off => "without",
            Self::Floor => "parsing floor",
            Self::On => "with Sluice",
        }
    }
}

/// All in turns.
pub fn compare(
    ground: &mut Ground,
    runtime: &Runtime,
    people: &[Door],
    rounds: usize,
    lasts: Duration,
) -> Result<Creations> {
    ground.run_sluice_of(&built("sluice")?, "run")?;
    let floor = Running::start(Server::Floor(Floor::Parse), ground)?;
    let ours = saved(ground)?;
    let idle = elsewhere(&ours, &ground.webhook_url()?, &floor.target.url());
    let admin = api::door(&ground.layout().admin_kubeconfig())?;
    let mut rates = Way::ALL.map(|_| Vec::new());
    let run = |ground: &Ground, way: Way| -> Result<f64> {
        let configurations = match way {
            Way::Off => None,
            Way::Floor => Some(&idle),
            Way::On => Some(&ours),
        };
        switch(ground, configurations, way)?;
        let before = Calls::read(ground)?;
        let (count, took) = runtime.block_on(create(&people[0], lasts))?;
        let after = Calls::read(ground)?;
        let judged = after.judged(before, count as u64, way == Way::On);
        ensure!(judged, "{count} Pods were created; Sluice had answered {before:?} before and {after:?} after");
        runtime.block_on(clear(&admin))?;
        Ok(count as f64 / took.as_secs_f64())
    };
    for round in 0..rounds {
        // Who comes first changes: the database grows.
        for turn in 0..Way::ALL.len() {
            let index = (round + turn) % Way::ALL.len();
            let way = Way::ALL[index];
            let rate = run(ground, way)?;
            progress(format_args!("  round {} of {rounds}: {:<14} {rate:>8.0} Pods/s", round + 1, way.label()));
            rates[index].push(rate);
        }
    }
    switch(ground, Some(&ours), Way::On)?;
    floor.stop(ground)?;
    let [off, idle, on] = rates.map(Measured::of);
    Ok(Creations { on, floor: idle, off })
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

/// The same webhooks at another address, whose certificate is of the same CA.
fn elsewhere(configurations: &Value, from: &str, to: &str) -> Value {
    let mut moved = configurations.clone();
    for webhook in moved["items"].as_array_mut().into_iter().flatten().filter_map(|it| it["webhooks"].as_array_mut()) {
        for config in webhook.iter_mut().map(|it| &mut it["clientConfig"]) {
            config["url"] = config["url"].as_str().map(|url| url.replacen(from, to, 1)).into();
        }
    }
    moved
}

/// Puts something into the way or takes it out, and waits until the API server has heard of both configurations.
fn switch(ground: &Ground, configurations: Option<&Value>, way: Way) -> Result<()> {
    if let Some(configurations) = configurations {
        ground.admin_apply(&configurations.to_string())?;
    } else {
        ground.admin(&["delete", "--ignore-not-found", &KINDS.join(","), ground::RELEASE])?;
    }
    let on = way == Way::On;
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

//! How long a Pod of a higher queue waits for the device of a lower one, on a real control plane; and what a plan costs.
//!
//! Eight devices are full. Time runs from the moment when the scheduler has said that the Pod fits nowhere, as a client sees it, until
//! that client sees it running; with Pods that end at once, and with Pods that take two seconds to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use axum::body::Bytes;
use ground::{Ground, Layout};
use hyper::Method;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::admit::{criterion, median_us};
use crate::numbers::Measured;
use crate::objects::{person, record};
use crate::wire::{Connection, Door};
use crate::{api, progress};

/// How many devices the cluster of a plan has, from few to many.
pub const DEVICES: [usize; 4] = [100, 1_000, 4_000, 10_000];
/// The name of the project, its plan and its namespace.
const NAME: &str = "bench-preemption";
/// How many devices are full.
const FULL: usize = 8;
/// How long anything may take.
const SOON: Duration = Duration::from_secs(60);
/// How often a client looks.
const LOOK: Duration = Duration::from_millis(5);

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Preemption {
    /// Seconds from *unschedulable* to *running*, victims ending at once.
    pub median_s: Measured,
    /// The same with victims that take two seconds to end.
    pub with_grace_s: Measured,
    /// Milliseconds of one plan, by the number of devices, as many Pods on them.
    pub plan_ms: BTreeMap<usize, Measured>,
    /// Of these, that for 4,000.
    pub plan_4000_ms: Measured,
    /// How many times the cost for 1,000 devices that for 10,000 is.
    pub plan_growth_1000_to_10000: Measured,
}

/// Measures so many preemptions of either kind, and plans for so many rounds, each so many seconds a benchmark.
pub fn measure(
    ground: &Ground,
    runtime: &Runtime,
    people: &[Door],
    preemptions: usize,
    (rounds, seconds): (usize, f64),
) -> Result<Preemption> {
    let plan_ms = plans(rounds, seconds)?;
    ground.admin_apply(&organisation().to_string())?;
    let class = format!("priorityclass/platform-go-{NAME}-high");
    ground::until("the queues and the namespace", SOON.as_secs(), || {
        let there = |what: &str| anyhow::Ok(!ground.admin(&["get", what, "--ignore-not-found", "-o=name"])?.is_empty());
        let may = || anyhow::Ok(!ground.admin(&["-n", NAME, "get", "rolebindings", "-o=name"])?.is_empty());
        anyhow::Ok((there(&class)? && there(&format!("namespace/{NAME}"))? && may()?).then_some(()))
    })?;
    let timed = |grace: u64| runtime.block_on(preempt(&people[0], preemptions, grace));
    let (median_s, with_grace_s) = (timed(0)?, timed(2)?);
    let plan_4000_ms = plan_ms[&4_000].clone();
    let plan_growth_1000_to_10000 = plan_ms[&10_000].over(&plan_ms[&1_000]);
    Ok(Preemption { median_s, with_grace_s, plan_ms, plan_4000_ms, plan_growth_1000_to_10000 })
}

fn plans(rounds: usize, seconds: f64) -> Result<BTreeMap<usize, Measured>> {
    let home = Layout::up().dir().join("criterion");
    let mut runs: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for round in 1..=rounds {
        criterion("preempt", &home, seconds)?;
        for devices in DEVICES {
            let took = median_us(&home.join("preemption").join(devices.to_string()))? / 1000.0;
            runs.entry(devices).or_default().push(took);
        }
        progress(format_args!(
            "  round {round} of {rounds}: {:.1} ms a plan for 4,000 devices",
            runs[&4_000][round - 1]
        ));
    }
    Ok(runs.into_iter().map(|(devices, runs)| (devices, Measured::of(runs))).collect())
}

fn organisation() -> Value {
    let queue = |name: &str, priority: i32| {
        record("PlatformQueue", &format!("{NAME}-{name}"), json!({"priority": priority, "preemptible": true}))
    };
    let quota = json!({"gpu": 2 * FULL, "devices": 2 * FULL, "cpu": 64, "memory": "256Gi"});
    let queues = json!([format!("{NAME}-low"), format!("{NAME}-high")]);
    let model = json!({"deviceClassName": "gpu.nvidia.com", "productNames": ["NVIDIA H100 80GB HBM3"]});
    let members = json!([{"user": person(0), "role": "Admin"}]);
    let images = json!(["registry.example.com/**"]);
    let items = [
        queue("low", 60),
        queue("high", 700),
        record("GpuModel", "bench-h100", model),
        record("ResourcePlan", NAME, json!({"quota": quota, "gpuModels": ["bench-h100"], "queues": queues})),
        record("Project", NAME, json!({"group": "bench", "plan": NAME, "members": members, "images": images})),
    ];
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// Seconds of each preemption.
async fn preempt(door: &Door, count: usize, grace: u64) -> Result<Measured> {
    let mut client = Client { connection: door.connect().await? };
    for index in 0..FULL {
        let name = format!("low-{grace}-{index}");
        client.create(&name, "low", grace).await?;
        client.runs(&name).await?;
    }
    let mut runs = Vec::new();
    for round in 0..count {
        let name = format!("high-{grace}-{round}");
        client.create(&name, "high", 0).await?;
        runs.push(client.timed(&name).await?.as_secs_f64());
        client.delete(&name).await?;
        // What was taken is full again.
        let refill = format!("low-{grace}-{}", FULL + round);
        client.create(&refill, "low", grace).await?;
        client.runs(&refill).await?;
    }
    progress(format_args!(
        "  {count} preemptions with {grace} s grace: {:.2} s",
        Measured::of(runs.iter().copied()).value
    ));
    api::delete_all(&mut client.connection, NAME, "app=preempt").await?;
    Ok(Measured::of(runs))
}

struct Client {
    connection: Connection,
}

impl Client {
    /// A Pod that asks one device; it takes all of its grace to end.
    async fn create(&mut self, name: &str, queue: &str, grace: u64) -> Result<()> {
        let labels = json!({
            "app": "preempt",
            "platform-go/queue-name": format!("{NAME}-{queue}"),
            "platform-go/dra-gpu-model": "bench-h100",
            "platform-go/dra-sharing-mode": "inline",
        });
        let annotations = if grace > 0 { json!({"simulation.sluice.dev/stop-after": "never"}) } else { json!({}) };
        let containers = json!([{"name": "main", "image": "registry.example.com/app:1"}]);
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": labels, "annotations": annotations},
            "spec": {"terminationGracePeriodSeconds": grace, "containers": containers},
        });
        let path = format!("/api/v1/namespaces/{NAME}/pods");
        let begun = Instant::now();
        loop {
            let (status, answer) = self.connection.send(Method::POST, &path, pod.to_string().into()).await?;
            match status.as_u16() {
                201 => return Ok(()),
                // The records are not in force yet, or a Pod that was deleted still holds its room.
                403 if begun.elapsed() < SOON => tokio::time::sleep(LOOK * 20).await,
                _ => bail!("Pod {name} was not created: {}", String::from_utf8_lossy(&answer)),
            }
        }
    }

    async fn pod(&mut self, name: &str) -> Result<Option<Value>> {
        let path = format!("/api/v1/namespaces/{NAME}/pods/{name}");
        let (status, answer) = self.connection.send(Method::GET, &path, Bytes::new()).await?;
        Ok(if status == 200 { Some(api::parsed(std::str::from_utf8(&answer)?)?) } else { None })
    }

    async fn runs(&mut self, name: &str) -> Result<()> {
        let begun = Instant::now();
        while self.pod(name).await?.is_none_or(|pod| pod["status"]["phase"] != "Running") {
            ensure!(begun.elapsed() < SOON, "Pod {name} does not run");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// How long from *unschedulable* to *running*.
    async fn timed(&mut self, name: &str) -> Result<Duration> {
        let begun = Instant::now();
        let mut waits: Option<Instant> = None;
        loop {
            let pod = self.pod(name).await?.with_context(|| format!("Pod {name} is gone"))?;
            let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
            if waits.is_none() && conditions.any(|it| it["reason"] == "Unschedulable") {
                waits = Some(Instant::now());
            }
            if pod["status"]["phase"] == "Running" {
                return Ok(waits.with_context(|| format!("Pod {name} did not have to wait"))?.elapsed());
            }
            ensure!(begun.elapsed() < SOON, "no room was made for Pod {name}");
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn delete(&mut self, name: &str) -> Result<()> {
        let path = format!("/api/v1/namespaces/{NAME}/pods/{name}");
        let (status, answer) = self.connection.send(Method::DELETE, &path, Bytes::new()).await?;
        ensure!(status.is_success(), "Pod {name} was not deleted: {}", String::from_utf8_lossy(&answer));
        let begun = Instant::now();
        while self.pod(name).await?.is_some() {
            ensure!(begun.elapsed() < SOON, "Pod {name} does not end");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

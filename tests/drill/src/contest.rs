//! Eight devices that two people fill, and a third whose Pod goes before theirs.

use anyhow::{Context, Result};
use ground::{Ground, Who, until};
use serde_json::{Value, json};

/// Label on every Pod of it. That of the other people's Pods is another, because those are counted.
const MARK: &str = "drill.example.com/contest";
const LABEL: &str = "drill.example.com/contest=yes";
/// Where the devices are filled, and where somebody waits for one.
const FULL: &str = "llm-finetune";
const WAITING: &str = "llm-serving";
/// The Pod that waits.
const WINNER: &str = "contest-winner";
const EACH: usize = 4;
/// How long the Pods that are evicted take to end, in seconds: time to break something meanwhile.
const GRACE: u64 = 4;
/// How long anything may take, in seconds: a new leader comes after about fifteen.
const SOON: u64 = 90;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many of those who had a device end or have ended.
    pub(crate) ended: usize,
    /// How many devices are held.
    pub(crate) holds: usize,
    /// Whether the Pod that waits runs.
    pub(crate) won: bool,
}

/// Fills all eight devices.
pub(crate) fn fill(ground: &Ground) -> Result<()> {
    for who in ["alice", "bob"] {
        for index in 0..EACH {
            let labels = labels("batch");
            let annotations = json!({"simulation.sluice.dev/stop-after": "never"});
            let metadata = json!({"name": format!("contest-{who}-{index}"), "namespace": FULL, "labels": labels, "annotations": annotations});
            create(ground, who, metadata, GRACE)?;
        }
    }
    until("eight Pods to run", SOON, || Ok::<_, anyhow::Error>((running(ground)? == 2 * EACH).then_some(())))?;
    Ok(())
}

/// Asks for a ninth device, in a higher queue.
pub(crate) fn ask(ground: &Ground) -> Result<()> {
    create(ground, "carol", json!({"name": WINNER, "namespace": WAITING, "labels": labels("research")}), 0)
}

/// How it stands.
pub(crate) fn standing(ground: &Ground) -> Result<Standing> {
    let rules = ground.admin(&["get", "devicetaintrules", "-l", "sluice.dev/preemption", "-o=name"])?;
    let phase = ["-n", WAITING, "get", "pod", WINNER, "--ignore-not-found", "-o=jsonpath={.status.phase}"];
    let won = ground.admin(&phase)? == "Running";
    Ok(Standing { ended: 2 * EACH - running(ground)?, holds: rules.lines().count(), won })
}

/// Returns when the Pod that waited runs and nothing is held any more.
pub(crate) fn won(ground: &Ground) -> Result<Standing> {
    until("the Pod of the higher queue to run, and its hold to go", SOON, || {
        let standing = standing(ground)?;
        Ok::<_, anyhow::Error>((standing.won && standing.holds == 0).then_some(standing))
    })
}

/// Takes all Pods of it away.
pub(crate) fn clear(ground: &Ground) -> Result<()> {
    for namespace in [FULL, WAITING] {
        ground.admin(&["-n", namespace, "delete", "pods", "-l", LABEL, "--grace-period=0", "--force"])?;
    }
    Ok(())
}

fn labels(queue: &str) -> Value {
    json!({
        MARK: "yes",
        "platform-go/queue-name": queue,
        "platform-go/dra-gpu-model": "h100",
        "platform-go/dra-sharing-mode": "inline",
    })
}

fn create(ground: &Ground, who: &str, metadata: Value, grace: u64) -> Result<()> {
    let containers = json!([{"name": "main", "image": "registry.example.com/drill:1"}]);
    let spec = json!({"terminationGracePeriodSeconds": grace, "containers": containers});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    ground.kubectl_with(Who::User(who), &["create", "-f", "-"], &pod.to_string())?.ok("kubectl create")?;
    Ok(())
}

/// How many Pods that fill devices run and do not end.
fn running(ground: &Ground) -> Result<usize> {
    let pods = ground.admin(&["-n", FULL, "get", "pods", "-l", LABEL, "-o=json"])?;
    let pods: Value = serde_json::from_str(&pods)?;
    let pods = pods["items"].as_array().context("kubectl lists no Pods")?;
    let runs = |pod: &&Value| pod["status"]["phase"] == "Running" && pod["metadata"]["deletionTimestamp"].is_null();
    Ok(pods.iter().filter(runs).count())
}

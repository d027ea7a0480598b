//! Counts: what runs and waits, in the status of queues, models and users.
//!
//! `kubectl get spq` shows of a queue how many Pods run in it and how many wait, and the GPUs that those which run hold;
//! `kubectl get sgm` how many devices of a model there are, and how many a claim holds; `kubectl get su` how many Pods of a user
//! run. A Pod runs from when it has a node until it has ended. What is written is about a second old, and nothing is
//! written while nothing changes.

use std::time::Duration;

use cluster::view::counts::{self, Counts};
use cluster::world::{Snapshot, Topic};
use cluster::write::Amendment;
use futures::FutureExt;
use futures::future::BoxFuture;
use policy_engine::policy::quantity::decimal;
use records::Kind;
use records::convert::RawRecord;
use serde_json::{Map, Value, json};

use crate::cycle::{Daemon, Proposal, Refusal, Turn};

/// It looks at every Pod and claim.
const INTERVAL: Duration = Duration::from_secs(1);

/// The daemon's line in the list.
pub const DAEMON: Daemon = Daemon::new("counts", HEARS, propose).at_most_every(INTERVAL);

const HEARS: &[Topic] = &[
    Topic::Records,
    Topic::Namespaces,
    Topic::Pods,
    Topic::ResourceClaims,
    Topic::ResourceSlices,
    Topic::DeviceClasses,
];

fn propose(turn: Turn<'_>) -> BoxFuture<'_, Result<Proposal, Refusal>> {
    async move {
        let Turn { stage, .. } = turn;
        let snapshot = stage.world.snapshot();
        let counts = counts::view(&stage.world, &stage.prices, &snapshot.policy, &stage.own_namespace);
        Ok(Proposal { amendments: amendments(&snapshot, &counts), ..Proposal::default() })
    }
    .boxed()
}

/// The records whose status says something else.
fn amendments(snapshot: &Snapshot, counts: &Counts) -> Vec<Amendment> {
    let amendment = |record: &RawRecord| {
        let fields = fields(snapshot, record, counts)?;
        let before = &record.object["status"];
        let uid = record.object["metadata"]["uid"].as_str()?.to_owned();
        fields.iter().any(|(key, value)| before.get(key) != Some(value)).then(|| Amendment {
            kind: record.kind,
            name: record.name.clone(),
            uid,
            daemon: DAEMON.name,
            fields,
        })
    };
    snapshot.raw.iter().filter_map(amendment).collect()
}

/// What the status of a record is to say; `None` where this daemon has nothing to say of it, or it cannot be read.
fn fields(snapshot: &Snapshot, record: &RawRecord, counts: &Counts) -> Option<Map<String, Value>> {
    let (records, name) = (snapshot.policy.records(), record.name.as_str());
    let fields = match record.kind {
        Kind::PlatformQueue => {
            let counts::Queue { running, waiting, milli_gpu } =
                counts.queues.get(&records.queues.get(name)?.name).copied().unwrap_or_default();
            json!({"running": running, "waiting": waiting, "gpuUsed": decimal(milli_gpu)})
        }
        Kind::GpuModel => {
            let count = counts.models.get(&records.models.get(name)?.name).copied().unwrap_or_default();
            json!({"devices": count.there, "allocated": count.held})
        }
        Kind::User => {
            let running = counts.users.get(&records.users.get(name)?.name).copied().unwrap_or_default();
            json!({ "runningPods": running })
        }
        Kind::Group | Kind::ResourcePlan | Kind::Project | Kind::PlatformPolicy => return None,
    };
    match fields {
        Value::Object(fields) => Some(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use cluster::testing::ApiServer;

    use super::*;
    use crate::testing::{ledger, pod, projects, stage};

    fn record(kind: &str, plural: &str, name: &str, spec: Value, status: Value) -> (String, Value) {
        let meta = json!({"name": name, "uid": name});
        let object = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec, "status": status});
        (format!("/apis/sluice.dev/v1alpha1/{plural}/{name}"), object)
    }

    fn of(queue: &'static str, node: Option<&'static str>) -> impl FnOnce(&mut Value) {
        move |pod| {
            pod["metadata"]["labels"] = json!({"platform-go/user-id": "bob", "platform-go/queue-name": queue});
            pod["spec"]["nodeName"] = json!(node);
        }
    }

    #[tokio::test]
    async fn what_changed_is_written_and_nothing_else() {
        let written = json!({"running": 0, "waiting": 0, "gpuUsed": "0"});
        let mut objects = projects(["lab-one"]);
        objects.extend([
            record("User", "users", "bob", json!({"username": "bob"}), json!({"runningPods": 1})),
            record("User", "users", "eve", json!({"username": "eve"}), json!({"runningPods": 7})),
            record("PlatformQueue", "platformqueues", "batch", json!({"priority": 1}), json!({})),
            record("PlatformQueue", "platformqueues", "idle", json!({"priority": 1}), written),
            record("GpuModel", "gpumodels", "h100", json!({"deviceClassName": "gpu.nvidia.com"}), json!({})),
            pod("lab-one", "runs", of("batch", Some("cpu-a"))),
            pod("lab-one", "waits", of("batch", None)),
            // Where no project is, labels say nothing.
            pod("default", "forged", of("batch", Some("cpu-a"))),
        ]);
        objects.push(("/api/v1/namespaces/default".to_owned(), json!({"metadata": {"name": "default", "uid": "d"}})));
        let server = ApiServer::with_collections(objects);
        let (ledger, _directory) = ledger().await;
        let stage = stage(&server, ledger).await;
        let snapshot = stage.world.snapshot();
        let counts = counts::view(&stage.world, &stage.prices, &snapshot.policy, &stage.own_namespace);
        let said: Vec<_> =
            amendments(&snapshot, &counts).into_iter().map(|it| (it.kind, it.name, Value::Object(it.fields))).collect();
        let expected = [
            (Kind::User, "eve".to_owned(), json!({"runningPods": 0})),
            (Kind::PlatformQueue, "batch".to_owned(), json!({"running": 1, "waiting": 1, "gpuUsed": "0"})),
            (Kind::GpuModel, "h100".to_owned(), json!({"devices": 0, "allocated": 0})),
        ];
        assert_eq!(said, expected);
    }
}

//! What projects use and what is reserved in them, in the status of their records.

use cluster::watch::Snapshot;
use cluster::write::Amendment;
use futures::{StreamExt, stream};
use policy_engine::ledger::{Account, Standing};
use policy_engine::policy::quantity::decimal;
use records::Kind;
use serde_json::{Map, Value};

use super::{Failed, Reconciler};

/// At most so many are written in a turn, so many at a time.
const MOST: usize = 200;
const AT_A_TIME: usize = 8;

/// Writes those that say something else.
pub(super) async fn write(of: &Reconciler, snapshot: &Snapshot) -> Result<(), Failed> {
    let standings = of.stage.ledger.standings().await?;
    let amendments = snapshot.raw.iter().filter(|record| record.kind == Kind::Project).filter_map(|record| {
        let project = snapshot.policy.records().projects.get(record.name.as_str())?;
        let account = Account::Project(project.id.clone());
        let standing = standings.iter().find(|(of, _)| *of == account).map(|(_, standing)| *standing);
        let fields = fields(standing.unwrap_or_default());
        let before = &record.object["status"];
        let uid = record.object["metadata"]["uid"].as_str()?.to_owned();
        fields.iter().any(|(key, value)| before.get(key) != Some(value)).then(|| Amendment {
            kind: Kind::Project,
            name: record.name.clone(),
            uid,
            daemon: "ledger",
            fields,
        })
    });
    stream::iter(amendments.take(MOST).collect::<Vec<_>>())
        .map(|amendment| async move { of.stage.writer.amend_status(&amendment).await.map(drop) })
        .buffer_unordered(AT_A_TIME)
        .for_each(async |written| {
            if let Err(failed) = written {
                let error: &dyn std::error::Error = &failed;
                tracing::warn!(daemon = "ledger", error, "could not report");
            }
        })
        .await;
    Ok(())
}

fn fields(Standing { used, reserved }: Standing) -> Map<String, Value> {
    let devices = used.devices.saturating_add(reserved.devices);
    Map::from_iter([
        ("gpuUsed".to_owned(), Value::from(decimal(used.milli_gpu))),
        ("gpuReserved".to_owned(), Value::from(decimal(reserved.milli_gpu))),
        ("devicesHeld".to_owned(), Value::from(i64::try_from(devices).unwrap_or(i64::MAX))),
    ])
}

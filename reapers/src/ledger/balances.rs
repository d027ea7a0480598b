//! What projects use and what is reserved in them, in the status of their records.

use std::collections::HashMap;

use cluster::world::Snapshot;
use cluster::write::Amendment;
use policy_engine::ledger::{Account, Balance};
use policy_engine::policy::ids::ProjectId;
use policy_engine::policy::quantity::decimal;
use records::Kind;
use serde_json::{Map, Value};

use super::DAEMON;

/// Those that say something else.
pub(super) fn amendments(snapshot: &Snapshot, balances: &[(Account, Balance)]) -> Vec<Amendment> {
    let balances: HashMap<_, _> = balances.iter().filter_map(|(of, it)| Some((project(of)?, *it))).collect();
    let amendments = snapshot.raw.iter().filter(|record| record.kind == Kind::Project).filter_map(|record| {
        let project = snapshot.policy.records().projects.get(record.name.as_str())?;
        let fields = fields(balances.get(&project.id).copied().unwrap_or_default());
        let before = &record.object["status"];
        let uid = record.object["metadata"]["uid"].as_str()?.to_owned();
        fields.iter().any(|(key, value)| before.get(key) != Some(value)).then(|| Amendment {
            kind: Kind::Project,
            name: record.name.clone(),
            uid,
            daemon: DAEMON.name,
            fields,
        })
    });
    amendments.collect()
}

fn project(account: &Account) -> Option<&ProjectId> {
    match account {
        Account::Project(id) => Some(id),
        Account::User { .. } => None,
    }
}

fn fields(Balance { used, reserved }: Balance) -> Map<String, Value> {
    let devices = used.devices.saturating_add(reserved.devices);
    Map::from_iter([
        ("gpuUsed".to_owned(), Value::from(decimal(used.milli_gpu))),
        ("gpuReserved".to_owned(), Value::from(decimal(reserved.milli_gpu))),
        ("devicesHeld".to_owned(), Value::from(i64::try_from(devices).unwrap_or(i64::MAX))),
    ])
}

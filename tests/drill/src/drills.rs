//! The drills, one file each.

mod apiserver;
mod besieged;
mod clock;
mod cold;
mod database;
mod deleted;
mod driver;
mod etcd;
mod handles;
mod hung;
mod killed;
mod leader;
mod replicas;
mod stale;
mod versions;

use crate::Drill;

/// Every drill, in the order in which they run.
pub const ALL: &[Drill] = &[
    killed::DRILL,
    replicas::DRILL,
    leader::DRILL,
    database::DRILL,
    driver::DRILL,
    hung::DRILL,
    handles::DRILL,
    besieged::DRILL,
    cold::DRILL,
    apiserver::DRILL,
    etcd::DRILL,
    versions::DRILL,
    clock::DRILL,
    deleted::DRILL,
    stale::DRILL,
];

/// The drill of this name.
pub fn find(name: &str) -> Option<&'static Drill> {
    ALL.iter().find(|drill| drill.name == name)
}

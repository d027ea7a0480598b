//! What a daemon waits for that does nothing, for people.

use cluster::causes::chain;
use cluster::world::Unfit;
use records::daemon::{Waiting, WaitsFor};

use super::daemon::{Daemon, Refusal};
use crate::stage::Stage;

/// Why it does nothing. Of caches all are named, not only the first that is not complete.
pub(super) fn waiting(daemon: &Daemon, stage: &Stage, refusal: &Refusal) -> Waiting {
    let because = match refusal {
        Refusal::Unfit(Unfit::Cold(_)) => WaitsFor::Caches,
        Refusal::Unfit(Unfit::Policy) => WaitsFor::Policy,
        Refusal::Unfit(Unfit::Old(_)) => WaitsFor::View,
        Refusal::Stopped(_) => WaitsFor::Audit,
        Refusal::Ledger(_) => WaitsFor::Database,
        Refusal::Lookup(_) => WaitsFor::ApiServer,
    };
    let cold = stage.world.cold(daemon.hears);
    let says = match because {
        WaitsFor::Caches if !cold.is_empty() => format!("not everything was read yet of {}", cold.join(", ")),
        WaitsFor::Caches
        | WaitsFor::View
        | WaitsFor::Policy
        | WaitsFor::Database
        | WaitsFor::ApiServer
        | WaitsFor::Audit => chain(refusal),
    };
    Waiting { because, says }
}

/// The ledger did not answer while the plan was carried out.
pub(super) fn for_ledger() -> Waiting {
    let says = "the ledger's database did not answer while the plan was carried out".to_owned();
    Waiting { because: WaitsFor::Database, says }
}

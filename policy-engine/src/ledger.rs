//! The ledger: what is charged to whom. Sums are kept in SQL; what happens to them is decided here.
//!
//! * A Pod is *charged* CPU and memory by its UID, a claim GPU and devices by its own, from its creation on.
//! * A claim costs something while a Pod *uses* it. Pods name claims by their names, so a use is (claim's name, Pod's
//!   UID): whatever claim has that name is used, in whichever order Pods and claims come, go and come back.
//! * A claim that is still to be made from a template is charged as (Pod's UID, reference) until its creation is seen,
//!   and with it the claim that takes its place.
//! * Of the objects that the API server lets exist only one at a time (the same kind, namespace and name) the dearest
//!   counts, not their sum: creating an existing name again and again, and deleting a claim to make a larger one of its
//!   name, cost what can be there at once.
//! * Admission only raises. What is gone, smaller or never came is lowered by what the reconciler has seen ([`Sight`]).

mod account;
mod amounts;
mod books;
mod charge;
mod decide;
mod devices;
mod draft;
mod reconcile;
mod request;
mod reserve;
mod sight;
mod usage;

pub use account::{Account, Limits};
pub use amounts::{Amounts, Resource};
pub use books::{Balance, Books, Changes, Drift};
pub use charge::{Charge, ChargeKey, ChargedKind, ObjectName, Tags, UseKey};
pub use decide::{Entry, LARGEST, MOST_OF_A_NAME, Outcome, Reach, Shortage, Verdict, decide};
pub use devices::{Allocated, Device, HeldTwice, held_twice};
pub use reconcile::{Held, Life, LiveClaim, LivePod, Missing, Reconciliation, View, reconcile};
pub use request::{AdmitPod, ClaimMade, ForPod, Request, Stamp, Use};
pub use sight::{Got, REQUEST_TIMEOUT, Sight};
pub use usage::{Hours, UsageChange};

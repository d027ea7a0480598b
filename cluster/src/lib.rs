//! All that speaks to the API server: watches and caches, the look-ups behind them, and every write.

pub mod causes;
pub mod client;
pub mod conditions;
pub mod dry_run;
pub mod leases;
pub mod lookup;
mod served;
pub mod standing;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod view;
mod watch;
pub mod world;
pub mod write;

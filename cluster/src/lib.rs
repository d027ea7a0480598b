//! All that speaks to the API server: watches and caches, the look-ups behind them, and every write.

pub mod charged;
pub mod client;
pub mod conditions;
pub mod devices;
pub mod dry_run;
pub mod governed;
pub mod leases;
pub mod namespaces;
pub mod owners;
pub mod templates;
pub mod volumes;
pub mod waiting;
pub mod watch;
pub mod write;

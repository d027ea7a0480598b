//! All that speaks to the API server: the records, watches and caches, the look-ups behind them, and every write.

pub mod client;
pub mod convert;
pub mod files;
pub mod namespaces;
pub mod owners;
pub mod records;
pub mod watch;

//! What happened, in SQL. The only crate that knows SQL.
//!
//! [`Store::open`] opens a file of SQLite or a database of PostgreSQL, brings its schema up to date, and starts the one
//! task of this process that writes. A [`Ledger`] is its front door: whoever holds a clone asks, the task gathers what
//! waits, `policy_engine::ledger` decides it against running sums, and one transaction writes the result. Beside it is the
//! [`Journal`] of what daemons carry out.

mod dialect;
mod error;
mod journal;
mod ledger;
mod load_store;
mod open;
mod reader;
mod refusals;
mod rows;
mod session;
mod sums;
mod usage;
mod writer;

pub use error::{OpenFailed, Unavailable};
pub use journal::{Beginning, Begun, Concerned, Entry, Find, Journal, MOST_FOUND};
pub use ledger::Ledger;
pub use open::Store;
pub use refusals::{Denied, Refusal, Refusals};
pub use usage::UsageQuery;

#[cfg(test)]
mod tests;

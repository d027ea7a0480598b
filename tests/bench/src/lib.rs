//! `cargo xtask bench`: how fast the webhook is, against what a webhook in Rust can be at all.
//!
//! Everything is real: the release build of `sluice webhook` over TLS on a control plane with 200 bound projects and
//! 2,000 Pods, asked what the API server asked there before. Beside it, in turns and under the same load, stand two
//! *floors*: one that looks at nothing and allows, and one that parses the review and allows. What a machine does to one
//! of the three it does to all, so ratios hold where numbers do not.

pub mod admit;
pub mod api;
pub mod creations;
pub mod fill;
pub mod floor;
pub mod goals;
pub mod ledger;
pub mod load;
pub mod numbers;
pub mod objects;
pub mod preemption;
pub mod process;
pub mod record;
pub mod report;
pub mod reviews;
pub mod servers;
pub mod webhook;
pub mod wire;

/// Says on standard error what goes on: the result alone is on standard output.
pub fn progress(text: impl std::fmt::Display) {
    eprintln!("{text}");
}

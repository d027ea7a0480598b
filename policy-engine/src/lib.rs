//! Decides. Values in, values out: no I/O, no clock, no dice.
//!
//! [`admit()`] judges one submission against the [`policy`](policy::Policy) that admins wrote and says what is denied,
//! what the platform writes, and what people should be told. Everything it needs to know is an argument.

pub mod admit;
mod asked;
mod attach;
pub mod binding;
pub mod case;
pub mod charge;
pub mod claims;
pub mod compute;
pub mod contract;
pub mod decision;
pub mod device_claim;
pub mod devices;
pub mod elsewhere;
pub mod findings;
pub mod follow;
pub mod identity;
pub mod inline;
pub mod ledger;
pub mod mode;
pub mod object;
pub mod place;
pub mod plan_window;
pub mod pod;
pub mod policy;
pub mod rules;
pub mod sentence;
pub mod slots;
pub mod templates;
pub mod volume_claim;
pub mod volumes;
pub mod windows;

pub use admit::admit;
pub use case::{Act, Case, Facts, Submission};
pub use decision::{Decision, Denial, Mutation};

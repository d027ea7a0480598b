//! Decides. Values in, values out: no I/O, no clock, no dice.
//!
//! [`admit()`] judges one submission against the [`policy`](policy::Policy) that admins wrote and says what is denied,
//! what the platform writes, and what people should be told. Everything it needs to know is an argument.
//!
//! The modules stand on each other in this order, and none imports one that comes after it.

pub mod sentence;

pub mod contract;
pub mod object;

pub mod policy;
pub mod windows;

pub mod ledger;

pub mod claims;

pub mod workspace;

pub mod submission;

pub mod gpu;

pub mod charge;

pub mod admission;

pub mod daemons;

pub use admission::admit::admit;
pub use admission::decision::{Decision, Denial, Mutation};
pub use submission::case::Case;
pub use submission::facts::Facts;
pub use submission::{Act, Submission};

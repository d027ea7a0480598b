//! A claim of devices, understood: which GPU models it may get, what it costs, and what the driver is told.
//!
//! * [`Ask`] is what the labels of an object ask, and [`spec_of`] the claim that asks the same in Kubernetes' words.
//! * [`Understood`] is what any claim asks, whoever wrote it: [`Price`] and [`Sharing`](driver_config::Told) of each alternative.
//! * [`allowed_models`] are the models of plan and queue, and [`narrowing`] the selector that lets a claim have no other.

mod ask;
mod cel;
pub mod classes;
mod matching;
mod models;
mod price;
mod spec;

pub mod driver_config;
pub mod template;
mod understood;
mod write_driver_config;

pub use ask::{Ask, Misread, Vram};
pub(crate) use ask::{INLINE, SHARED};
pub use cel::{Mentions, Whole, passing};
pub(crate) use models::is_narrowing;
pub use models::{allowed_models, narrowing, narrowing_away};
pub use price::{Gpus, Price};
pub(crate) use spec::can_give;
pub use spec::{REQUEST, candidates, spec_of};
pub use understood::{Alternative, Request, Understood};
pub(crate) use write_driver_config::{must_be_told, price_when_told, tell};

/// More devices are never allocated to one claim.
pub const MOST_DEVICES: u64 = 32;

#[cfg(test)]
mod no_gpus;
#[cfg(test)]
mod tests;

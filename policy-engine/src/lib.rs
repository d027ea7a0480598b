//! Decides. Values in, values out: no I/O, no clock, no dice.

pub mod contract;
pub mod place;
pub mod policy;

//! The same tests on both databases.

mod basics;
mod claims;
mod fixture;
mod fuse;
mod gone;
mod journal;
mod kills;
mod model;
mod race;
mod refusals;

pub(crate) use fuse::Fuse;

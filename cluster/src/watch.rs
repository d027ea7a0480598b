//! How one kind is watched into one cache.

mod follow;
mod pulse;

pub(crate) use follow::{Change, Common, Followed, Watch, follow, lighter};

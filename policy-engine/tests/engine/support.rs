//! What the tests of the engine are built from.

pub(crate) mod apply;
pub(crate) mod devices;
pub(crate) mod judge;
pub(crate) mod object;
pub(crate) mod options;
pub(crate) mod policies;
pub(crate) mod schedules;
pub(crate) mod volumes;

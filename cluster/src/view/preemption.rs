//! What the daemon `preemption` sees: devices and claims.

mod devices;

pub use devices::{Devices, Selectors, devices};

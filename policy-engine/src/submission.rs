//! What is asked, and what is known about it.

pub mod case;
pub mod compute;
pub mod device_claim;
pub mod devices;
pub mod identity;
pub mod pod;
pub mod slots;
pub mod volume_claim;
pub mod volumes;

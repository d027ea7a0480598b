//! What a Pod is given: its claims of devices, from slots, labels and extended resources.

pub(crate) mod attachments;
pub mod own_claim;

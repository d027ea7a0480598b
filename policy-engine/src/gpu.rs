//! What a Pod is given: its claims of devices, from slots, labels and extended resources.

pub(crate) mod attachments;
pub(crate) mod extended;
pub(crate) mod hold;
pub(crate) mod labels;
pub(crate) mod needs;
pub mod own_claim;
pub(crate) mod slots;

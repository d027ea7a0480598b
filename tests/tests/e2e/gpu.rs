//! GPUs: how they are asked for, who gets which, and what it costs.

mod claims;
mod device_claims;
mod labels;
mod moved;
mod quota;
mod slots;

//! What Sluice was shown with first: it stays true.

mod apply;
mod forged;
mod refusals;

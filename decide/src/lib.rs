//! One decision: what is decided about a request, whoever asks.
//!
//! The webhook asks for the API server, the dry run for a person, and the audit for what exists already. Each of them
//! finds out here which judgement the request gets ([`entry`]), gathers what the engine must know ([`facts`]), has it
//! judged ([`judgement`]), and asks whether there is room ([`room`]). They differ in who can be asked, and in how they
//! say it.

pub mod creations;
pub mod entry;
pub mod existing;
pub mod explain;
pub mod facts;
pub mod judgement;
mod made;
pub mod me;
pub mod patch;
pub mod room;
#[cfg(test)]
mod testing;
pub mod together;
pub mod versions;
pub mod viewer;
pub mod why;
pub mod written;

pub use creations::Creations;
pub use entry::Entry;
pub use facts::Sources;

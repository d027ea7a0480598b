//! Small clusters by name, and thousands at random.

mod audits;
mod cases;
mod kept;
mod large;
mod oracle;
mod past;
mod progress;
mod properties;
mod random;
mod rehearsal;
mod words;
mod world;

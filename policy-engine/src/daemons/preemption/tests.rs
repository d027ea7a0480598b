//! Small clusters by name, and thousands at random.

mod audits;
mod cases;
mod oracle;
mod properties;
mod random;
mod rehearsal;
mod speed;
mod words;
mod world;

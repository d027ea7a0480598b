//! The engine from outside: properties, the fixtures of Pod Security, and the manual. The stories are told by `tell.rs`.

mod growth;
mod moved;
mod pages;
mod pod_security;
mod properties;
mod reference;
mod storage;
#[expect(dead_code, reason = "stories are told by the target `stories`")]
mod stories;
mod support;
mod workspaces;
mod written;

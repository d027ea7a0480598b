//! The engine from outside: stories, properties, the fixtures of Pod Security, and the manual.

mod growth;
mod pages;
mod pod_security;
mod properties;
mod reference;
mod storage;
mod stories;
mod support;
mod written;

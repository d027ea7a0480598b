//! Where rules put what they find.

use std::fmt::Display;

use serde_json::Value;

use crate::decision::{Denial, Mutation};
use crate::place::Place;

/// What one rule found.
#[derive(Debug)]
pub struct Findings {
    pub(crate) rule: &'static str,
    pub(crate) denials: Vec<Denial>,
    pub(crate) mutations: Vec<Mutation>,
    pub(crate) warnings: Vec<String>,
}

impl Findings {
    pub(crate) fn of(rule: &'static str) -> Self {
        Self { rule, denials: Vec::new(), mutations: Vec::new(), warnings: Vec::new() }
    }

    /// Refuses the submission. The sentence says what was asked, what is allowed and what to do, on one line.
    pub fn deny(&mut self, field: Place, why: impl Display) {
        self.denials.push(Denial { rule: self.rule, field: field.to_string(), message: why.to_string() });
    }

    /// Writes a value, making the maps above it where they are missing.
    pub fn set(&mut self, at: Place, value: impl Into<Value>) {
        self.mutations.push(Mutation { rule: self.rule, at, value: Some(value.into()), unasked: false });
    }

    /// Removes what someone may have asked for.
    pub fn remove(&mut self, at: Place) {
        self.mutations.push(Mutation { rule: self.rule, at, value: None, unasked: false });
    }

    /// Removes what the API server filled in by itself.
    pub fn discard(&mut self, at: Place) {
        self.mutations.push(Mutation { rule: self.rule, at, value: None, unasked: true });
    }

    /// Says something that does not stand in the way.
    pub fn warn(&mut self, text: impl Display) {
        self.warnings.push(format!("{}: {text}", self.rule));
    }
}

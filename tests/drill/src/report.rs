//! What a drill showed: the contract of `-o json`.

use crate::journal::{Group, Tally};
use serde::Serialize;
use std::collections::BTreeMap;

/// One drill.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Its name.
    pub name: &'static str,
    /// What was done.
    pub about: &'static str,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What clients were told, phase by phase.
    pub phases: Vec<PhaseReport>,
    /// Every object that policy forbids and that was accepted or exists.
    pub let_through: Vec<String>,
    /// Every accepted object or change that is missing, and every request without an answer.
    pub lost: Vec<String>,
    /// Times and counts that were measured.
    pub measured: Vec<Measure>,
    /// What should be, and whether it is.
    pub expectations: Vec<Expectation>,
}

/// What clients were told in a phase.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseReport {
    /// Its name.
    pub phase: &'static str,
    /// By group.
    pub groups: BTreeMap<Group, Tally>,
}

/// A number.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measure {
    /// What was measured.
    pub what: &'static str,
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
}

/// Something that should be so.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expectation {
    /// What.
    pub what: String,
    /// Whether it is.
    pub held: bool,
    /// What was found.
    pub found: String,
}

impl Report {
    /// Whether everything is as it should be.
    pub fn as_expected(&self) -> bool {
        self.expectations.iter().all(|expectation| expectation.held)
    }

    /// How many requests were refused while something was broken.
    pub fn refused(&self) -> usize {
        self.phases.iter().flat_map(|phase| phase.groups.values()).map(Tally::refusals).sum()
    }
}

//! What must be reached.

use serde::Serialize;

use crate::numbers::Measured;

/// A goal and whether it was met.
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    /// What is measured.
    pub what: &'static str,
    /// What was measured.
    pub value: f64,
    /// `<=` or `>=`, and the number.
    pub goal: String,
    /// Whether the median reaches it.
    pub met: bool,
}

/// The value must not be above this.
pub fn at_most(what: &'static str, measured: &Measured, limit: f64) -> Goal {
    Goal { what, value: measured.value, goal: format!("<= {limit}"), met: measured.value <= limit }
}

/// The value must not be below this.
pub fn at_least(what: &'static str, measured: &Measured, limit: f64) -> Goal {
    Goal { what, value: measured.value, goal: format!(">= {limit}"), met: measured.value >= limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_without_a_measurement_is_missed() {
        let (nothing, five) = (Measured::of([]), Measured::of([5.0]));
        assert!(!at_most("p99", &nothing, 5.0).met && !at_least("rate", &nothing, 0.5).met);
        assert!(at_most("p99", &five, 5.0).met && at_least("rate", &five, 5.0).met);
        assert!(!at_most("p99", &five, 4.9).met && !at_least("rate", &five, 5.1).met);
    }
}

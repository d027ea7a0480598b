//! How strictly a rule is applied.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rule_id::RuleId;

/// How strictly a rule is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum RuleMode {
    /// What the rule denies is refused.
    #[default]
    Enforce,
    /// What the rule denies is admitted with a warning.
    Warn,
    /// The rule neither denies nor writes.
    Off,
}

/// The modes of the rules that are not simply enforced.
pub type RuleModes = BTreeMap<RuleId, RuleMode>;

//! How strictly rules are applied.

use std::collections::BTreeMap;

use policy_engine::policy::modes::{RuleMode, RuleModes};
use policy_engine::policy::rule_id::{self, RuleId};

use super::problem::{About, Report};
use crate::platform;

/// Stands for every rule that is not named beside it.
const ALL_RULES: &str = "*";

/// The modes of rules that exist. A misspelt rule would go on being enforced without anybody noticing.
pub(super) fn modes(written: &BTreeMap<String, platform::RuleMode>, about: &About, report: &mut Report) -> RuleModes {
    let mode = |mode: &platform::RuleMode| match mode {
        platform::RuleMode::Enforce => RuleMode::Enforce,
        platform::RuleMode::Warn => RuleMode::Warn,
        platform::RuleMode::Off => RuleMode::Off,
    };
    let all = written.get(ALL_RULES).map(mode);
    let mut modes: RuleModes =
        all.into_iter().flat_map(|all| RuleId::ALL.iter().map(move |rule| (*rule, all))).collect();
    for (rule, written) in written.iter().filter(|(rule, _)| *rule != ALL_RULES) {
        if let Ok(rule) = rule.parse() {
            modes.insert(rule, mode(written));
            continue;
        }
        let known = rule_id::list(RuleId::ALL.iter().copied());
        let message = format!("there is no rule {rule:?}; the rules are {known}; name one of them, or \"*\" for all");
        report.refuse(about, format!("spec.ruleModes.{rule}"), message);
    }
    modes
}

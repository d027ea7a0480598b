//! How strictly each rule is applied: a pure step between what rules find and what is decided.

use crate::admission::findings::Findings;
use crate::policy::modes::RuleMode;

/// Applies a mode to what a rule found.
pub fn apply(mode: RuleMode, mut found: Findings) -> Findings {
    match mode {
        RuleMode::Enforce => found,
        RuleMode::Warn => {
            let (denials, more) = (std::mem::take(&mut found.denials), std::mem::take(&mut found.more));
            found.warnings.extend(denials.into_iter().map(|denial| format!("not enforced: {denial}")));
            if more > 0 {
                found.warnings.push(format!("not enforced: {}: and {more} more", found.rule));
            }
            found
        }
        RuleMode::Off => Findings::of(found.rule),
    }
}

//! How strictly each rule is applied: a pure step between what rules find and what is decided.

use crate::admission::findings::Findings;
use crate::admission::remember;
use crate::object::Object;
use crate::policy::modes::RuleMode;

/// Applies a mode to what a rule found in an object, if there is one.
pub fn apply(mode: RuleMode, mut found: Findings, object: Option<Object<'_>>) -> Findings {
    match mode {
        RuleMode::Enforce => found,
        RuleMode::Warn => {
            let (denials, more) = (std::mem::take(&mut found.denials), std::mem::take(&mut found.more));
            found.warnings.extend(denials.iter().map(|denial| format!("not enforced: {denial}")));
            if more > 0 {
                found.warnings.push(format!("not enforced: {}: and {more} more", found.rule));
            }
            // Where nothing else was asked, nobody needs to know.
            let changed = found.unimposed.iter().filter_map(|mutation| {
                let asked = mutation.at.resolve(object?.0).filter(|asked| Some(*asked) != mutation.value.as_ref())?;
                remember::tell(mutation, asked, remember::Becomes::OnceEnforced)
                    .map(|told| format!("not enforced: {told}"))
            });
            found.warnings.extend(changed);
            found.unenforced.extend(denials);
            found
        }
        RuleMode::Off => Findings::of(found.rule),
    }
}

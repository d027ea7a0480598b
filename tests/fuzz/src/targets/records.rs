//! Records of every kind, windows and patterns among them: whatever is written, the policy is built, and every problem names its field.

use policy_engine::policy::Policy;
use proptest::prop_assert;
use records::convert;
use records::convert::{RawRecord, RawRecords};
use serde_json::Value;

use super::reads_as_one_line;
use crate::{Held, corpus};

pub(super) fn seeds() -> Vec<Value> {
    corpus::examples("org").into_iter().map(|example| example.object).collect()
}

pub(super) fn holds(input: &Value) -> Held {
    let Ok(record) = RawRecord::new(input.clone(), None) else { return Ok(()) };
    let mut raw = RawRecords::default();
    raw.replace(record);
    let (records, problems) = convert::build(&raw);
    for problem in problems {
        prop_assert!(!problem.message.is_empty() && !problem.field.is_empty(), "{:?}", problem);
    }
    prop_assert!(Policy::from(records).version().len() == 12);
    if let Ok(verdict) = convert::check(input, &RawRecords::default()) {
        for problem in verdict.problems {
            reads_as_one_line(&problem.message.escape_debug().to_string())?;
        }
    }
    Ok(())
}

//! What is fuzzed, one file each.

mod admission;
mod arithmetic;
mod claims;
mod images;
mod patches;
mod pointers;
mod quantities;
mod records;
mod reviews;
mod selectors;
mod slots;

use proptest::prop_assert;
use serde_json::Value;

use crate::{Held, Target};

macro_rules! target {
    ($module:ident) => {
        Target { name: stringify!($module), seeds: $module::seeds, property: $module::holds }
    };
}

/// All targets.
pub const ALL: &[Target] = &[
    target!(reviews),
    target!(admission),
    target!(arithmetic),
    target!(patches),
    target!(records),
    target!(images),
    target!(quantities),
    target!(pointers),
    target!(slots),
    target!(claims),
    target!(selectors),
];

/// The text of an input that is one.
fn text(input: &Value) -> Option<&str> {
    input.as_str()
}

fn texts(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|&text| text.into()).collect()
}

/// What people read is one line that no terminal obeys.
fn reads_as_one_line(sentence: &str) -> Held {
    prop_assert!(!sentence.chars().any(char::is_control), "{:?}", sentence);
    Ok(())
}

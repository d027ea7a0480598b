//! Quantities: exact or refused, in either unit the same amount.

use policy_engine::policy::quantity::{Unit, parse};
use proptest::prop_assert_eq;
use serde_json::Value;

use super::{text, texts};
use crate::Held;

pub(super) fn seeds() -> Vec<Value> {
    texts(&[
        "8",
        "0.5",
        "8k",
        "500m",
        "64Gi",
        "1e3",
        "1E-3",
        "+1.",
        ".5",
        "0x10",
        "9223372036854775807",
        "1.000000000001",
        "1n",
        "-0",
    ])
}

pub(super) fn holds(input: &Value) -> Held {
    let Some(text) = text(input) else { return Ok(()) };
    let (ones, thousandths) = (parse(text, Unit::One), parse(text, Unit::Milli));
    if let (Ok(ones), Ok(thousandths)) = (ones, thousandths) {
        prop_assert_eq!(u128::from(ones) * 1000, u128::from(thousandths), "{}", text);
    }
    for (unit, amount) in [(Unit::One, ones), (Unit::Milli, thousandths)] {
        let Ok(amount) = amount else { continue };
        let written = if unit == Unit::Milli { format!("{amount}m") } else { amount.to_string() };
        prop_assert_eq!(parse(&written, unit), Ok(amount), "{} written as {}", text, written);
    }
    Ok(())
}

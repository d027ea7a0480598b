//! `sets.contains`, `sets.intersects` and `sets.equivalent` in selectors.

use cel::common::functions::Function;
use cel::common::types::LIST_TYPE;
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

use super::amounts::truth;

/// Adds the functions of sets.
pub(super) fn declare(language: &mut Env) -> Result<(), DeclarationError> {
    let functions: [(&str, Function); 3] = [
        ("sets.contains", |args| sets(&args, |one, other| holds_all(one, other))),
        ("sets.equivalent", |args| sets(&args, |one, other| holds_all(one, other) && holds_all(other, one))),
        ("sets.intersects", |args| sets(&args, |one, other| other.iter().any(|it| holds(one, *it)))),
    ];
    for (name, function) in functions {
        language.add_overload(name, &format!("list_{name}_list"), vec![LIST_TYPE, LIST_TYPE], function)?;
    }
    Ok(())
}

fn sets<'b, 'v>(
    args: &[CowVal<'_, '_>],
    compared: fn(&[&dyn Val], &[&dyn Val]) -> bool,
) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [one, other] = args else { return Err(ExecutionError::missing_argument_or_target()) };
    Ok(truth(compared(&elements(one)?, &elements(other)?)))
}

fn elements<'a>(list: &'a CowVal<'_, '_>) -> Result<Vec<&'a dyn Val>, ExecutionError> {
    let mut elements = list.as_iterable().ok_or_else(ExecutionError::missing_argument_or_target)?.iter();
    let mut all: Vec<&dyn Val> = Vec::new();
    while let Some(element) = elements.next() {
        all.push(element);
    }
    Ok(all)
}

fn holds(set: &[&dyn Val], sought: &dyn Val) -> bool {
    set.iter().any(|it| it.equals(sought))
}

fn holds_all(set: &[&dyn Val], sought: &[&dyn Val]) -> bool {
    sought.iter().all(|it| holds(set, *it))
}

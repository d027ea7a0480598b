//! What Kubernetes says of a device when a selector is evaluated. An error is no *yes*.
//!
//! Not known here are `find`, `url`, `ip` and what else Kubernetes has beside amounts, versions, sets and texts: a selector
//! that uses them passes no device, so that nobody is evicted on its account.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use ::cel::common::ast::IdedExpr;
use ::cel::{Context, Env, Value, extensions};

use super::device::Whole;
use super::known::{DEVICE, without_bindings};
use super::{STACK, amounts, cost, length, sets, versions};

static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut language = Env::stdlib();
    for extension in [extensions::strings, amounts::declare, versions::declare, sets::declare] {
        // Where it were refused, selectors that use it would pass no device.
        let _declared = language.add_extension(extension);
    }
    Arc::new(language)
});

/// Whether each of these devices passes a selector. What cannot be evaluated, or would take too long, does not. `steps` is how
/// long it may take in all; `None` is what was not evaluated because it was used up.
pub fn passing(selector: &str, devices: &[Whole<'_>], steps: &mut u64) -> Vec<Option<bool>> {
    let on_own_stack = || stacker::grow(STACK, || on_stack(selector, devices, steps));
    let answers = length::check(selector).ok().and_then(|()| catch_unwind(AssertUnwindSafe(on_own_stack)).ok());
    answers.flatten().unwrap_or_else(|| vec![Some(false); devices.len()])
}

fn on_stack(selector: &str, devices: &[Whole<'_>], steps: &mut u64) -> Option<Vec<Option<bool>>> {
    let parsed = LANGUAGE.parser().parse(selector).ok()?;
    let parsed = without_bindings(parsed).ok()?;
    Some(devices.iter().map(|device| passes(&parsed, *device, steps)).collect())
}

fn passes(selector: &IdedExpr, device: Whole<'_>, left: &mut u64) -> Option<bool> {
    let Some(steps) = cost::steps(selector, (DEVICE, device.size())) else { return Some(false) };
    *left = left.checked_sub(steps)?;
    let Some(variable) = device.value() else { return Some(false) };
    let mut context = Context::with_env(LANGUAGE.clone());
    context.add_variable_as_val(DEVICE, variable);
    Some(matches!(Value::resolve(selector, &context), Ok(Value::Bool(true))))
}

#[cfg(test)]
mod tests;

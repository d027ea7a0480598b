//! What a selector says of devices of which little is known: the product name, for example, or the driver.
//!
//! A selector is evaluated with what is known put in. What it asks besides is not known, which is an error to the
//! evaluator; `&&` and `||` of CEL go on past errors, so that the answer is *no* only where no such device could pass.
//!
//! Selectors are written by strangers. Their length, depth, steps and values are bounded before they are evaluated, on
//! a stack of their own; what exceeds a bound is not evaluated. Kubernetes evaluates them in the end, and the platform's
//! own selector beside them, so that nothing here decides what a claim may get.
//!
//! Where a whole device is known, [`passing`] says of it what Kubernetes would.

mod amounts;
mod cost;
mod device;
mod known;
mod length;
mod mentions;
mod sets;
mod versions;
mod whole;

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ::cel::{Context, Env, Value, extensions};
use sha2::{Digest, Sha256};

pub use device::Whole;
pub use mentions::Mentions;
pub use whole::passing;

/// What a selector says of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It passes.
    Yes,
    /// It does not pass.
    No,
    /// That depends on what is not known of it.
    Open,
    /// The selector was not evaluated, or not to the end.
    Unclear(String),
}

/// What is known of a device. `None` is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known<'k> {
    /// The driver that publishes it.
    pub(super) driver: Option<&'k str>,
    /// Its attribute `productName`.
    pub(super) product: Option<&'k str>,
    /// Its attribute `profile`; empty where it has none.
    pub(super) profile: Option<&'k str>,
    /// Its attribute `type`.
    pub(super) kind: Option<&'k str>,
}

impl<'k> Known<'k> {
    fn texts(self) -> [Option<&'k str>; 4] {
        let Self { driver, product, profile, kind } = self;
        [driver, product, profile, kind]
    }
}

/// Takes the longest selector, as deep as can be: unoptimised code needs 20 KB for each level.
const STACK: usize = 64 << 20;

/// So many selectors are remembered.
const MOST_REMEMBERED: usize = 4096;

type Memory = HashMap<[u8; 32], Arc<[Answer]>>;

/// Selectors repeat: those of classes stand in every claim, and each call is made twice.
static MEMORY: LazyLock<Mutex<Memory>> = LazyLock::new(Mutex::default);

pub(super) static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut language = Env::stdlib();
    // Where it were refused, selectors that use it would be unclear.
    let _declared = language.add_extension(extensions::strings);
    Arc::new(language)
});

/// What a selector says of each of some devices.
pub(super) fn ask(expression: &str, devices: &[Known<'_>]) -> Arc<[Answer]> {
    let key = key(expression, devices);
    let remembered = |memory: &mut Memory| memory.get(&key).cloned();
    if let Some(answers) = remembered(&mut MEMORY.lock().unwrap_or_else(PoisonError::into_inner)) {
        return answers;
    }
    let answers = evaluate(expression, devices).unwrap_or_else(|why| vec![Answer::Unclear(why); devices.len()]);
    let answers: Arc<[_]> = answers.into();
    let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    if memory.len() >= MOST_REMEMBERED {
        memory.clear();
    }
    memory.insert(key, answers.clone());
    answers
}

fn key(expression: &str, devices: &[Known<'_>]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for text in std::iter::once(Some(expression)).chain(devices.iter().flat_map(|device| device.texts())) {
        digest.update(text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
        digest.update(text.unwrap_or_default());
    }
    digest.finalize().into()
}

fn evaluate(expression: &str, devices: &[Known<'_>]) -> Result<Vec<Answer>, String> {
    length::check(expression)?;
    let on_own_stack = || stacker::grow(STACK, || on_stack(expression, devices));
    catch_unwind(AssertUnwindSafe(on_own_stack)).unwrap_or_else(|_| Err("it cannot be evaluated".into()))
}

/// The drivers that a selector compares a device's with; none where it cannot be read.
pub(super) fn drivers(expression: &str) -> BTreeSet<String> {
    let read = || {
        let mut parsed = LANGUAGE.parser().parse(expression).ok()?;
        let mut named = BTreeSet::new();
        known::drivers(&mut parsed, &mut named);
        Some(named)
    };
    let on_own_stack = || length::check(expression).ok().and_then(|()| stacker::grow(STACK, read));
    catch_unwind(AssertUnwindSafe(on_own_stack)).ok().flatten().unwrap_or_default()
}

fn on_stack(expression: &str, devices: &[Known<'_>]) -> Result<Vec<Answer>, String> {
    let parsed = LANGUAGE.parser().parse(expression).map_err(|_| "it cannot be read")?;
    let parsed = known::without_bindings(parsed)?;
    let context = Context::with_env(LANGUAGE.clone());
    let answer = |device: &Known<'_>| {
        let mut asked = parsed.clone();
        known::put_in(&mut asked, *device);
        cost::check(&asked, devices.len())?;
        Ok(match Value::resolve(&asked, &context) {
            Ok(Value::Bool(true)) => Answer::Yes,
            Ok(Value::Bool(false)) => Answer::No,
            Ok(_) => Answer::Unclear("it is neither true nor false".into()),
            Err(_) if known::asks_more(&mut asked) => Answer::Open,
            Err(_) => Answer::Unclear("it uses what is not known here".into()),
        })
    };
    devices.iter().map(answer).collect()
}

#[cfg(test)]
mod tests;

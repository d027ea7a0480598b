//! What a selector says of devices whose product name is known, and nothing else.
//!
//! A selector is evaluated with the product name put in. What it asks besides is not known, which is an error to the
//! evaluator; `&&` and `||` of CEL go on past errors, so that the answer is *no* only where no device of the product
//! could pass.
//!
//! Selectors are written by strangers. Their length, depth, steps and values are bounded before they are evaluated, on
//! a stack of their own; what exceeds a bound is not evaluated. Kubernetes evaluates them in the end, and the platform's
//! own selector beside them, so that nothing here decides what a claim may get.

mod cost;
mod known;
mod length;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ::cel::{Context, Env, Value, extensions};
use sha2::{Digest, Sha256};

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

/// Takes the longest selector, as deep as can be: unoptimised code needs 20 KB for each level.
const STACK: usize = 64 << 20;

/// So many selectors are remembered.
const MOST_REMEMBERED: usize = 4096;

type Memory = HashMap<[u8; 32], Arc<[Answer]>>;

/// Selectors repeat: those of classes stand in every claim, and each call is made twice.
static MEMORY: LazyLock<Mutex<Memory>> = LazyLock::new(Mutex::default);

static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut language = Env::stdlib();
    // Where it were refused, selectors that use it would be unclear.
    let _declared = language.add_extension(extensions::strings);
    Arc::new(language)
});

/// What a selector says of a device of each of some products.
pub(super) fn ask(expression: &str, products: &[&str]) -> Arc<[Answer]> {
    let key = key(expression, products);
    let remembered = |memory: &mut Memory| memory.get(&key).cloned();
    if let Some(answers) = remembered(&mut MEMORY.lock().unwrap_or_else(PoisonError::into_inner)) {
        return answers;
    }
    let answers = evaluate(expression, products).unwrap_or_else(|why| vec![Answer::Unclear(why); products.len()]);
    let answers: Arc<[_]> = answers.into();
    let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    if memory.len() >= MOST_REMEMBERED {
        memory.clear();
    }
    memory.insert(key, answers.clone());
    answers
}

fn key(expression: &str, products: &[&str]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for text in [expression].iter().chain(products) {
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    }
    digest.finalize().into()
}

fn evaluate(expression: &str, products: &[&str]) -> Result<Vec<Answer>, String> {
    length::check(expression)?;
    let on_own_stack = || stacker::grow(STACK, || on_stack(expression, products));
    catch_unwind(AssertUnwindSafe(on_own_stack)).unwrap_or_else(|_| Err("it cannot be evaluated".into()))
}

fn on_stack(expression: &str, products: &[&str]) -> Result<Vec<Answer>, String> {
    let parsed = LANGUAGE.parser().parse(expression).map_err(|_| "it cannot be read")?;
    let parsed = known::without_bindings(parsed)?;
    let context = Context::with_env(LANGUAGE.clone());
    let answer = |product: &&str| {
        let mut asked = parsed.clone();
        known::put_in(&mut asked, product);
        cost::check(&asked, products.len())?;
        Ok(match Value::resolve(&asked, &context) {
            Ok(Value::Bool(true)) => Answer::Yes,
            Ok(Value::Bool(false)) => Answer::No,
            Ok(_) => Answer::Unclear("it is neither true nor false".into()),
            Err(_) if known::asks_more(&mut asked) => Answer::Open,
            Err(_) => Answer::Unclear("it uses what is not known here".into()),
        })
    };
    products.iter().map(answer).collect()
}

#[cfg(test)]
mod tests;

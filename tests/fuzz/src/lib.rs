//! Reads and judges what nobody would write: real reviews, records and texts, changed at random, with what must hold.
//!
//! A target is a name, a set of seeds and a property. The tests run every target for a bounded number of cases and replay
//! what was found before; `cargo xtask fuzz` goes on for longer. What fails is made smaller and kept under
//! `tests/fuzz/corpus/<target>/`, where the tests find it for ever.

pub mod change;
pub mod corpus;
pub mod targets;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Whether a property holds for an input. A panic is a failure.
pub type Held = Result<(), TestCaseError>;

/// One thing that is fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What people call it.
    pub name: &'static str,
    /// What changes begin with.
    pub seeds: fn() -> Vec<Value>,
    /// What must hold, whatever comes of the changes.
    pub property: fn(&Value) -> Held,
}

/// An input for which a property does not hold, made as small as it gets.
#[derive(Debug)]
pub struct Found {
    /// The input.
    pub input: Value,
    /// What did not hold.
    pub why: String,
}

impl Target {
    /// Tries so many cases; equal seeds try equal cases.
    ///
    /// # Errors
    /// The first input that breaks the property.
    pub fn run(&self, seed: u64, cases: u32) -> Result<(), Found> {
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
        let seed: [u8; 32] = Sha256::digest(format!("{} {seed}", self.name)).into();
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        match runner.run(&change::changed((self.seeds)()), |input| (self.property)(&input)) {
            Ok(()) => Ok(()),
            Err(TestError::Fail(why, input)) => Err(Found { input, why: why.to_string() }),
            Err(TestError::Abort(why)) => Err(Found { input: Value::Null, why: format!("gave up: {why}") }),
        }
    }
}

//! What is made from something else in this repository is as it would be made now.

use super::tree::{Finding, Tree};
use crate::generate;
use anyhow::Result;

pub(crate) fn check(_: &Tree) -> Result<Vec<Finding>> {
    let finding =
        |(path, what): (String, &str)| Finding { path, line: 1, says: format!("{what}: run `{}`", manual::COMMAND) };
    Ok(generate::stale()?.into_iter().map(finding).collect())
}

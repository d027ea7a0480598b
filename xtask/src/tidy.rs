//! This repository's own rules: what a compiler cannot know and a reviewer should not have to look for.
//!
//! A check is a function from file contents to findings, in a file of its own.

mod assertions;
mod classes;
mod cycles;
mod fields;
mod generated;
mod ignored;
mod invariants;
mod links;
mod machine_paths;
mod modules;
mod orphans;
mod placeholders;
mod tokens;
mod tree;
mod uses;

use crate::paint::bad;
use anyhow::{Result, bail};
use std::process::ExitCode;
use tree::{Finding, Tree};

#[derive(clap::Args)]
pub(crate) struct Args {}

struct Check {
    name: &'static str,
    run: fn(&Tree) -> Result<Vec<Finding>>,
}

const CHECKS: &[Check] = &[
    Check { name: "files that no `mod` or target names", run: |tree| Ok(orphans::check(tree)) },
    Check { name: "circles", run: |tree| Ok(cycles::check(tree)) },
    Check { name: "ignored tests", run: |tree| Ok(ignored::check(tree)) },
    Check { name: "tests without an assertion", run: |tree| Ok(assertions::check(tree)) },
    Check { name: "classes of bypass without a test", run: |tree| Ok(classes::check(tree)) },
    Check { name: "crates that name what the architecture forbids", run: |tree| invariants::check(tree) },
    Check { name: "fields of records that nothing reads", run: |tree| Ok(fields::check(tree)) },
    Check { name: "placeholders", run: |tree| Ok(placeholders::check(tree)) },
    Check { name: "paths of somebody's machine", run: |tree| Ok(machine_paths::check(tree)) },
    Check { name: "links that lead nowhere", run: |tree| Ok(links::check(tree)) },
    Check { name: "files that are not as they are made", run: generated::check },
];

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Self {} = self;
        check()?;
        println!("tidy");
        Ok(ExitCode::SUCCESS)
    }
}

/// Runs every check, prints all findings, fails if there is one.
pub(crate) fn check() -> Result<()> {
    let tree = Tree::of_checkout()?;
    let mut count = 0;
    for check in CHECKS {
        let findings = (check.run)(&tree)?;
        if !findings.is_empty() {
            println!("{}", bad(check.name));
        }
        findings.iter().for_each(|finding| println!("  {finding}"));
        count += findings.len();
    }
    if count > 0 {
        bail!("{count} findings");
    }
    Ok(())
}

//! `cargo deny`: advisories, licences, bans, sources.

use crate::build::run;
use crate::crate_tool;
use anyhow::{Context, Result, bail};
use ground::Layout;
use std::process::Command;

const VERSION: &str = "0.20.2";

pub(crate) fn check() -> Result<()> {
    let deny = crate_tool::provide("cargo-deny", VERSION)?;
    let command = |checks: &[&str]| {
        let mut command = Command::new(&deny);
        command.args(["--log-level", "error", "check", "--hide-inclusion-graph"]).args(checks);
        command.current_dir(Layout::up().root());
        command
    };
    run(&mut command(&["bans", "licenses", "sources"]))?;
    let output = command(&["advisories"]).output().context("cannot run cargo-deny")?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    if unreachable(&said) {
        println!("the advisory database cannot be reached: advisories were not checked");
        return Ok(());
    }
    bail!("advisories\n{said}")
}

/// What cargo-deny says when it has no database, as opposed to when the database names one of our crates.
fn unreachable(said: &str) -> bool {
    said.contains("failed to fetch advisory database") || said.contains("failed to load advisory database")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_not_taken_for_a_missing_network() {
        assert!(unreachable("[ERROR] failed to fetch advisory database https://example.com: no route"));
        assert!(!unreachable("error[vulnerability]: a crate has a security vulnerability"));
    }
}

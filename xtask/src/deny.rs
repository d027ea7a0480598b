//! `cargo deny`: advisories, licences, bans, sources.

use crate::build::{self, run};
use anyhow::{Context, Result, bail};
use ground::Layout;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const VERSION: &str = "0.20.2";

pub(crate) fn check() -> Result<()> {
    let deny = provide()?;
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

/// From PATH, from `.dev/bin/`, or else installed there, unoptimised: it runs for a second, and compiles for minutes.
fn provide() -> Result<PathBuf> {
    let ours = Layout::up().bin("cargo-deny");
    for candidate in [PathBuf::from("cargo-deny"), ours.clone()] {
        let asked = Command::new(&candidate).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if asked.is_ok_and(|status| status.success()) {
            return Ok(candidate);
        }
    }
    eprintln!("installing cargo-deny {VERSION}, once");
    let mut install = build::cargo();
    install.args(["install", "cargo-deny", "--locked", "--quiet", "--version", VERSION, "--root"]);
    install.arg(Layout::up().dir()).args(["--target-dir"]).arg(Layout::up().dir().join("target"));
    install.envs([("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"), ("CARGO_PROFILE_RELEASE_LTO", "off")]);
    install.envs([("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"), ("CARGO_PROFILE_RELEASE_DEBUG", "0")]);
    run(&mut install)?;
    Ok(ours)
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

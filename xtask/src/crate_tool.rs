//! Programs of other people's crates: from PATH, from `.dev/bin/`, or installed there, once.

use crate::build::{self, run};
use anyhow::Result;
use ground::Layout;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Unoptimised: it runs for a second, and compiles for minutes.
pub(crate) fn provide(name: &str, version: &str) -> Result<PathBuf> {
    let ours = Layout::up().bin(name);
    for candidate in [PathBuf::from(name), ours.clone()] {
        let asked = Command::new(&candidate).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if asked.is_ok_and(|status| status.success()) {
            return Ok(candidate);
        }
    }
    eprintln!("installing {name} {version}, once");
    let mut install = build::cargo();
    install.args(["install", name, "--locked", "--quiet", "--version", version, "--root"]);
    install.arg(Layout::up().dir()).args(["--target-dir"]).arg(Layout::up().dir().join("target"));
    install.envs([("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"), ("CARGO_PROFILE_RELEASE_LTO", "off")]);
    install.envs([("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"), ("CARGO_PROFILE_RELEASE_DEBUG", "0")]);
    run(&mut install)?;
    Ok(ours)
}

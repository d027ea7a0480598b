//! Builds binaries with Go, with progress on standard error.

use crate::error::{Error, Result, last_lines};
use crate::layout::Layout;
use crate::tool::Tool;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The `go` line of the modules' go.mod.
const NEEDED: (u32, u32) = (1, 26);

/// Versions are stamped in as the projects' own release builds do: kubectl compares its own with the server's, and kwok
/// and Helm show theirs.
const LDFLAGS: &str = "-s -w \
    -X k8s.io/component-base/version.gitVersion=v1.37.0 \
    -X k8s.io/component-base/version.gitMajor=1 \
    -X k8s.io/component-base/version.gitMinor=37 \
    -X k8s.io/component-base/version.gitTreeState=clean \
    -X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0 \
    -X helm.sh/helm/v4/internal/version.version=v4.3.1";

pub(crate) fn build(layout: &Layout, tools: &[&Tool]) -> Result<()> {
    if tools.is_empty() {
        return Ok(());
    }
    check_version(layout)?;
    eprintln!("building {} binaries with Go, once; on two cores this takes about ten minutes", tools.len());
    for (index, tool) in tools.iter().enumerate() {
        let begin = Instant::now();
        let label = format!("{} ({} of {})", tool.name, index + 1, tools.len());
        go_build(layout, tool, &label)?;
        eprintln!("  {label}: {} s", begin.elapsed().as_secs());
    }
    Ok(())
}

/// Go writes its output in one step at the end, so an interrupted build leaves nothing half-made.
fn go_build(layout: &Layout, tool: &Tool, label: &str) -> Result<()> {
    let directory = layout.root().join("tests").join(tool.module);
    let mut child = Command::new("go")
        .args(["build", "-v", "-trimpath", "-ldflags", LDFLAGS, "-o"])
        .arg(layout.bin(tool.name))
        .arg(tool.package)
        .current_dir(&directory)
        .env("CGO_ENABLED", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::file("run", Path::new("go")))?;
    let said = child.stderr.take().map(|pipe| follow(BufReader::new(pipe), label)).unwrap_or_default();
    let status = child.wait().map_err(Error::file("run", Path::new("go")))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Command { command: format!("go build {}", tool.package), status: status.to_string(), stderr: said })
}

/// With `-v` go names each package that it compiles on a line of its own. Says now and then how far it is; returns the rest.
fn follow(lines: impl BufRead, label: &str) -> String {
    let (mut packages, mut rest) = (0, Vec::new());
    let mut spoken = Instant::now();
    for line in lines.lines().map_while(Result::ok) {
        if line.contains([' ', ':']) {
            rest.push(line)
        } else {
            packages += 1
        }
        if spoken.elapsed() > Duration::from_secs(10) {
            eprintln!("  {label}: {packages} packages compiled");
            spoken = Instant::now();
        }
    }
    last_lines(&rest.join("\n"), 12)
}

/// Asked in the module's directory: there Go fetches a newer toolchain by itself, where it is allowed to.
fn check_version(layout: &Layout) -> Result<()> {
    let (major, minor) = NEEDED;
    let install = format!("install Go {major}.{minor} or newer: the control plane is built with it");
    let asked = Command::new("go").arg("version").current_dir(layout.root().join("tests/cluster")).output();
    let Ok(output) = asked else { return Err(Error::says(format!("there is no `go` in PATH; {install}"))) };
    let answer = String::from_utf8_lossy(&output.stdout);
    match version(&answer) {
        Some(found) if found >= NEEDED => Ok(()),
        Some((major, minor)) => Err(Error::says(format!("`go` in PATH is version {major}.{minor}; {install}"))),
        None => Err(Error::says(format!(
            "`go version` gave no version; {install}\n{}",
            String::from_utf8_lossy(&output.stderr)
        ))),
    }
}

/// From `go version go1.26.8 linux/amd64`.
fn version(answer: &str) -> Option<(u32, u32)> {
    let mut parts = answer.split_ascii_whitespace().nth(2)?.strip_prefix("go")?.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(version("go version go1.27rc1 linux/amd64"), Some((1, 27)));
        assert!(version("go version go1.9 linux/amd64").unwrap() < NEEDED);
        assert_eq!(version(""), None);
    }

    #[test]
    fn packages_are_progress_and_everything_else_is_an_error_message() {
        let said = follow("k8s.io/api/core/v1\nmain.go:3:5: undefined: x\n".as_bytes(), "kubectl");
        assert_eq!(said.trim(), "main.go:3:5: undefined: x");
    }
}

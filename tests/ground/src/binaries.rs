//! Where the control plane's binaries come from: `KUBEBUILDER_ASSETS`, then `PATH`, then Go.
//!
//! All end up in `.dev/bin/`, built there or linked, so that the rest knows one place.

use crate::error::{Error, Result};
use crate::golang;
use crate::layout::{self, Layout};
use crate::output::Output;
use crate::tool::{TOOLS, TOOLS_OF_A_NODE, Tool};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes `.dev/bin/` complete, with what a real node needs where there will be one.
pub(crate) fn provide(layout: &Layout) -> Result<()> {
    let modules = &["cluster", "cluster/helm"];
    provide_all(layout, TOOLS, modules, ".stamp")?;
    if layout.has_real_node() {
        let modules = &["cluster", "cluster/containerd", "cluster/dra"];
        provide_all(layout, TOOLS_OF_A_NODE, modules, ".stamp-of-a-node")?;
    }
    Ok(())
}

/// The stamp holds a hash of the modules' files: with it nothing is asked or built again.
fn provide_all(layout: &Layout, tools: &'static [Tool], modules: &[&str], stamp: &str) -> Result<()> {
    let stamp = layout.bin(stamp);
    let wanted = stamp_of(layout, modules)?;
    let complete = || tools.iter().all(|tool| layout.bin(tool.name).exists());
    let current = || std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) && complete();
    if current() {
        return Ok(());
    }
    let _lock = layout::lock(&layout.bin(".lock"), "another command builds the control plane")?;
    if current() {
        return Ok(());
    }
    let mut missing = Vec::new();
    for tool in tools {
        match find(tool) {
            Some(found) => link(&found, &layout.bin(tool.name))?,
            None => missing.push(tool),
        }
    }
    golang::build(layout, &missing)?;
    layout::write(&stamp, wanted.as_bytes())
}

/// Makes sure of one binary in `.dev/bin/`, for a command that needs no control plane.
pub(crate) fn provide_one(layout: &Layout, name: &str) -> Result<()> {
    let Some(tool) = TOOLS.iter().find(|tool| tool.name == name) else {
        return Err(Error::says(format!("no binary is named {name}")));
    };
    let _lock = layout::lock(&layout.bin(".lock"), "another command builds the control plane")?;
    if is_suitable(tool, &layout.bin(name)) {
        return Ok(());
    }
    match find(tool) {
        Some(found) => link(&found, &layout.bin(name)),
        None => golang::build(layout, &[tool]),
    }
}

fn stamp_of(layout: &Layout, modules: &[&str]) -> Result<String> {
    let mut hash = Sha256::new();
    for file in modules.iter().flat_map(|module| [format!("{module}/go.mod"), format!("{module}/go.sum")]) {
        let path = layout.root().join("tests").join(file);
        hash.update(std::fs::read(&path).map_err(Error::file("read", &path))?);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A suitable one that the machine already has.
fn find(tool: &Tool) -> Option<PathBuf> {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = assets.into_iter().chain(std::env::split_paths(&path).collect::<Vec<_>>());
    places.map(|place| place.join(tool.name)).find(|program| program.is_file() && is_suitable(tool, program))
}

fn is_suitable(tool: &Tool, program: &Path) -> bool {
    let mut command = Command::new(program);
    command.args(tool.ask);
    Output::of(command, "").is_ok_and(|output| output.success && names_suitable(tool, &output.stdout))
}

/// A version is a word of its own: `Client Version: v1.37.0`, `etcd Version: 3.7.0`, `v4.3.1+g1a2b3c`.
fn names_suitable(tool: &Tool, answer: &str) -> bool {
    answer.split_ascii_whitespace().any(|word| tool.suitable.iter().any(|version| word.starts_with(version)))
}

fn link(program: &Path, at: &Path) -> Result<()> {
    layout::make_parent(at)?;
    if at.symlink_metadata().is_ok() {
        std::fs::remove_file(at).map_err(Error::file("remove", at))?;
    }
    eprintln!("using {}", program.display());
    std::os::unix::fs::symlink(program, at).map_err(Error::file("make", at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str) -> &'static Tool {
        TOOLS.iter().find(|tool| tool.name == name).unwrap()
    }

    #[test]
    fn only_the_same_minor_version_is_suitable() {
        let kubectl = tool("kubectl");
        assert!(names_suitable(kubectl, "Client Version: v1.37.2\nKustomize Version: v5.8.1\n"));
        assert!(!names_suitable(kubectl, "Client Version: v1.32.4\nKustomize Version: v5.5.0\n"));
        assert!(!names_suitable(kubectl, "Client Version: v1.3.37\n"));
        assert!(names_suitable(tool("etcd"), "etcd Version: 3.6.1\nGit SHA: abc\n"));
        assert!(!names_suitable(tool("etcd"), "etcd Version: 3.5.9\nGo Version: go1.23\n"));
    }
}

//! The files that git tracks or would track, and what a check says about them.

use super::tokens::Code;
use anyhow::{Context, Result, ensure};
use std::fmt;
use std::process::Command;

/// Text files with their paths relative to the checkout's root.
#[derive(Debug)]
pub(crate) struct Tree {
    pub files: Vec<File>,
}

#[derive(Debug)]
pub(crate) struct File {
    pub path: String,
    pub text: String,
    /// The tokens of a Rust file.
    pub code: Option<Code>,
}

/// One thing to put right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub path: String,
    pub line: usize,
    pub says: String,
}

impl Tree {
    pub(crate) fn of_checkout() -> Result<Self> {
        let layout = ground::Layout::up();
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(layout.root())
            .output()
            .context("cannot run git")?;
        ensure!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
        let names = String::from_utf8(listed.stdout)?;
        // What cannot be read as text, or was deleted and not committed yet, is nobody's concern here.
        let read = |path: &str| Some((path.to_owned(), std::fs::read_to_string(layout.root().join(path)).ok()?));
        Self::of(names.split_terminator('\0').filter_map(read))
    }

    pub(crate) fn of(files: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let files = files.into_iter().map(|(path, text)| {
            let code = path.ends_with(".rs").then(|| Code::parse(&text)).transpose();
            let code = code.map_err(|error| anyhow::anyhow!("{path} is not Rust: {error}"))?;
            Ok(File { path, text, code })
        });
        Ok(Self { files: files.collect::<Result<_>>()? })
    }

    /// The Rust files.
    pub(crate) fn code(&self) -> impl Iterator<Item = (&File, &Code)> {
        self.files.iter().filter_map(|file| Some((file, file.code.as_ref()?)))
    }

    pub(crate) fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The directories of packages, longest first, so that the first match is the nearest.
    pub(crate) fn packages(&self) -> Vec<&str> {
        let manifests = self.files.iter().filter_map(|file| file.path.strip_suffix("/Cargo.toml"));
        let mut packages: Vec<&str> = manifests.collect();
        packages.sort_by_key(|package| std::cmp::Reverse(package.len()));
        packages
    }

    /// The package that a file belongs to.
    pub(crate) fn package_of(&self, path: &str) -> Option<&str> {
        self.packages().into_iter().find(|package| path.strip_prefix(package).is_some_and(|rest| rest.starts_with('/')))
    }
}

impl File {
    pub(crate) fn finding(&self, line: usize, says: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, says: says.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.says)
    }
}

/// A tree for the tests of the checks.
#[cfg(test)]
pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
    Tree::of(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))).unwrap()
}

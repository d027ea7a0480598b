//! `cargo xtask generate`, and what tidy asks of it: everything in this repository that is made from something else in it.
//!
//! It is made below `target/generated` first. The command carries over what differs, tidy names it.

use crate::build;
use anyhow::{Context, Result, ensure};
use ground::Layout;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use walkdir::WalkDir;

/// Directories that hold nothing but what is made, and [`WRITTEN`].
const MADE: &[&str] = &["docs/reference", "manifests/rendered", "manifests/sluice/crds"];
/// By people.
const WRITTEN: &[&str] = &["docs/reference/README.md"];

/// Each makes a part of it below a directory. What a later one reads an earlier one makes.
const STEPS: &[fn(&Path) -> Result<()>] = &[|into| tests(into, "definitions"), render, |into| tests(into, "reference")];

/// Paths in this repository, with texts.
type Files = BTreeMap<String, String>;

/// Everything is made anew, and what differs is written.
#[derive(clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Self {} = self;
        let into = empty_directory()?;
        let mut made = Files::new();
        for step in STEPS {
            step(&into)?;
            made = below(&into, &[""])?;
            let kept = kept()?;
            for path in differences(&made, &kept).0 {
                let to = Layout::up().root().join(path);
                std::fs::create_dir_all(to.parent().unwrap_or(&to)).and_then(|()| std::fs::write(&to, &made[path]))?;
                println!("wrote {path}");
            }
        }
        let kept = kept()?;
        for path in differences(&made, &kept).1 {
            std::fs::remove_file(Layout::up().root().join(path))?;
            println!("removed {path}");
        }
        println!("{} files are what the code says", made.len());
        Ok(ExitCode::SUCCESS)
    }
}

/// Each file that is not as it would be made, with what is wrong.
pub(crate) fn stale() -> Result<Vec<(String, &'static str)>> {
    let into = empty_directory()?;
    STEPS.iter().try_for_each(|step| step(&into))?;
    let (made, kept) = (below(&into, &[""])?, kept()?);
    let (stale, gone) = differences(&made, &kept);
    let stale = stale.into_iter().map(|path| (path.to_owned(), "is stale"));
    Ok(stale.chain(gone.into_iter().map(|path| (path.to_owned(), "is made by nothing"))).collect())
}

/// What is made and kept otherwise or not at all, and what is kept and not made.
fn differences<'a>(made: &'a Files, kept: &'a Files) -> (Vec<&'a str>, Vec<&'a str>) {
    let stale = made.iter().filter(|(path, text)| kept.get(*path) != Some(text)).map(|(path, _)| path.as_str());
    let gone = kept.keys().filter(|path| !made.contains_key(*path) && !WRITTEN.contains(&path.as_str()));
    (stale.collect(), gone.map(String::as_str).collect())
}

fn empty_directory() -> Result<PathBuf> {
    let into = ground::target().join("generated");
    match std::fs::remove_dir_all(&into) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("cannot empty a directory"),
        _ => Ok(into),
    }
}

fn kept() -> Result<Files> {
    below(Layout::up().root(), MADE)
}

/// The files in some directories of a repository.
fn below(root: &Path, directories: &[&str]) -> Result<Files> {
    let mut files = Files::new();
    for entry in directories.iter().flat_map(|directory| WalkDir::new(root.join(directory))) {
        let path = entry?.into_path();
        if path.is_file() {
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            files.insert(name, std::fs::read_to_string(&path)?);
        }
    }
    Ok(files)
}

/// Runs the tests whose names begin so, which write what they make. `--workspace`, so that nothing is compiled twice; the other
/// names say which tests' programs are built.
fn tests(into: &Path, name: &str) -> Result<()> {
    let mut cargo = build::cargo();
    cargo.args([
        "test",
        "--quiet",
        "--workspace",
        "--bin",
        "sluice",
        "--test",
        "engine",
        "--test",
        "reference",
        "--",
        name,
    ]);
    let output = cargo.env(manual::INTO, into).output().context("cannot run cargo")?;
    let said = || String::from_utf8_lossy(&[output.stdout.as_slice(), b"\n", &output.stderr].concat()).into_owned();
    ensure!(output.status.success(), "the tests that make files failed\n{}", said());
    Ok(())
}

/// Renders the chart with its defaults.
fn render(into: &Path) -> Result<()> {
    let to = into.join("manifests/rendered/sluice.yaml");
    std::fs::create_dir_all(to.parent().unwrap_or(into))?;
    let text = format!("{RENDERED}{}", ground::render_chart(&[])?);
    std::fs::write(&to, text).with_context(|| to.display().to_string())
}

const RENDERED: &str = "\
# What the chart renders with its defaults, for people without Helm. `cargo xtask generate` makes it by
#   helm template sluice manifests/sluice -n sluice-system --include-crds
# To use it: kubectl create namespace sluice-system, then kubectl apply -f this file, twice (the policy needs its CRD).
";

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn what_is_otherwise_missing_or_made_by_nothing_is_named() {
        let made = files(&[("docs/reference/a.md", "a"), ("manifests/rendered/sluice.yaml", "new"), ("x.yaml", "x")]);
        let kept = files(&[
            ("docs/reference/README.md", "by hand"),
            ("docs/reference/a.md", "a"),
            ("docs/reference/old.md", ""),
            ("manifests/rendered/sluice.yaml", "old"),
        ]);
        let (stale, gone) = differences(&made, &kept);
        assert_eq!(stale, ["manifests/rendered/sluice.yaml", "x.yaml"]);
        assert_eq!(gone, ["docs/reference/old.md"]);
    }
}

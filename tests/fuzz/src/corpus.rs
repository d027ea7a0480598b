//! Where inputs are from: the repository's own manifests and records, and what was found before.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use records::files::documents;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Target;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A manifest of the examples, with the person who submits it.
pub(crate) struct Example {
    pub(crate) user: String,
    pub(crate) object: Value,
}

/// The objects of a folder of examples. A file says in its first line as whom it is submitted.
pub(crate) fn examples(folder: &str) -> Vec<Example> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("examples").join(folder))
        .expect("the examples are there")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).expect("text"));
    texts
        .flat_map(|text| {
            let user = text.strip_prefix("# as: ").and_then(|rest| rest.split(';').next()).unwrap_or("bob").to_owned();
            let objects: Vec<_> = documents::all(&text).map(|object| object.expect("an object")).collect();
            objects.into_iter().map(move |object| Example { user: user.clone(), object })
        })
        .collect()
}

/// The folder of the sample organisation.
pub(crate) fn organisation() -> PathBuf {
    root().join("examples/org")
}

fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

/// What was found before, each with its file's name.
///
/// # Errors
/// Where a file cannot be read.
pub fn kept(target: &Target) -> Result<Vec<(String, Value)>> {
    let Ok(files) = std::fs::read_dir(folder(target)) else { return Ok(Vec::new()) };
    let mut kept = Vec::new();
    for file in files {
        let path = file?.path();
        let text = std::fs::read_to_string(&path)?;
        let input = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        kept.push((path.display().to_string(), input));
    }
    Ok(kept)
}

/// Keeps an input for the tests to replay. Returns the file.
///
/// # Errors
/// Where it cannot be written.
pub fn keep(target: &Target, input: &Value) -> Result<PathBuf> {
    let text = serde_json::to_string_pretty(input)?;
    let name: String = Sha256::digest(&text).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let folder = folder(target);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
    Ok(path)
}

//! Stories: what somebody submits, and what they are told. They are in `tests/cases`; `tell.rs` says how they are written.

mod expect;
mod story;

use std::path::Path;

use serde::Deserialize;
use walkdir::WalkDir;

pub(crate) use story::Story;

/// Every story with the file that tells it, and what could not be read.
pub(crate) fn all() -> (Vec<(String, Story)>, Vec<String>) {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let (mut stories, mut failures) = (Vec::new(), Vec::new());
    for file in WalkDir::new(&cases).sort_by_file_name() {
        let path = file.expect("a case").into_path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a case");
        let here = path.strip_prefix(&cases).expect("below the cases").display();
        for (index, document) in serde_norway::Deserializer::from_str(&text).enumerate() {
            match Story::deserialize(document) {
                Ok(story) => stories.push((here.to_string(), story)),
                // The reader goes on at the next document only after one that it could read.
                Err(why) => {
                    failures.push(format!("{here}: story {index}: {why}"));
                    break;
                }
            }
        }
    }
    (stories, failures)
}

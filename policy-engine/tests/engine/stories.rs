//! Stories: what somebody submits, and what they are told. Every case is in `tests/cases`.
//!
//! Every story is judged twice: the validating call must find nothing left to write, and say the same.

mod expect;
mod story;

use std::path::Path;

use serde::Deserialize;
use walkdir::WalkDir;

use story::Story;

#[test]
fn stories() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut told = 0;
    let mut failures = Vec::new();
    for file in WalkDir::new(&cases).sort_by_file_name() {
        let path = file.expect("a case").into_path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a case");
        let here = path.strip_prefix(&cases).expect("below the cases").display();
        for document in serde_norway::Deserializer::from_str(&text) {
            match Story::deserialize(document) {
                Ok(story) => {
                    let wrong = story.tell();
                    failures.extend(wrong.into_iter().map(|wrong| format!("{here}: {}: {wrong}", story.story)));
                    told += 1;
                }
                // The reader goes on at the next document only after one that it could read.
                Err(why) => {
                    failures.push(format!("{here}: story {told}: {why}"));
                    break;
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {told} stories:\n{}", failures.len(), failures.join("\n"));
    println!("{told} stories were told");
    assert!(told > 80, "only {told} stories in {}", cases.display());
}

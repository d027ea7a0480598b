//! The pages of `docs/reference`: written where `UPDATE_DOCS` is set, compared with what is there otherwise.
//!
//! Whoever knows a thing makes its pages, in a test that asserts that [`stale`] finds nothing. `cargo xtask docs` runs
//! those tests to write.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What writes every page.
pub const COMMAND: &str = "cargo xtask docs";

/// A page that is made.
#[derive(Debug)]
pub struct Page {
    /// Below `docs/reference`.
    pub path: String,
    text: String,
}

impl Page {
    /// A page with its text in Markdown, and the files that it is made from: paths in this repository.
    pub fn new(path: impl Into<String>, text: &str, sources: &[&str]) -> Self {
        let path = path.into();
        let up = "../".repeat(path.matches('/').count() + 2);
        let sources: Vec<_> = sources.iter().map(|source| format!("[`{source}`]({up}{source})")).collect();
        let text = format!("{}\n\n---\n\n*Made by `{COMMAND}` from {}.*\n", text.trim_end(), sources.join(" and "));
        Self { path, text }
    }
}

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference")
}

/// What is not as it should be, with what to do: pages that say something else, and in `directory` files that nobody
/// makes. Nothing where `UPDATE_DOCS` is set: then they are put right.
///
/// # Panics
/// Where a file cannot be written or removed.
pub fn stale(directory: Option<&str>, pages: &[Page]) -> Vec<String> {
    stale_or_mended(directory, pages, std::env::var_os("UPDATE_DOCS").is_some())
}

fn stale_or_mended(directory: Option<&str>, pages: &[Page], update: bool) -> Vec<String> {
    let kept = reference();
    let mut stale = Vec::new();
    for page in pages {
        let path = kept.join(&page.path);
        if std::fs::read_to_string(&path).is_ok_and(|text| text == page.text) {
            continue;
        }
        if update {
            std::fs::create_dir_all(path.parent().unwrap_or(&kept)).expect("a directory for the page");
            std::fs::write(&path, &page.text).expect("a page that can be written");
        } else {
            stale.push(format!("docs/reference/{} is stale: run `{COMMAND}`", page.path));
        }
    }
    let files = directory.map(|directory| std::fs::read_dir(kept.join(directory)).into_iter().flatten().flatten());
    for file in files.into_iter().flatten() {
        let path = format!("{}/{}", directory.unwrap_or_default(), file.file_name().display());
        if pages.iter().any(|page| page.path == path) {
            continue;
        }
        if update {
            std::fs::remove_file(file.path()).expect("a page that can be removed");
        } else {
            stale.push(format!("docs/reference/{path} is about something that is gone: run `{COMMAND}`"));
        }
    }
    stale
}

/// A table. What would end a cell is escaped.
pub fn table<const COLUMNS: usize>(head: [&str; COLUMNS], rows: impl IntoIterator<Item = [String; COLUMNS]>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(COLUMNS));
    for row in rows {
        let cells = row.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        let _infallible = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// A sentence with a capital letter in front and a full stop behind.
pub fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut letters = text.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if capital.ends_with(['.', '?', '!', ':']) { capital } else { capital + "." }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_command_and_its_sources() {
        let page = Page::new("rules/image.md", "# image\n", &["policy-engine/src/rules/image.rs"]);
        let source = "[`policy-engine/src/rules/image.rs`](../../../policy-engine/src/rules/image.rs)";
        assert_eq!(page.text, format!("# image\n\n---\n\n*Made by `cargo xtask docs` from {source}.*\n"));
    }

    #[test]
    fn a_stale_page_is_named_with_the_command() {
        let page = Page::new("nowhere.md", "# nothing", &["README.md"]);
        assert_eq!(
            stale_or_mended(None, &[page], false),
            ["docs/reference/nowhere.md is stale: run `cargo xtask docs`"]
        );
    }

    #[test]
    fn a_cell_cannot_end_its_row() {
        let text = table(["a", "b"], [["x|y".into(), "1\n2".into()]]);
        assert_eq!(text, "| a | b |\n|---|---|\n| x\\|y | 1 2 |\n");
    }

    #[test]
    fn a_sentence_is_one() {
        assert_eq!(sentence("a short name is Docker Hub's"), "A short name is Docker Hub's.");
        assert_eq!(sentence("Where is it?"), "Where is it?");
    }
}

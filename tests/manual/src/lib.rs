//! Files of this repository that are made from its code: the pages of `docs/reference`, and the CRDs.
//!
//! Whoever knows a thing makes its files, in a test that ends with [`assert_made`]. `cargo xtask generate` runs those tests
//! with [`INTO`] set: then they write.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What writes everything that is made.
pub const COMMAND: &str = "cargo xtask generate";
/// The environment variable that names the directory to write into; paths below it are those of the repository.
pub const INTO: &str = "SLUICE_GENERATE";

/// A file that is made.
#[derive(Debug)]
pub struct Page {
    /// In this repository.
    path: String,
    text: String,
}

impl Page {
    /// A page of `docs/reference` with its text in Markdown, and the files that it is made from: paths in this repository.
    pub fn new(path: impl Into<String>, text: &str, sources: &[&str]) -> Self {
        let path = path.into();
        let up = "../".repeat(path.matches('/').count() + 2);
        let sources: Vec<_> = sources.iter().map(|source| format!("[`{source}`]({up}{source})")).collect();
        let text = format!("{}\n\n---\n\n*Made by `{COMMAND}` from {}.*\n", text.trim_end(), sources.join(" and "));
        Self { path: format!("docs/reference/{path}"), text }
    }

    /// A file with this text and nothing else.
    pub fn plain(path: impl Into<String>, text: String) -> Self {
        Self { path: path.into(), text }
    }
}

/// Fails if a file is not as it is made, or if `directory` has one that nobody makes. Where [`INTO`] is set it writes instead.
///
/// # Panics
/// Then, with a line for each file; and where a file cannot be written.
pub fn assert_made(directory: Option<&str>, pages: &[Page]) {
    let wrong = match std::env::var_os(INTO) {
        Some(into) => write(Path::new(&into), pages),
        None => stale(directory, pages),
    };
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn write(into: &Path, pages: &[Page]) -> Vec<String> {
    let write = |page: &Page| {
        let path = into.join(&page.path);
        std::fs::create_dir_all(path.parent().unwrap_or(into)).and_then(|()| std::fs::write(&path, &page.text))
    };
    pages.iter().filter_map(|page| Some(format!("{}: {}", page.path, write(page).err()?))).collect()
}

fn stale(directory: Option<&str>, pages: &[Page]) -> Vec<String> {
    let is_kept = |page: &&Page| std::fs::read_to_string(root().join(&page.path)).is_ok_and(|text| text == page.text);
    let stale = pages.iter().filter(|page| !is_kept(page));
    let stale = stale.map(|page| format!("{} is stale: run `{COMMAND}`", page.path));
    let files = directory.map(|directory| std::fs::read_dir(root().join(directory)).into_iter().flatten().flatten());
    let paths = files
        .into_iter()
        .flatten()
        .map(|file| format!("{}/{}", directory.unwrap_or_default(), file.file_name().display()));
    let gone = paths.filter(|path| !pages.iter().any(|page| page.path == *path));
    stale.chain(gone.map(|path| format!("{path} is about something that is gone: run `{COMMAND}`"))).collect()
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
        assert_eq!(page.text, format!("# image\n\n---\n\n*Made by `cargo xtask generate` from {source}.*\n"));
    }

    #[test]
    fn what_is_stale_is_named_with_the_command() {
        let page = Page::new("nowhere.md", "# nothing", &["README.md"]);
        assert_eq!(stale(None, &[page]), ["docs/reference/nowhere.md is stale: run `cargo xtask generate`"]);
        let gone = "tests/manual/Cargo.toml is about something that is gone: run `cargo xtask generate`";
        assert!(stale(Some("tests/manual"), &[]).contains(&gone.to_owned()));
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

//! A field of a record that nobody reads, or that nobody writes into a status, promises what does not happen.

use super::tree::{File, Finding, Tree};
use std::collections::BTreeSet;

/// How the description of a field says that nothing acts on it; whoever sets one is told.
const NOT_YET: &str = "(not yet)";

/// Where records are defined: the files beside `lib.rs`, which hold nothing else.
const RECORDS: &str = "records/src/";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let (defining, others): (Vec<&File>, Vec<&File>) = tree.code().map(|(file, _)| file).partition(|file| {
        file.path
            .strip_prefix(RECORDS)
            .is_some_and(|name| !name.contains('/') && !["lib.rs", "convert.rs"].contains(&name))
    });
    let is_test = |file: &&&File| file.path.contains("tests");
    let named: BTreeSet<&str> =
        others.iter().filter(|file| !is_test(file)).flat_map(|file| words(&file.text)).collect();
    defining.into_iter().filter(|file| !file.path.contains("tests")).flat_map(|file| unread(file, &named)).collect()
}

/// The words of its code: names, and what stands in its strings. What is taken apart and thrown away is not read.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        line.split(move |c| !is_word(c)).filter(move |word| !word.is_empty() && !line.contains(&format!("{word}: _")))
    })
}

fn unread<'a>(file: &'a File, named: &'a BTreeSet<&str>) -> impl Iterator<Item = Finding> + 'a {
    let mut described = String::new();
    file.text.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.trim_start();
        if let Some(words) = line.strip_prefix("///") {
            described.push_str(words);
            return None;
        }
        let field = line.strip_prefix("pub ").and_then(|rest| rest.split_once(':')).map(|(name, _)| name);
        let field = field.filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
        if !line.starts_with('#') {
            let is_later = std::mem::take(&mut described).contains(NOT_YET);
            let said = camel(field?);
            // A printer column shows it.
            let is_read =
                named.contains(field?) || named.contains(said.as_str()) || file.text.contains(&format!(".{said}\""));
            let says = || format!("nothing reads or writes `{said}`; use it, take it out, or describe it as {NOT_YET}");
            return (!is_later && !is_read).then(|| file.finding(index + 1, says()));
        }
        None
    })
}

/// As the record has it.
fn camel(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let initial = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &initial.into_iter().chain(letters).collect::<String>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::tree;

    fn says(record: &str, reader: &str) -> Vec<String> {
        let files = [("records/src/plan.rs", record), ("cluster/src/view.rs", reader)];
        check(&tree(&files)).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn a_field_is_read_written_shown_or_said_to_come_later() {
        let record = "pub struct Spec {\n    /// When.\n    pub idle_timeout: u8,\n}";
        let nothing = ["nothing reads or writes `idleTimeout`; use it, take it out, or describe it as (not yet)"];
        assert_eq!(says(record, "fn a() {}"), nothing);
        assert_eq!(says(record, "// idle_timeout\nfn a(Spec { idle_timeout: _ }: Spec) {}"), nothing);
        assert_eq!(says(record, "fn a(it: Spec) -> u8 { it.idle_timeout }"), Vec::<String>::new());
        assert_eq!(says(record, "fn a() { json!({\"idleTimeout\": 1}) }"), Vec::<String>::new());
        let later = record.replace("When.", "When (not yet).");
        assert_eq!(says(&later, "fn a() {}"), Vec::<String>::new());
        let shown = format!("column(json_path = \".spec.idleTimeout\");\n{record}");
        assert_eq!(says(&shown, "fn a() {}"), Vec::<String>::new());
    }
}

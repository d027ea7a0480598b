//! A path of one machine works on that machine.

use super::tree::{Finding, Tree};

/// Beginnings of absolute paths, in two parts, or this file would be a finding.
const BEGINNINGS: &[(&str, &str)] = &[("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/")];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(path) = machine_path(line) {
                findings.push(file.finding(number + 1, format!("{path} exists on one machine only")));
            }
        }
    }
    findings
}

/// An absolute path begins a word; inside a longer path or a URL the same letters are somebody else's directory.
fn machine_path(line: &str) -> Option<&str> {
    BEGINNINGS.iter().find_map(|(first, second)| {
        let beginning = format!("{first}{second}");
        let at = line.match_indices(&beginning).map(|(at, _)| at).find(|at| {
            let before = line[..*at].chars().next_back();
            before
                .is_none_or(|before| !(before.is_alphanumeric() || matches!(before, '.' | '-' | '_' | '/' | '}' | '*')))
        })?;
        line[at..].split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ')')).next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::tree;

    #[test]
    fn an_absolute_path_is_found_and_a_part_of_another_is_not() {
        let path = ["/wo", "rk/main"].concat();
        let text = format!("fine\nroot: \"{path}\"\nhttps://example.com{path}\n");
        let found = check(&tree(&[("values.yaml", &text)]));
        assert_eq!(
            found,
            [Finding { path: "values.yaml".into(), line: 2, says: format!("{path} exists on one machine only") }]
        );
    }
}

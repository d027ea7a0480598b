//! An ignored test is a promise that nobody keeps.

use super::tree::{Finding, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, code) in tree.code() {
        let ignored = code.attributes().into_iter().filter(|(words, _)| {
            let conditional = words.first().is_some_and(|word| word == "cfg_attr");
            words.first().is_some_and(|word| word == "ignore")
                || conditional && words.iter().any(|word| word == "ignore")
        });
        findings.extend(ignored.map(|(_, line)| file.finding(line, "a test that is never run: mend it or remove it")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::tree;

    #[test]
    fn every_spelling_is_found_and_other_attributes_are_not() {
        let text = "#[test]\n#[ignore]\nfn a() {}\n#[ignore = \"slow\"]\nfn b() {}\n#[cfg_attr(unix, ignore)]\nfn c() {}\n#[serde(ignore)]\nstruct D;";
        let lines: Vec<usize> = check(&tree(&[("a.rs", text)])).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2, 4, 6]);
    }
}

//! `todo!` and `unimplemented!` compile, and fail in front of the user.

use super::tree::{Finding, Tree};

const NAMES: &[&str] = &["todo", "unimplemented"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, code) in tree.code() {
        for name in NAMES {
            findings.extend(code.macro_calls(name).into_iter().map(|line| file.finding(line, format!("`{name}!`"))));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::tree;

    #[test]
    fn a_call_is_found_also_inside_a_macro_but_not_in_a_string_or_comment() {
        let text = "// todo!()\nfn a() { say(\"todo!\"); }\nfn b() { select! { _ = x => todo!() } }";
        let lines: Vec<usize> = check(&tree(&[("a.rs", text)])).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [3]);
    }
}

//! Every class of bypass that docs/security.md lists has a test of its name.

use super::tree::{Finding, Tree};

const PAGE: &str = "docs/security.md";

/// A row names the beginning of its tests' names in backticks in its last column.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.get(PAGE) else { return Vec::new() };
    let tests: Vec<String> = tree.code().flat_map(|(_, code)| code.functions()).map(|function| function.name).collect();
    let rows = page.text.lines().enumerate().filter_map(|(line, text)| {
        let (_, last) = text.trim_end().strip_suffix('|')?.rsplit_once('|')?;
        let class = last.trim().strip_prefix('`')?.strip_suffix('`')?;
        Some((line + 1, class))
    });
    let without = rows.filter(|(_, class)| !tests.iter().any(|test| test.starts_with(class)));
    without.map(|(line, class)| page.finding(line, format!("no test's name begins with `{class}`"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::tree;

    #[test]
    fn a_class_without_a_test_is_found() {
        let page = "| class | tried | tests |\n|---|---|---|\n| a | x | `class_a` |\n| b | y | `class_b` |\n";
        let files = [(PAGE, page), ("a.rs", "#[test] fn class_a_in_every_way() { assert!(true) }")];
        let found = check(&tree(&files));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].says.as_str()), (4, "no test's name begins with `class_b`"));
    }
}

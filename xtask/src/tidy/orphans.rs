//! A Rust file that no `mod` and no Cargo target names is not compiled: its tests pass by not being there.

use super::modules::Crate;
use super::tree::{Finding, Tree};
use std::collections::BTreeSet;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let crates = Crate::all(tree);
    let named: BTreeSet<&str> =
        crates.iter().flat_map(|it| &it.modules).map(|module| module.file.path.as_str()).collect();
    let orphans = tree.code().filter(|(file, _)| !named.contains(file.path.as_str()));
    orphans.map(|(file, _)| file.finding(1, "no `mod` and no target names this file")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::tree;

    #[test]
    fn a_file_that_nobody_names_is_found() {
        let found = check(&tree(&[
            ("a/Cargo.toml", ""),
            ("a/src/lib.rs", "mod one; mod two { mod three; } #[cfg(test)] #[path = \"odd.rs\"] mod tests;"),
            ("a/src/one.rs", "mod four;"),
            ("a/src/one/four.rs", ""),
            ("a/src/two/three.rs", ""),
            ("a/src/odd.rs", ""),
            ("a/src/lost.rs", ""),
            ("a/tests/whole.rs", "mod common;"),
            ("a/tests/common/mod.rs", ""),
            ("a/tests/common/forgotten.rs", ""),
        ]));
        let paths: Vec<&str> = found.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, ["a/src/lost.rs", "a/tests/common/forgotten.rs"]);
    }
}

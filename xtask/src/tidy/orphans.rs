//! A Rust file that no `mod` and no Cargo target names is not compiled: its tests pass by not being there.

use super::tree::{Finding, Tree};
use std::collections::BTreeSet;
use syn::Item;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut named = BTreeSet::new();
    for (file, _) in tree.code() {
        if is_root(tree, &file.path) {
            follow(tree, &file.path, &mut named);
        }
    }
    let orphans = tree.code().filter(|(file, _)| !named.contains(file.path.as_str()));
    orphans.map(|(file, _)| file.finding(1, "no `mod` and no target names this file")).collect()
}

/// Cargo's automatic targets, and those that a manifest gives a path.
fn is_root(tree: &Tree, path: &str) -> bool {
    let Some(package) = tree.package_of(path) else { return false };
    let inside = &path[package.len() + 1..];
    let parts: Vec<&str> = inside.split('/').collect();
    let automatic = matches!(
        parts.as_slice(),
        ["build.rs"]
            | ["src", "lib.rs" | "main.rs"]
            | ["src", "bin", _]
            | ["tests" | "benches" | "examples", _]
            | ["src", "bin", _, "main.rs"]
            | ["tests" | "benches" | "examples", _, "main.rs"]
    );
    automatic
        || tree
            .get(&format!("{package}/Cargo.toml"))
            .is_some_and(|file| file.text.contains(&format!("path = \"{inside}\"")))
}

fn follow(tree: &Tree, path: &str, named: &mut BTreeSet<String>) {
    let Some(file) = tree.get(path) else { return };
    if !named.insert(path.to_owned()) {
        return;
    }
    let Ok(syntax) = syn::parse_file(&file.text) else { return };
    for candidate in children(&syntax.items, &home(tree, path), directory(path)) {
        follow(tree, &candidate, named);
    }
}

/// Where the modules of a file live: beside a root or a `mod.rs`, else in a directory of its own name.
fn home(tree: &Tree, path: &str) -> String {
    let beside = is_root(tree, path) || path.ends_with("/mod.rs");
    if beside { directory(path).to_owned() } else { path.trim_end_matches(".rs").to_owned() }
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Both places where each `mod x;` may be. `#[path]` counts from the file's own directory.
fn children(items: &[Item], home: &str, own: &str) -> Vec<String> {
    let mut found = Vec::new();
    for item in items {
        let Item::Mod(module) = item else { continue };
        let name = module.ident.to_string();
        match &module.content {
            Some((_, inner)) => found.extend(children(inner, &format!("{home}/{name}"), own)),
            None => found.extend([format!("{home}/{name}.rs"), format!("{home}/{name}/mod.rs")]),
        }
        found.extend(module.attrs.iter().filter_map(path_attribute).map(|path| format!("{own}/{path}")));
    }
    found
}

fn path_attribute(attribute: &syn::Attribute) -> Option<String> {
    let value = &attribute.meta.require_name_value().ok().filter(|meta| meta.path.is_ident("path"))?.value;
    match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
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

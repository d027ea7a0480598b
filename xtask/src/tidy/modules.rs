//! The modules of every crate, found by following `mod` from the files that Cargo compiles first.

use super::tree::{File, Tree};
use syn::{Attribute, Item};

/// A module: a file of its own, or a block inside another module's file.
pub(crate) struct Module<'a> {
    pub file: &'a File,
    pub name: String,
    /// Index of the module that names this one; none for the crate's root.
    pub parent: Option<usize>,
    /// Whether it is compiled for tests alone.
    pub test: bool,
    pub items: Vec<Item>,
}

/// The modules of one crate; the root comes first.
pub(crate) struct Crate<'a> {
    pub modules: Vec<Module<'a>>,
}

impl<'a> Crate<'a> {
    /// Every library, binary, test target, bench and example of the tree.
    pub(crate) fn all(tree: &'a Tree) -> Vec<Self> {
        let roots = tree.code().map(|(file, _)| file).filter(|file| is_root(tree, &file.path));
        roots.map(|root| Self::of(tree, root)).collect()
    }

    fn of(tree: &'a Tree, root: &'a File) -> Self {
        let mut found = Self { modules: Vec::new() };
        found.add_file(tree, root, Place { name: "crate", parent: None, test: false, beside: true });
        found
    }

    /// The module that is nested in `parent` under this name.
    pub(crate) fn child(&self, parent: usize, name: &str) -> Option<usize> {
        self.modules.iter().position(|module| module.parent == Some(parent) && module.name == name)
    }

    fn add_file(&mut self, tree: &'a Tree, file: &'a File, place: Place<'_>) {
        // What is no Rust yet is named all the same; the compiler says the rest.
        let syntax = syn::parse_file(&file.text).ok();
        let test = place.test || syntax.as_ref().is_some_and(|syntax| is_for_tests(&syntax.attrs));
        let items = syntax.map(|syntax| syntax.items).unwrap_or_default();
        let beside = place.beside || file.path.ends_with("/mod.rs");
        let home = if beside { directory(&file.path) } else { file.path.trim_end_matches(".rs") };
        self.add(tree, file, Place { test, ..place }, items, home);
    }

    /// `home` is the directory where the files of the module's children are.
    fn add(&mut self, tree: &'a Tree, file: &'a File, place: Place<'_>, items: Vec<Item>, home: &str) {
        let here = self.modules.len();
        let Place { name, parent, test, .. } = place;
        self.modules.push(Module { file, name: name.to_owned(), parent, test, items: items.clone() });
        for item in items {
            let Item::Mod(child) = item else { continue };
            let name = child.ident.to_string();
            let place =
                Place { name: &name, parent: Some(here), test: test || is_for_tests(&child.attrs), beside: false };
            if let Some((_, inner)) = child.content {
                self.add(tree, file, place, inner, &format!("{home}/{name}"));
                continue;
            }
            // `#[path]` counts from the file's own directory, and the file's children are beside it.
            let odd = child.attrs.iter().find_map(path_attribute).map(|path| join(directory(&file.path), &path));
            let beside = odd.is_some();
            let usual = [format!("{home}/{name}.rs"), format!("{home}/{name}/mod.rs")];
            let candidates = odd.map_or_else(|| usual.to_vec(), |path| vec![path]);
            if let Some(file) = candidates.iter().find_map(|path| tree.get(path)) {
                self.add_file(tree, file, Place { beside, ..place });
            }
        }
    }
}

/// Where a module is in its crate.
struct Place<'a> {
    name: &'a str,
    parent: Option<usize>,
    test: bool,
    /// Whether the files of its children are beside its own.
    beside: bool,
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

/// `#[cfg(test)]`, `#[cfg(all(test, …))]`, `#[test]`.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| {
                    list.tokens.to_string().split(|c: char| !c.is_alphanumeric()).any(|it| it == "test")
                })
    })
}

fn path_attribute(attribute: &Attribute) -> Option<String> {
    let value = &attribute.meta.require_name_value().ok().filter(|meta| meta.path.is_ident("path"))?.value;
    match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// A path that counts from a directory, `..` taken away.
fn join(directory: &str, path: &str) -> String {
    let mut parts: Vec<&str> = directory.split('/').collect();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

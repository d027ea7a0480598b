//! What a module names: `use`, qualified paths, and paths in the arguments of macros and attributes.

use super::modules::{Module, is_for_tests};
use super::tokens::Code;
use proc_macro2::TokenStream;
use std::collections::{BTreeMap, BTreeSet};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Macro, Meta, Path, UseTree, Visibility};

/// A path as it is written in a module.
pub(crate) struct Use {
    pub path: Vec<String>,
    pub line: usize,
}

/// The names of one module. Code that is compiled for tests alone is left out.
#[derive(Default)]
pub(crate) struct Names {
    pub uses: Vec<Use>,
    /// Items that the module defines.
    pub defined: BTreeSet<String>,
    /// Names that `use` brings in, with their paths.
    pub imported: BTreeMap<String, Vec<String>>,
    /// Paths of `use …::*`.
    pub globs: Vec<Vec<String>>,
}

impl Names {
    pub(crate) fn of(module: &Module<'_>) -> Self {
        let mut names = Self::default();
        module.items.iter().for_each(|item| names.visit_item(item));
        names
    }

    fn import(&mut self, tree: &UseTree, prefix: &[String]) {
        let mut path = prefix.to_vec();
        let bind = |names: &mut Self, name: String, path: Vec<String>| {
            names.uses.push(Use { path: path.clone(), line: tree.span().start().line });
            names.imported.insert(name, path);
        };
        match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                self.import(&inner.tree, &path);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, prefix)),
            UseTree::Name(it) if it.ident == "self" => {
                let name = prefix.last().cloned().unwrap_or_default();
                bind(self, name, path);
            }
            UseTree::Name(it) => {
                path.push(it.ident.to_string());
                bind(self, it.ident.to_string(), path);
            }
            UseTree::Rename(it) => {
                if it.ident != "self" {
                    path.push(it.ident.to_string());
                }
                bind(self, it.rename.to_string(), path);
            }
            UseTree::Glob(_) => {
                self.uses.push(Use { path: path.clone(), line: tree.span().start().line });
                self.globs.push(path);
            }
        }
    }

    fn scan(&mut self, tokens: &TokenStream) {
        for named in (Code { tokens: tokens.clone().into_iter().collect() }).paths() {
            let path: Vec<String> = named.path.split("::").map(str::to_owned).collect();
            if path.len() > 1 {
                self.uses.push(Use { path, line: named.line });
            }
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(attributes(item)) {
            return;
        }
        match item {
            // A module of its own.
            Item::Mod(_) => {}
            Item::Use(it) if it.leading_colon.is_none() => self.import(&it.tree, &[]),
            item => {
                self.defined.extend(defines(item));
                visit::visit_item(self, item);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.uses.push(Use { path: names, line: path.span().start().line });
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        self.scan(&called.tokens);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.scan(&list.tokens);
        }
    }

    /// `pub(super)` uses nothing of the parent.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(it) => &it.attrs,
        Item::Enum(it) => &it.attrs,
        Item::Fn(it) => &it.attrs,
        Item::Impl(it) => &it.attrs,
        Item::Macro(it) => &it.attrs,
        Item::Mod(it) => &it.attrs,
        Item::Static(it) => &it.attrs,
        Item::Struct(it) => &it.attrs,
        Item::Trait(it) => &it.attrs,
        Item::Type(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        _ => &[],
    }
}

fn defines(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(it) => &it.ident,
        Item::Enum(it) => &it.ident,
        Item::Fn(it) => &it.sig.ident,
        Item::Macro(it) => it.ident.as_ref()?,
        Item::Static(it) => &it.ident,
        Item::Struct(it) => &it.ident,
        Item::Trait(it) => &it.ident,
        Item::Type(it) => &it.ident,
        Item::Union(it) => &it.ident,
        _ => return None,
    };
    Some(name.to_string())
}

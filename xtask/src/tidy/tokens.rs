//! Rust as tokens: comments and strings are gone, and code inside macros (`proptest!`, `select!`) looks like any other.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

#[derive(Debug)]
pub(crate) struct Code {
    pub tokens: Vec<TokenTree>,
}

/// A path as it is written, with the prefixes of `use` groups put in front: `kube::{Api, Client}` gives `kube::Client`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub path: String,
    pub line: usize,
}

/// A function: its attributes' identifiers, its name, its body.
#[derive(Debug)]
pub(crate) struct Function {
    pub attributes: Vec<Vec<String>>,
    pub name: String,
    pub line: usize,
    pub body: Vec<String>,
}

impl Code {
    pub(crate) fn parse(text: &str) -> Result<Self, proc_macro2::LexError> {
        let tokens: TokenStream = text.parse()?;
        Ok(Self { tokens: tokens.into_iter().collect() })
    }

    /// Every path and every single identifier.
    pub(crate) fn paths(&self) -> Vec<Named> {
        let mut paths = Vec::new();
        name_paths(&self.tokens, "", &mut paths);
        paths
    }

    /// Every function with a body, at any depth.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        find_functions(&self.tokens, &mut functions);
        functions
    }

    /// Every attribute: its identifiers in order, with its line.
    pub(crate) fn attributes(&self) -> Vec<(Vec<String>, usize)> {
        let mut attributes = Vec::new();
        find_attributes(&self.tokens, &mut attributes);
        attributes
    }

    /// Lines on which the macro `name!` is called.
    pub(crate) fn macro_calls(&self, name: &str) -> Vec<usize> {
        let mut lines = Vec::new();
        find_macro(&self.tokens, name, &mut lines);
        lines
    }
}

fn name_paths(tokens: &[TokenTree], prefix: &str, paths: &mut Vec<Named>) {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(first) => {
                let mut path = format!("{prefix}{first}");
                let line = first.span().start().line;
                while is_colons(tokens, at + 1) {
                    match tokens.get(at + 3) {
                        Some(TokenTree::Ident(next)) => path = format!("{path}::{next}"),
                        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                            name_paths(&inner, &format!("{path}::"), paths);
                        }
                        _ => break,
                    }
                    at += 3;
                }
                paths.push(Named { path, line });
            }
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                name_paths(&inner, "", paths);
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    [at, at + 1].iter().all(|at| matches!(tokens.get(*at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':'))
}

fn find_functions(tokens: &[TokenTree], functions: &mut Vec<Function>) {
    let mut attributes: Vec<Vec<String>> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let punct = at.checked_sub(1).and_then(|before| tokens.get(before));
                let hash = matches!(punct, Some(TokenTree::Punct(punct)) if punct.as_char() == '#');
                if group.delimiter() == Delimiter::Bracket && hash {
                    attributes.push(idents(&inner));
                } else if group.delimiter() == Delimiter::Brace {
                    attributes.clear();
                }
                find_functions(&inner, functions);
            }
            TokenTree::Ident(word) if word == "fn" => {
                let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else { continue };
                let rest = tokens[at..].iter().take_while(|token| !is_semicolon(token));
                let body = rest.filter_map(brace_group).next();
                let Some(body) = body else { continue };
                functions.push(Function {
                    attributes: std::mem::take(&mut attributes),
                    name: name.to_string(),
                    line: name.span().start().line,
                    body: idents(&body),
                });
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => attributes.clear(),
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

fn is_semicolon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';')
}

fn brace_group(token: &TokenTree) -> Option<Vec<TokenTree>> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream().into_iter().collect()),
        _ => None,
    }
}

fn find_attributes(tokens: &[TokenTree], attributes: &mut Vec<(Vec<String>, usize)>) {
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let inner: Vec<TokenTree> = group.stream().into_iter().collect();
        let punct = at.checked_sub(1).and_then(|before| tokens.get(before));
        if group.delimiter() == Delimiter::Bracket
            && matches!(punct, Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '#' | '!'))
        {
            attributes.push((idents(&inner), group.span().start().line));
        }
        find_attributes(&inner, attributes);
    }
}

fn find_macro(tokens: &[TokenTree], name: &str, lines: &mut Vec<usize>) {
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(word) if word == name => {
                if matches!(tokens.get(at + 1), Some(TokenTree::Punct(punct)) if punct.as_char() == '!') {
                    lines.push(word.span().start().line);
                }
            }
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                find_macro(&inner, name, lines);
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// All identifiers, at any depth.
fn idents(tokens: &[TokenTree]) -> Vec<String> {
    let mut found = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => found.push(ident.to_string()),
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                found.extend(idents(&inner));
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_groups_are_written_out() {
        let code = Code::parse("use kube::{Api, client::{Body, Client}};").unwrap();
        let paths: Vec<String> = code.paths().into_iter().map(|named| named.path).collect();
        assert!(paths.contains(&"kube::Api".to_owned()), "{paths:?}");
        assert!(paths.contains(&"kube::client::Client".to_owned()), "{paths:?}");
    }

    #[test]
    fn a_function_inside_a_macro_is_a_function() {
        let code = Code::parse("proptest! { #[test] fn holds(n in 0..9u8) { prop_assert!(n < 9); } }").unwrap();
        let functions = code.functions();
        assert_eq!((functions.len(), functions[0].name.as_str()), (1, "holds"));
        assert_eq!(functions[0].attributes, [["test"]]);
        assert!(functions[0].body.contains(&"prop_assert".to_owned()));
    }
}

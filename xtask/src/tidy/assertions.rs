//! A test that asserts nothing cannot fail, whatever the code does.

use super::tokens::Function;
use super::tree::{Finding, Tree};
use std::collections::BTreeSet;

/// A test asserts by a macro or function that says so (`assert_eq!`, `prop_assert!`, `expect_err`, `assert_denied(…)`),
/// or by a function of the same file that does. One whose name says that nothing panics asserts by running. To unwrap a value
/// says only that there is one.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, code) in tree.code() {
        let functions = code.functions();
        let asserting = asserting(&functions);
        let silent =
            functions.iter().filter(|function| is_test(function) && !asserting.contains(function.name.as_str()));
        let silent = silent.filter(|function| !function.name.contains("panic"));
        findings.extend(silent.map(|test| file.finding(test.line, format!("`{}` asserts nothing", test.name))));
    }
    findings
}

fn asserting(functions: &[Function]) -> BTreeSet<&str> {
    let mut asserting = BTreeSet::new();
    loop {
        let more = functions.iter().filter(|function| {
            let panics = function.attributes.iter().flatten().any(|word| word == "should_panic");
            panics || function.body.iter().any(|word| says_so(word) || asserting.contains(word.as_str()))
        });
        let next: BTreeSet<&str> = more.map(|function| function.name.as_str()).collect();
        if next.len() == asserting.len() {
            return asserting;
        }
        asserting = next;
    }
}

fn says_so(word: &str) -> bool {
    word.contains("assert") || matches!(word, "expect_err" | "panic" | "unwrap_err" | "unreachable")
}

/// `#[test]`, `#[tokio::test(…)]`.
fn is_test(function: &Function) -> bool {
    function.attributes.iter().any(|attribute| match attribute.as_slice() {
        [only, ..] if only == "test" => true,
        [_, second, ..] => second == "test" && attribute[0] != "cfg",
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::tree;

    fn names(text: &str) -> Vec<String> {
        check(&tree(&[("a/src/lib.rs", text)])).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn a_silent_test_is_found() {
        assert_eq!(names("#[test] fn runs() { run().unwrap(); }"), ["`runs` asserts nothing"]);
        assert_eq!(names("#[tokio::test] async fn runs() { run().await; }"), ["`runs` asserts nothing"]);
        assert_eq!(names("#[test] fn runs() { run().expect(\"it runs\"); }"), ["`runs` asserts nothing"]);
    }

    #[test]
    fn a_test_may_assert_through_a_helper() {
        assert!(names("#[test] fn a() { b() } fn b() { c() } fn c() { assert!(true) }").is_empty());
        assert!(names("#[test] #[should_panic] fn a() { b() }").is_empty());
        assert!(names("#[test] fn a() { b().expect_err(\"it fails\"); }").is_empty());
        assert!(names("#[cfg(test)] fn helper() { b() }").is_empty());
    }
}

//! Every rule is a page of the manual.

use std::collections::BTreeSet;

use policy_engine::admission::rules;
use policy_engine::policy::rule_id::RuleId;

use crate::stories;

#[test]
fn every_rule_has_a_page_under_its_own_name() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/admission/rules");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .expect("the rules")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().replace('_', "-"))
        .collect();
    files.sort();
    let in_order: Vec<_> = rules::ALL.iter().map(|rule| rule.id).collect();
    assert_eq!(in_order, RuleId::ALL, "every id has a rule, in the same order");
    let mut ids: Vec<_> = in_order.iter().map(ToString::to_string).collect();
    ids.sort_unstable();
    assert_eq!(ids, files, "each file is a rule and each rule a file");
    for rule in rules::ALL {
        let page = rule.page();
        let title = page.lines().next().unwrap_or_default();
        assert!(title.starts_with(&format!("# {}: ", rule.id)), "{}: {title:?}", rule.id);
        assert!(!rule.summary().is_empty() && !rule.summary().contains("# "), "{}: {:?}", rule.id, rule.summary());
        assert!(page.lines().count() > 3, "{}: a title alone is no page", rule.id);
        assert_eq!(rules::named(rule.id.as_str()).map(|named| named.id), Some(rule.id));
    }
}

/// What the page of a rule says that only writes.
const REFUSES_NOTHING: &str = "This rule refuses nothing";

#[test]
fn every_rule_has_one_example_that_it_refuses_and_one_that_passes() {
    let (stories, _) = stories::all();
    let mut missing = Vec::new();
    for rule in rules::ALL {
        let id = rule.id.as_str();
        let examples: Vec<_> = stories.iter().filter(|(_, story)| story.page.as_deref() == Some(id)).collect();
        let names = |refused: bool| -> Vec<_> {
            let wanted = |it: &&&(String, stories::Story)| it.1.expect.allowed != refused;
            examples.iter().filter(wanted).map(|(file, story)| format!("{file}: {:?}", story.story)).collect()
        };
        let silent = rule.page().contains(REFUSES_NOTHING);
        for (refused, least, what) in
            [(true, usize::from(!silent), "refused by this rule and no other"), (false, 1, "allowed")]
        {
            let names = names(refused);
            if names.len() != least {
                missing.push(format!(
                    "rule {id}: {} stories in policy-engine/tests/cases have `page: {id}` and are {what}, not {least}: \
                     write the line `page: {id}` below `story:` of the one that explains the rule best{}; now: {}",
                    names.len(),
                    if refused { format!(", or say {REFUSES_NOTHING:?} in its `//!` comment") } else { String::new() },
                    if names.is_empty() { "none".into() } else { names.join(", ") },
                ));
            }
        }
        for (file, story) in examples {
            let refusing = story.expect.refusing();
            if !story.expect.allowed && refusing != BTreeSet::from([id]) {
                missing.push(format!("{file}: {:?}: `page: {id}`, but it is refused by {refusing:?}", story.story));
            }
        }
    }
    for (file, story) in &stories {
        if let Some(page) = story.page.as_deref().filter(|page| rules::named(page).is_none()) {
            missing.push(format!("{file}: {:?}: `page: {page}` is no rule", story.story));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_rule_has_a_file_of_stories_and_other_files_are_themes() {
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");
    let entries = std::fs::read_dir(cases).expect("the cases").map(|entry| entry.expect("an entry").file_name());
    let files: BTreeSet<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    let rules = rules::ALL.iter().map(|rule| format!("{}.yaml", rule.id.as_str().replace('-', "_")));
    let expected: BTreeSet<_> = rules.chain(["themes".to_owned()]).collect();
    assert_eq!(files, expected, "what is about several rules belongs into {cases}/themes");
}

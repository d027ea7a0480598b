//! Every rule is a page of the manual.

use policy_engine::rules;

#[test]
fn every_rule_has_a_page_under_its_own_name() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .expect("the rules")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().replace('_', "-"))
        .collect();
    files.sort();
    let mut ids: Vec<_> = rules::ALL.iter().map(|rule| rule.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, files, "each file is a rule and each rule a file");
    for rule in rules::ALL {
        let page = rule.page();
        let title = page.lines().next().unwrap_or_default();
        assert!(title.starts_with(&format!("# {}: ", rule.id)), "{}: {title:?}", rule.id);
        assert!(!rule.summary().is_empty() && !rule.summary().contains("# "), "{}: {:?}", rule.id, rule.summary());
        assert!(page.lines().count() > 3, "{}: a title alone is no page", rule.id);
        assert_eq!(rules::named(rule.id).map(|named| named.id), Some(rule.id));
    }
}

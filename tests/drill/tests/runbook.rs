//! Every drill has its answer in the runbook, the runbook answers no drill that there is not, and break-glass is what is
//! drilled.

use drill::{ALL, BREAK_GLASS};

const BEGINS: &str = "### `";

/// What is wrong with a runbook, where there are these drills.
fn faults(runbook: &str, drills: &[&str]) -> Vec<String> {
    let lines: Vec<&str> = runbook.lines().collect();
    let mut faults = Vec::new();
    let mut answered = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = line.strip_prefix(BEGINS).and_then(|rest| rest.strip_suffix('`')) else { continue };
        let answer = lines[at + 1..].iter().find(|line| !line.is_empty());
        if answer.is_none_or(|line| line.starts_with('#')) {
            faults.push(format!("line {}: the drill {name} has no answer", at + 1));
        }
        if !drills.contains(&name) {
            faults.push(format!("line {}: `cargo xtask drill` knows no drill {name}", at + 1));
        }
        answered.push(name);
    }
    faults.extend(drills.iter().filter(|name| !answered.contains(name)).map(|name| format!("{name} is not answered")));
    faults
}

#[test]
fn every_drill_is_answered_and_break_glass_is_what_is_drilled() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/runbook.md");
    let runbook = std::fs::read_to_string(path).expect("docs/runbook.md");
    let drills: Vec<&str> = ALL.iter().map(|drill| drill.name).collect();
    assert_eq!(faults(&runbook, &drills), Vec::<String>::new(), "in docs/runbook.md");
    assert!(
        runbook.lines().any(|line| line == BREAK_GLASS),
        "break-glass is not there as it is drilled: {BREAK_GLASS}"
    );
}

#[test]
fn a_drill_without_an_answer_and_an_answer_without_a_drill_are_found() {
    let text = "# R\n\n### `killed`\n\nRefused.\n\n### `gone`\n\nNo.\n\n### `empty`\n\n## More\n";
    let found = faults(text, &["killed", "empty", "new"]);
    let expected = [
        "line 7: `cargo xtask drill` knows no drill gone",
        "line 11: the drill empty has no answer",
        "new is not answered",
    ];
    assert_eq!(found, expected);
}

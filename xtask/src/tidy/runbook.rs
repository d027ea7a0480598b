//! Every drill has its answer in the runbook, the runbook answers no drill that there is not, and break-glass is what is
//! drilled.

use super::tree::{File, Finding, Tree};

const RUNBOOK: &str = "docs/runbook.md";
const BEGINS: &str = "### `";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let drills: Vec<&str> = drill::ALL.iter().map(|drill| drill.name).collect();
    match tree.get(RUNBOOK) {
        Some(file) => {
            let mut findings = compare(file, &drills);
            if !file.text.lines().any(|line| line == drill::BREAK_GLASS) {
                findings
                    .push(file.finding(1, format!("break-glass is not here as it is drilled: {}", drill::BREAK_GLASS)));
            }
            findings
        }
        None => vec![Finding { path: RUNBOOK.into(), line: 1, says: "the runbook is missing".into() }],
    }
}

fn compare(runbook: &File, drills: &[&str]) -> Vec<Finding> {
    let lines: Vec<&str> = runbook.text.lines().collect();
    let mut findings = Vec::new();
    let mut answered = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = line.strip_prefix(BEGINS).and_then(|rest| rest.strip_suffix('`')) else { continue };
        let answer = lines[at + 1..].iter().find(|line| !line.is_empty());
        if answer.is_none_or(|line| line.starts_with('#')) {
            findings.push(runbook.finding(at + 1, format!("the drill {name} has no answer here")));
        }
        if !drills.contains(&name) {
            findings.push(runbook.finding(at + 1, format!("`cargo xtask drill` knows no drill {name}")));
        }
        answered.push(name);
    }
    let missing = drills.iter().filter(|name| !answered.contains(name));
    findings.extend(missing.map(|name| runbook.finding(1, format!("the drill {name} is not answered here"))));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::tree;

    #[test]
    fn a_drill_without_an_answer_and_an_answer_without_a_drill_are_found() {
        let text = "# R\n\n### `killed`\n\nRefused.\n\n### `gone`\n\nNo.\n\n### `empty`\n\n## More\n";
        let tree = tree(&[(RUNBOOK, text)]);
        let found = compare(tree.get(RUNBOOK).unwrap(), &["killed", "empty", "new"]);
        let found: Vec<_> = found.into_iter().map(|finding| (finding.line, finding.says)).collect();
        assert_eq!(
            found,
            [
                (7, "`cargo xtask drill` knows no drill gone".to_owned()),
                (11, "the drill empty has no answer here".to_owned()),
                (1, "the drill new is not answered here".to_owned()),
            ]
        );
    }
}

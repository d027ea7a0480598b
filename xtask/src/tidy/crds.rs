//! The chart's CRDs are what `sluice crds` prints; nobody edits them.

use super::tree::{Finding, Tree};
use crate::build;
use anyhow::{Context, Result, ensure};
use std::process::Command;

const DIRECTORY: &str = "manifests/sluice/crds/";
const MEND: &str = "not what `sluice crds` prints: write its output here";

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    build::sluice()?;
    let output = Command::new(ground::built_sluice()).arg("crds").output().context("cannot run sluice")?;
    ensure!(output.status.success(), "`sluice crds` failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(compare(tree, &String::from_utf8(output.stdout)?))
}

/// The directory's documents against the printed ones, in whatever order.
fn compare(tree: &Tree, printed: &str) -> Vec<Finding> {
    let mut printed = documents(printed);
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.starts_with(DIRECTORY)) {
        for document in documents(&file.text) {
            match printed.iter().position(|other| *other == document) {
                Some(at) => {
                    printed.remove(at);
                }
                None => findings.push(file.finding(1, MEND)),
            }
        }
    }
    let missing =
        |_| Finding { path: DIRECTORY.to_owned(), line: 1, says: "`sluice crds` prints more than is here".into() };
    findings.extend((findings.is_empty() && !printed.is_empty()).then_some(()).map(missing));
    findings
}

fn documents(yaml: &str) -> Vec<&str> {
    yaml.split("---\n").map(str::trim).filter(|document| !document.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::tree;

    #[test]
    fn a_stale_or_missing_document_is_found() {
        let chart =
            tree(&[("manifests/sluice/crds/a.yaml", "kind: A\n"), ("manifests/sluice/crds/b.yaml", "kind: B\n")]);
        assert!(compare(&chart, "---\nkind: A\n---\nkind: B\n").is_empty());
        assert_eq!(compare(&chart, "kind: A\n---\nkind: Changed\n")[0].path, "manifests/sluice/crds/b.yaml");
        assert_eq!(compare(&chart, "kind: A\n---\nkind: B\n---\nkind: C\n").len(), 1);
    }
}

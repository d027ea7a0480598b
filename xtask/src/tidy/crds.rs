//! The chart's CRDs are what `sluice crds` prints; nobody edits them.

use super::tree::{Finding, Tree};
use crate::build;
use anyhow::{Context, Result, ensure};

const DIRECTORY: &str = "manifests/sluice/crds/";
const MEND: &str = "not what `sluice crds` prints: write its output here";

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    build::sluice()?;
    let output = build::cargo().args(["run", "--quiet", "--package", "sluice", "--", "crds"]).output();
    let output = output.context("cannot run cargo")?;
    ensure!(output.status.success(), "`sluice crds` failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(compare(tree, &String::from_utf8(output.stdout)?))
}

/// The directory's files in order, against the printed documents in order.
fn compare(tree: &Tree, printed: &str) -> Vec<Finding> {
    let files: Vec<_> = tree.files.iter().filter(|file| file.path.starts_with(DIRECTORY)).collect();
    let mut printed = documents(printed).into_iter();
    let mut findings = Vec::new();
    for file in &files {
        for document in documents(&file.text) {
            if printed.next() != Some(document) {
                findings.push(file.finding(1, MEND));
                return findings;
            }
        }
    }
    if printed.next().is_some() {
        findings.push(Finding { path: DIRECTORY.to_owned(), line: 1, says: MEND.to_owned() });
    }
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

//! Verdicts as text.

use std::fmt::Write as _;
use std::io;

use decide::written;
use json_patch::Patch;
use owo_colors::OwoColorize as _;
use serde::Serialize;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::object::ObjectRef;
use super::verdict::Verdict;
use crate::output;

/// How verdicts are written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Format {
    /// For people: verdicts, reasons, and what is written as a diff
    Table,
    /// A list with one entry for each object
    Json,
    /// The same as YAML
    Yaml,
    /// What is written, as JSON Patch for each object
    Patch,
}

/// An entry of `-o patch`.
#[derive(Serialize)]
struct Patched<'a> {
    object: &'a ObjectRef,
    patch: &'a Patch,
}

impl<'a> From<&'a Verdict> for Patched<'a> {
    fn from(verdict: &'a Verdict) -> Self {
        Self { object: &verdict.object, patch: &verdict.patch }
    }
}

/// All verdicts in one format.
pub(super) fn write(verdicts: &[Verdict], format: Format) -> io::Result<String> {
    match format {
        Format::Table => Ok(table(verdicts)),
        Format::Json => output::json(&verdicts),
        Format::Yaml => serde_norway::to_string(verdicts).map_err(io::Error::other),
        Format::Patch => output::json(&verdicts.iter().map(Patched::from).collect::<Vec<_>>()),
    }
}

/// What only people read, where the format is for programs.
pub(super) fn notes(verdicts: &[Verdict], format: Format) -> Vec<String> {
    match format {
        Format::Table => Vec::new(),
        Format::Json | Format::Yaml | Format::Patch => {
            let of = |verdict: &Verdict| {
                let object = verdict.object.to_string();
                verdict.notes.iter().map(move |note| format!("{object}: {note}")).collect::<Vec<_>>()
            };
            verdicts.iter().flat_map(of).collect()
        }
    }
}

fn table(verdicts: &[Verdict]) -> String {
    let mut text: String = verdicts.iter().map(block).collect::<Vec<_>>().join("\n");
    if verdicts.len() > 1 {
        let denied = verdicts.iter().filter(|verdict| !verdict.allowed).count();
        let _infallible = writeln!(text, "\n{} allowed, {denied} denied", verdicts.len() - denied);
    }
    text
}

fn block(verdict: &Verdict) -> String {
    let mut rules: Vec<_> = verdict.denials.iter().map(|denial| denial.rule.as_str()).collect();
    rules.dedup();
    let word = match rules.as_slice() {
        [] => "allowed".green().bold().to_string(),
        rules => format!("{}: {}", "denied".red().bold(), rules.join(", ")),
    };
    let mut lines = vec![format!("{}  {word}", verdict.object.bold())];
    for denial in &verdict.denials {
        let place = if denial.field.is_empty() { String::new() } else { format!(": {}", denial.field) };
        lines.push(format!("  {}{place}", denial.rule.red()));
        lines.extend(denial.message.lines().map(|line| format!("    {line}")));
    }
    lines.extend(verdict.warnings.iter().map(|warning| format!("  {} {warning}", "warning:".yellow())));
    lines.extend(verdict.notes.iter().map(|note| format!("  {} {note}", "note:".cyan())));
    lines.extend(diff(&verdict.submitted, &verdict.patch));
    lines.join("\n") + "\n"
}

/// What is written, as changed lines of YAML with a few around them.
fn diff(submitted: &Value, written: &Patch) -> Vec<String> {
    const AROUND: usize = 2;
    let text = |object: &Value| serde_norway::to_string(object).unwrap_or_default();
    let (before, after) = (text(submitted), text(&written::with(submitted, written)));
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if index > 0 {
            lines.push("    …".dimmed().to_string());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = change.value().trim_end_matches('\n');
            lines.push(match change.tag() {
                ChangeTag::Equal => format!("    {line}"),
                ChangeTag::Delete => format!("  {} {line}", "-").red().to_string(),
                ChangeTag::Insert => format!("  {} {line}", "+").green().to_string(),
            });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use json_patch::{AddOperation, PatchOperation};
    use jsonptr::PointerBuf;
    use serde_json::json;

    use super::super::verdict::Denial;
    use super::*;

    fn verdict() -> Verdict {
        let path = PointerBuf::from_tokens(["metadata", "labels", "platform-go/user-id"]);
        Verdict {
            object: ObjectRef {
                api_version: "v1".into(),
                kind: "Pod".into(),
                namespace: Some("detector".into()),
                name: "a".into(),
            },
            allowed: true,
            denials: Vec::new(),
            warnings: vec!["sluice: queue: set".into()],
            patch: Patch(vec![PatchOperation::Add(AddOperation { path, value: "bob".into() })]),
            policy_version: None,
            notes: vec!["good to know".into()],
            submitted: json!({"kind": "Pod", "metadata": {"name": "a"}}),
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn people_read_verdict_reasons_and_a_diff() {
        let denial = |rule: &str| Denial { rule: rule.into(), field: "spec.x".into(), message: "asked y".into() };
        let denied = Verdict {
            allowed: false,
            denials: vec![denial("image"), denial("image")],
            patch: Patch(Vec::new()),
            warnings: Vec::new(),
            notes: Vec::new(),
            ..verdict()
        };
        assert_eq!(
            plain(&table(&[verdict(), denied])),
            "Pod detector/a  allowed\n  warning: sluice: queue: set\n  note: good to know\n    kind: Pod\n    metadata:\n  +   labels:\n  +     platform-go/user-id: bob\n      name: a\n\
             \nPod detector/a  denied: image\n  image: spec.x\n    asked y\n  image: spec.x\n    asked y\n\n1 allowed, 1 denied\n"
        );
    }

    #[test]
    fn programs_read_the_contract() {
        let text = write(&[verdict()], Format::Json).expect("JSON");
        let said: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            said,
            json!([{
                "object": {"apiVersion": "v1", "kind": "Pod", "namespace": "detector", "name": "a"},
                "allowed": true, "denials": [], "warnings": ["sluice: queue: set"], "policyVersion": null,
                "patch": [{"op": "add", "path": "/metadata/labels/platform-go~1user-id", "value": "bob"}],
            }])
        );
        let yaml: Value = serde_norway::from_str(&write(&[verdict()], Format::Yaml).expect("YAML")).expect("YAML");
        assert_eq!(yaml, said);
        let patches: Value = serde_json::from_str(&write(&[verdict()], Format::Patch).expect("JSON")).expect("JSON");
        assert_eq!(patches[0]["patch"], said[0]["patch"]);
    }
}

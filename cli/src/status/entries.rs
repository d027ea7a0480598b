//! Whether the entries of the webhook configurations are those that the chart renders: one that is missing, hears less, or is
//! called where nobody is, is as good as none, and nothing else says so.

use std::collections::BTreeMap;

use cluster::standing::Entry;
use serde_json::Value;

use super::chart;
use super::finding::{Finding, What, few};
use super::hearing::unheard;
use super::seen::Seen;
use super::selection::{conditions, lists, selectors};
use crate::question::Heard;

/// The entry by which questions are answered: one that is, is called rightly.
const REVIEWS: &str = "reviews.sluice.dev";
/// What else decides whether an entry hears of something as it should.
const FIELDS: [&str; 3] = ["matchPolicy", "reinvocationPolicy", "sideEffects"];

/// What to do about kinds that the record alone lists.
const LIST_THEM: &str =
    "list them in the chart's value policy.workloadKinds too and run helm upgrade, or apply what the chart renders";

/// Entries that are missing, or differ from the chart's, or are called elsewhere than the others.
pub(super) fn judge(kind: &str, entries: &[Entry], seen: &Seen, usual: &Usual) -> Vec<Finding> {
    let name = &seen.place.configuration;
    let rendered = chart::entries(kind);
    let expected = || rendered.iter().filter_map(|it| Some((it["name"].as_str()?, it)));
    let there: BTreeMap<_, _> = entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    let mut findings = Vec::new();
    let missing: Vec<_> = expected().map(|(name, _)| name).filter(|name| !there.contains_key(name)).collect();
    if !missing.is_empty() {
        let (verb, they) = if missing.len() == 1 { ("is", "it hears") } else { ("are", "they hear") };
        let says = format!(
            "{} of {} entries of the {kind} {name} {verb} missing, so that nobody is asked what {they} of: {}",
            missing.len(),
            rendered.len(),
            missing.join(", ")
        );
        findings.push(Finding::new(What::EntriesMissing, says, mend()));
    }
    for (entry, expected) in expected().filter_map(|(name, it)| Some((there.get(name)?, it))) {
        let differences = differences(expected, entry, seen, usual);
        let deaf = of_listed_kinds(expected, entry, seen);
        if !deaf.is_empty() {
            let says = format!(
                "the entry {} of the {kind} {name} does not hear of what spec.workloadKinds of the PlatformPolicy lists: {}",
                entry.name,
                few(&deaf)
            );
            findings.push(Finding::new(What::EntryDiffers, says, LIST_THEM));
        }
        if !differences.is_empty() {
            let says =
                format!("the entry {} of the {kind} {name} is not the chart's: {}", entry.name, differences.join("; "));
            findings.push(Finding::new(What::EntryDiffers, says, mend()));
        }
    }
    findings.extend(foreign_ca(kind, name, entries, usual));
    findings
}

/// What to do about what is not the chart's.
pub(super) fn mend() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "run helm upgrade with the values that you installed with; this sluice compares with the chart of its version, {version}"
    )
}

/// Where entries are called and whom they trust: as the one does that answers, or else as most of them do.
pub(super) struct Usual {
    base: Option<String>,
    ca: Option<String>,
    answers: bool,
}

impl Usual {
    pub(super) fn of(seen: &Seen) -> Self {
        let mut all = Vec::new();
        for (kind, part) in seen.configurations() {
            let paths: BTreeMap<_, _> =
                chart::entries(kind).into_iter().map(|it| (text(&it, "/name"), path(&it))).collect();
            let found: &[Entry] = part.as_ref().ok().and_then(Option::as_deref).unwrap_or_default();
            all.extend(found.iter().filter_map(|it| Some((it, called_at(&it.written, paths.get(&it.name)?)?.0))));
        }
        let reviews = all.iter().find(|(entry, _)| entry.name == REVIEWS && seen.heard == Heard::Answered);
        match reviews {
            Some((entry, base)) => Self { base: Some(base.clone()), ca: entry.ca_bundle.clone(), answers: true },
            None => Self {
                base: most(all.iter().map(|(_, base)| base.clone())),
                ca: most(all.iter().filter_map(|(entry, _)| entry.ca_bundle.clone())),
                answers: false,
            },
        }
    }
}

/// What most of them say.
pub(super) fn most(all: impl Iterator<Item = String>) -> Option<String> {
    let mut counts = BTreeMap::new();
    all.for_each(|it| *counts.entry(it).or_insert(0_usize) += 1);
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(it, _)| it)
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The path at which the chart has an entry called.
fn path(rendered: &Value) -> String {
    text(rendered, "/clientConfig/service/path")
}

/// Where an entry is called, without the path that it should have; and whether it has that.
fn called_at(entry: &Value, path: &str) -> Option<(String, bool)> {
    let client = &entry["clientConfig"];
    if let Some(url) = client["url"].as_str() {
        return Some(url.strip_suffix(path).map_or((url.to_owned(), false), |base| (base.to_owned(), true)));
    }
    let service = client.get("service")?;
    let port = service["port"].as_i64().unwrap_or(443);
    let base = format!("Service {}/{}:{port}", text(service, "/namespace"), text(service, "/name"));
    Some((base, text(service, "/path") == path))
}

/// What an entry does not hear of kinds that the policy lists.
fn of_listed_kinds(expected: &Value, entry: &Entry, seen: &Seen) -> Vec<String> {
    let policy = seen.policy.as_ref().ok().and_then(Option::as_ref);
    let listed = policy.map(|it| it.listed_kinds.as_slice()).unwrap_or_default();
    let anyway = unheard(expected, &entry.written, &[]);
    unheard(expected, &entry.written, listed).into_iter().filter(|it| !anyway.contains(it)).collect()
}

/// What in an entry is not as the chart renders it.
fn differences(expected: &Value, entry: &Entry, seen: &Seen, usual: &Usual) -> Vec<String> {
    let found = &entry.written;
    let mut differences = selectors(expected, found);
    differences.extend(conditions(expected, found));
    differences.extend(lists(found, seen));
    let deaf = unheard(expected, found, &[]);
    if !deaf.is_empty() {
        differences.push(format!("its rules do not hear of {}", few(&deaf)));
    }
    for field in FIELDS.iter().filter(|field| expected.get(**field).is_some()) {
        if expected[field] != found[field] {
            differences.push(format!("its {field} is {}, and the chart's {}", found[field], expected[field]));
        }
    }
    let path = path(expected);
    match called_at(found, &path) {
        None => differences.push("it says nowhere where it is called".to_owned()),
        Some((base, false)) => differences.push(format!("it is called at {base}, and not at the path {path}")),
        Some((base, true)) => {
            let other = usual.base.as_ref().filter(|usual| **usual != base);
            differences.extend(other.map(|usual| format!("it is called at {base}, and others at {usual}")));
        }
    }
    differences
}

fn foreign_ca(kind: &str, name: &str, entries: &[Entry], usual: &Usual) -> Option<Finding> {
    let ca = usual.ca.as_ref()?;
    let other: Vec<_> = entries.iter().filter(|it| it.ca_bundle.as_ref().is_some_and(|it| it != ca)).collect();
    let names: Vec<_> = other.iter().map(|it| it.name.as_str()).collect();
    let than = if usual.answers { format!("{REVIEWS}, which is answered") } else { "most of them".to_owned() };
    let says = format!(
        "{} of {} entries of the {kind} {name} trust another CA than {than}, so that the API server cannot ask them: {}",
        names.len(),
        entries.len(),
        names.join(", ")
    );
    let what_to_do = "Sluice writes caBundle within seconds while it runs, unless somebody else does (webhook.tls.caBundle: External); look at its log, and at sluice certs show";
    (!names.is_empty()).then(|| Finding::new(What::ForeignCa, says, what_to_do))
}

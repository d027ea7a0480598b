mod among_records;
mod one_record;

use serde_json::{Value, json};

use super::*;
use crate::{GROUP, VERSION};

/// A record, created in the order of `age`.
fn record(kind: &str, name: &str, age: u32, spec: Value) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": kind,
        "metadata": {"name": name, "creationTimestamp": format!("2026-01-01T00:00:{age:02}Z")},
        "spec": spec,
    })
}

fn raw(records: impl IntoIterator<Item = Value>) -> RawRecords {
    records.into_iter().map(|object| RawRecord::new(object, None).expect("a record")).collect()
}

/// Problems as people read them.
fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// What `build` reports about one record.
#[track_caller]
fn says(kind: &str, spec: Value, expected: &[&str]) -> Records {
    let (records, problems) = build(&raw([record(kind, "it", 0, spec)]));
    let refused: Vec<_> = problems.into_iter().filter(|problem| problem.grade == Grade::Refused).collect();
    assert_eq!(lines(&refused), expected.iter().map(|line| format!("{kind} it: {line}")).collect::<Vec<_>>());
    records
}

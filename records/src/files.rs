//! Records from files: what `sluice check DIR` and `--policy DIR` read.
//!
//! A folder is read with everything below it: every `.yaml`, `.yml` and `.json`, several documents in one file, and
//! objects inside a `List`. Objects of other APIs are passed over. Like `kubectl --validate=strict`, unknown fields and
//! keys that occur twice are problems; all of them are reported, none ends the reading.

pub mod documents;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use walkdir::WalkDir;

use crate::convert::{Grade, NotARecord, Problem, RawRecord, RawRecords};
use crate::schema::{Fault, schema, violations};
use crate::{GROUP, Kind, POLICY_NAME, VERSION};

/// No file of records is larger.
pub const MAX_FILE_BYTES: u64 = 8 << 20;

/// No folder of records has more files.
pub const MAX_FILES: usize = 10_000;

/// The values of the chart, whose `policy` is the `PlatformPolicy` that it renders.
const CHART_VALUES: &str = include_str!("../../manifests/sluice/values.yaml");

/// Where the `PlatformPolicy` is from that stands in for a missing one.
pub const CHART_POLICY: &str = "the chart's default policy";

/// Why a folder could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It does not exist, or may not be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Reads the records of a folder, or of one file, and all that is wrong with the files.
///
/// Where no `PlatformPolicy` is among them, the chart's default stands in.
///
/// # Errors
/// If the path itself cannot be read; whatever is wrong below it is a problem of its own.
pub fn read(path: &Path) -> Result<(RawRecords, Vec<Problem>), ReadError> {
    let unreadable = |source| ReadError::Unreadable { path: path.into(), source };
    std::fs::metadata(path).map_err(unreadable)?;
    let mut reading = Reading::default();
    let mut files = 0;
    for entry in WalkDir::new(path).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let place = error.path().unwrap_or(path).display().to_string();
                reading.file_problem(
                    &place,
                    error.into_io_error().map_or("is a loop of links".into(), |why| why.to_string()),
                );
                continue;
            }
        };
        let readable =
            entry.path().extension().is_some_and(|it| ["yaml", "yml", "json"].iter().any(|known| it == *known));
        if !entry.path().is_file() || !(readable || entry.depth() == 0) {
            continue;
        }
        files += 1;
        let below = entry.path().strip_prefix(path).unwrap_or(entry.path());
        let shown = if below.as_os_str().is_empty() { path } else { below }.display().to_string();
        if files > MAX_FILES {
            reading
                .file_problem(&shown, format!("is not read, nor what follows: there are more than {MAX_FILES} files"));
            break;
        }
        reading.file(entry.path(), &shown);
    }
    if reading.records.get(Kind::PlatformPolicy, POLICY_NAME).is_none() {
        reading.chart_policy();
    }
    Ok((reading.records, reading.problems))
}

#[derive(Default)]
struct Reading {
    records: RawRecords,
    problems: Vec<Problem>,
}

impl Reading {
    fn file_problem(&mut self, origin: &str, message: String) {
        self.problems.push(Problem {
            grade: Grade::Refused,
            kind: None,
            name: String::new(),
            field: String::new(),
            message,
            origin: Some(origin.into()),
        });
    }

    fn file(&mut self, path: &Path, shown: &str) {
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
        match read {
            Err(why) => self.file_problem(shown, format!("cannot be read: {why}")),
            Ok(length) if length as u64 > MAX_FILE_BYTES => {
                self.file_problem(shown, format!("is not read: it is larger than {} MiB", MAX_FILE_BYTES >> 20));
            }
            Ok(_) => {
                for (number, document) in documents::all(&text).enumerate() {
                    match document {
                        Err(why) => self.file_problem(shown, format!("document {}: {why}", number + 1)),
                        Ok(object) => {
                            let ours = object["apiVersion"].as_str().is_some_and(|api| api.starts_with(GROUP));
                            if let Some(word) = documents::bare_boolean(&object, &text).filter(|_| ours) {
                                let message = format!("kubectl takes a bare {word} for a boolean; write \"{word}\"");
                                self.file_problem(shown, format!("document {}: {message}", number + 1));
                            }
                            self.object(object, shown);
                        }
                    }
                }
            }
        }
    }

    fn object(&mut self, object: Value, shown: &str) {
        if object["kind"] == "List" && object["apiVersion"] == "v1" {
            for item in object["items"].as_array().cloned().unwrap_or_default() {
                self.object(item, shown);
            }
            return;
        }
        match RawRecord::new(object, Some(shown.into())) {
            Err(NotARecord::Foreign) => {}
            Err(why) => self.file_problem(shown, why.to_string()),
            Ok(record) => {
                self.unknown_fields(&record, shown);
                self.add(record, shown);
            }
        }
    }

    fn add(&mut self, record: RawRecord, shown: &str) {
        let earlier =
            self.records.get(record.kind, &record.name).map(|earlier| earlier.origin.clone().unwrap_or_default());
        match earlier {
            None => drop(self.records.replace(record)),
            Some(earlier) => {
                let message = format!("is described already, in {earlier}; remove one of the two");
                self.record_problem(&record, shown, "", message);
            }
        }
    }

    fn record_problem(&mut self, record: &RawRecord, shown: &str, field: &str, message: String) {
        self.problems.push(Problem {
            grade: Grade::Refused,
            kind: Some(record.kind),
            name: record.name.clone(),
            field: field.into(),
            message,
            origin: Some(shown.into()),
        });
    }

    fn unknown_fields(&mut self, record: &RawRecord, shown: &str) {
        const TOP: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
        let keys =
            record.object.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        for key in keys.iter().filter(|key| !TOP.contains(&key.as_str())) {
            self.record_problem(record, shown, key, format!("there is no field {key}; allowed are {}", TOP.join(", ")));
        }
        let properties = schema(record.kind).properties.as_ref();
        for part in ["spec", "status"] {
            let Some(schema) = properties.and_then(|properties| properties.get(part)) else { continue };
            for violation in violations(schema, &record.object[part], part) {
                if violation.fault == Fault::Unknown {
                    self.record_problem(record, shown, &violation.field, violation.message);
                }
            }
        }
    }

    fn chart_policy(&mut self) {
        let values: BTreeMap<String, Value> = match serde_norway::from_str(CHART_VALUES) {
            Ok(values) => values,
            Err(why) => return self.file_problem(CHART_POLICY, why.to_string()),
        };
        let part = |key: &str| values.get(key).cloned().unwrap_or_default();
        let mut spec = part("policy");
        if let Value::Object(spec) = &mut spec {
            spec.insert("adminGroups".into(), part("adminGroups"));
        }
        let object = json!({
            "apiVersion": format!("{GROUP}/{VERSION}"), "kind": "PlatformPolicy", "metadata": {"name": POLICY_NAME}, "spec": spec
        });
        self.object(object, CHART_POLICY);
    }
}

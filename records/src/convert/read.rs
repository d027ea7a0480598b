//! From an object to the type of its kind, leaving out the parts that cannot be read.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::problem::{About, Report};
use super::raw::{RawRecord, RawRecords};
use crate::Kind;
use crate::schema::{Fault, schema, violations};
use crate::text::LabelValue;

/// A record that could be read.
pub(super) struct Entry<S> {
    pub(super) about: About,
    /// What labels carry: `spec.id`, or the name.
    pub(super) id: String,
    pub(super) spec: S,
}

/// The readable records of a kind, oldest first.
pub(super) fn entries<S: DeserializeOwned>(raw: &RawRecords, kind: Kind, report: &mut Report) -> Vec<Entry<S>> {
    raw.by_age(kind).into_iter().filter_map(|record| entry(record, report)).collect()
}

fn entry<S: DeserializeOwned>(record: &RawRecord, report: &mut Report) -> Option<Entry<S>> {
    #[derive(Deserialize)]
    struct Id {
        #[serde(default)]
        id: Option<LabelValue>,
    }
    let about = record.about();
    if !is_label(&about.name) {
        let message = format!("given {:?}; labels carry it, so it has at most 63 letters, digits, - and .", about.name);
        report.refuse(&about, "metadata.name", message);
        return None;
    }
    let spec = without_nulls(&record.object["spec"]);
    let Value::Object(fields) = spec else {
        report.refuse(&about, "spec", "is missing; write the fields under spec:");
        return None;
    };
    let id = match Id::deserialize(&Value::Object(fields.clone())) {
        Ok(Id { id: None }) => about.name.clone(),
        Ok(Id { id: Some(id) }) if is_label(id.as_str()) => id.0,
        Ok(_) | Err(_) => {
            compare(record, report);
            return None;
        }
    };
    let missing = |report: &mut Report, why: &dyn std::fmt::Display| {
        compare(record, report);
        report.refuse(&about, "spec", format!("cannot be read, so this record counts as missing: {why}"));
    };
    let fields = match readable(record.kind, fields) {
        Ok(fields) => fields,
        Err(field) => {
            missing(report, &format!("see spec.{field}"));
            return None;
        }
    };
    match S::deserialize(&Value::Object(fields)) {
        Ok(spec) => Some(Entry { about, id, spec }),
        Err(error) => {
            missing(report, &error);
            None
        }
    }
}

/// Reports everything in which the record's spec does not have the form of its schema.
pub(super) fn compare(record: &RawRecord, report: &mut Report) {
    let about = record.about();
    let root = schema(record.kind);
    let Some(schema) = root.properties.as_ref().and_then(|properties| properties.get("spec")) else { return };
    for violation in violations(schema, &record.object["spec"], "spec") {
        if violation.fault != Fault::Unknown {
            report.refuse(&about, violation.field, violation.message);
        }
    }
}

/// The fields, of which those that have the wrong shape become absent, or what grants least.
///
/// The shape is compared first since deserialising is not enough: serde takes an empty list for an object without fields,
/// and a quota of `[]` would limit nothing.
///
/// # Errors
/// The name of a field that the record cannot do without.
fn readable(kind: Kind, fields: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let root = schema(kind);
    let spec = root.properties.as_ref().and_then(|properties| properties.get("spec")?.properties.as_ref());
    let broken = |name: &str, value: &Value| {
        let schema = spec.and_then(|properties| properties.get(name));
        schema.is_some_and(|schema| violations(schema, value, name).iter().any(|found| found.fault == Fault::Shape))
    };
    let mut kept = Map::new();
    for (name, value) in fields {
        if !broken(&name, &value) {
            kept.insert(name, value);
            continue;
        }
        match instead(kind, &name) {
            Instead::Nothing => {}
            Instead::This(value) => drop(kept.insert(name, value)),
            Instead::NoRecord => return Err(name),
        }
    }
    Ok(kept)
}

enum Instead {
    Nothing,
    This(Value),
    NoRecord,
}

/// What stands in for an unreadable field, never granting more than any value that it could have had.
fn instead(kind: Kind, field: &str) -> Instead {
    let no_quota = || json!({"gpu": 0, "devices": 0, "cpu": 0, "memory": 0});
    match (kind, field) {
        (_, "displayName") => Instead::Nothing,
        (Kind::User, "systemRole") => Instead::Nothing,
        (Kind::Group, "members" | "identityGroups" | "allowRootContainers" | "storage") => Instead::Nothing,
        (Kind::Project, "members" | "images" | "storage" | "ruleModes" | "plan") => Instead::Nothing,
        (Kind::Project, "allowRootContainers" | "allowServiceAccountToken") => Instead::Nothing,
        (Kind::ResourcePlan, "gpuModels" | "queues" | "defaults" | "offeredTo") => Instead::Nothing,
        (Kind::ResourcePlan, "quota" | "perUser") => Instead::This(no_quota()),
        (Kind::ResourcePlan, "outsideWindow" | "extendedResources") => Instead::This("Deny".into()),
        (Kind::GpuModel, "productNames" | "resourceNames") => Instead::Nothing,
        (Kind::PlatformPolicy, "withoutPlan") => Instead::This(json!({"quota": no_quota()})),
        (Kind::PlatformPolicy, "unstamped") => Instead::This("Refuse".into()),
        (Kind::PlatformPolicy, "volumeTypes") => Instead::This(json!([])),
        (Kind::PlatformPolicy, _) => Instead::Nothing,
        (Kind::User | Kind::Group | Kind::Project | Kind::ResourcePlan | Kind::PlatformQueue | Kind::GpuModel, _) => {
            Instead::NoRecord
        }
    }
}

/// The API server takes null for absent.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

fn is_label(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

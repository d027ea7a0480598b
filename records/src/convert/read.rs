//! From an object to the type of its kind, leaving out the parts that cannot be read.

use policy_engine::policy::namespace_quota::is_name;
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
    if !is_name(&about.name) {
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
        Ok(Id { id: Some(id) }) if is_name(id.as_str()) => id.0,
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
            Some(Instead::Nothing) => {}
            Some(Instead::This(value)) => drop(kept.insert(name, value)),
            Some(Instead::NoRecord) | None => return Err(name),
        }
    }
    Ok(kept)
}

#[derive(Debug)]
enum Instead {
    Nothing,
    This(Value),
    NoRecord,
}

/// What stands in for an unreadable field, never granting more than any value that it could have had; `None` for a field
/// that does not exist. A test misses a field that is not here.
fn instead(kind: Kind, field: &str) -> Option<Instead> {
    let no_quota = || json!({"gpu": 0, "devices": 0, "cpu": 0, "memory": 0});
    Some(match kind {
        Kind::User => match field {
            "displayName" | "systemRole" => Instead::Nothing,
            "id" | "username" => Instead::NoRecord,
            _ => return None,
        },
        Kind::Group => match field {
            "displayName" | "members" | "identityGroups" | "allowRootContainers" | "storage" => Instead::Nothing,
            "id" => Instead::NoRecord,
            _ => return None,
        },
        Kind::Project => match field {
            "displayName" | "members" | "images" | "storage" | "ruleModes" | "plan" => Instead::Nothing,
            "allowRootContainers" | "allowServiceAccountToken" | "spreadTogether" | "capabilities" => Instead::Nothing,
            "hostPaths" => Instead::This(json!([])),
            "id" | "owner" | "group" | "parent" | "namespaces" | "namespacePerMember" => Instead::NoRecord,
            _ => return None,
        },
        Kind::ResourcePlan => match field {
            "displayName" | "gpuModels" | "queues" | "defaults" | "offeredTo" => Instead::Nothing,
            "quota" | "perUser" => Instead::This(no_quota()),
            "outsideWindowQuota" => Instead::This(json!({"gpu": 0, "devices": 0})),
            "outsideWindow" | "extendedResources" => Instead::This("Deny".into()),
            "id" | "namespaceQuota" | "vramPolicies" | "windows" | "timeZone" | "validity" => Instead::NoRecord,
            "idleTimeout" | "maxDevicesPerClaim" | "maxTerminationGrace" => Instead::NoRecord,
            _ => return None,
        },
        Kind::PlatformQueue => match field {
            "displayName" => Instead::Nothing,
            "id" | "priority" | "preemptible" | "deservedGpu" => Instead::NoRecord,
            "gpuModels" | "windows" | "timeZone" => Instead::NoRecord,
            _ => return None,
        },
        Kind::GpuModel => match field {
            "displayName" | "productNames" | "resourceNames" => Instead::Nothing,
            "id" | "deviceClassName" | "sharing" | "computeCapacity" | "profile" | "price" => Instead::NoRecord,
            _ => return None,
        },
        // Without a policy nothing would be exempt, and nobody trusted: a part that cannot be read costs itself alone.
        Kind::PlatformPolicy => match field {
            "withoutPlan" => Instead::This(json!({"quota": no_quota()})),
            "unstamped" => Instead::This("Refuse".into()),
            "charge" => Instead::This("Limits".into()),
            "services" => Instead::Nothing,
            "volumeTypes" => Instead::This(json!([])),
            "id" | "ruleModes" | "adminGroups" | "exemptNamespaces" | "permissions" | "personalPlan" | "grace" => {
                Instead::Nothing
            }
            "trustedControllers" | "trustedClients" | "labelsAlone" | "schedulers" | "workloadKinds" => {
                Instead::Nothing
            }
            "withoutLedger" | "storageLanes" | "hostPaths" | "csiDrivers" | "capabilities" => Instead::Nothing,
            "elsewhere" => Instead::This("Enforce".into()),
            // With a class listed that there is none of, no other may be asked for.
            "deviceClasses" => Instead::This(json!({"unreadable": {"ignore": true}})),
            // What nobody lists is refused where it is an accelerator's.
            "resourceNames" => Instead::Nothing,
            _ => return None,
        },
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_says_what_stands_in_for_it() {
        let mut missing = Vec::new();
        for kind in Kind::ALL {
            let spec = schema(kind).properties.as_ref().and_then(|properties| properties.get("spec"));
            let fields = spec.and_then(|spec| spec.properties.as_ref()).expect("a spec with fields");
            missing
                .extend(fields.keys().filter(|field| instead(kind, field).is_none()).map(|it| format!("{kind}.{it}")));
        }
        assert_eq!(missing, Vec::<String>::new(), "decide in `instead` what stands in for an unreadable one");
        assert!(instead(Kind::User, "systemRol").is_none());
    }
}

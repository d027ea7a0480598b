//! Fields on which nothing acts in this version. They are read and kept, so that records can say already what later
//! versions do; whoever sets one is told. Take a field off the list in the change that makes it act.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;

use super::problem::{About, Report};
use super::raw::RawRecord;
use crate::Kind;
use crate::schema::schema;

/// The description of each of these fields says [`NOT_YET`], and no other does.
pub const NO_EFFECT: [(Kind, &str); 4] = [
    (Kind::ResourcePlan, "spec.idleTimeout"),
    (Kind::ResourcePlan, "spec.offeredTo"),
    (Kind::PlatformPolicy, "spec.permissions"),
    (Kind::PlatformPolicy, "spec.personalPlan"),
];

/// How the description of a field says that nothing acts on it.
pub const NOT_YET: &str = "(not yet)";

/// Warns of each such field that says something else than its default, which the API server and the chart write into
/// records by themselves.
pub(super) fn warn(record: &RawRecord, report: &mut Report) {
    let about: About = record.about();
    for (_, field) in NO_EFFECT.into_iter().filter(|(kind, _)| *kind == record.kind) {
        let value = field.split('.').fold(&record.object, |value, key| &value[key]);
        let default = described(record.kind, field).and_then(|schema| schema.default.as_ref());
        if !value.is_null() && default.is_none_or(|default| default.0 != *value) {
            report.warn(&about, field, "has no effect in this version");
        }
    }
}

/// The schema of a field such as `spec.personalPlan`.
fn described(kind: Kind, field: &str) -> Option<&'static JSONSchemaProps> {
    field.split('.').try_fold(schema(kind), |schema, key| schema.properties.as_ref()?.get(key))
}

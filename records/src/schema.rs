//! The schemas that objects are compared with, as the API server is given them.

mod compare;

pub use compare::{Fault, Violation, violations};

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

use super::{Kind, crd};

/// The schema of a kind's objects.
pub fn schema(kind: Kind) -> &'static JSONSchemaProps {
    static SCHEMAS: LazyLock<Vec<(Kind, JSONSchemaProps)>> =
        LazyLock::new(|| Kind::ALL.into_iter().map(|kind| (kind, of(kind))).collect());
    static NONE: LazyLock<JSONSchemaProps> = LazyLock::new(JSONSchemaProps::default);
    SCHEMAS.iter().find(|(it, _)| *it == kind).map_or(&NONE, |(_, schema)| schema)
}

fn of(kind: Kind) -> JSONSchemaProps {
    let version = crd(kind).spec.versions.into_iter().next();
    version.and_then(|version| version.schema?.open_api_v3_schema).unwrap_or_default()
}

/// Takes away `nullable`, which schemars writes for every optional field (to CEL, a field that is explicitly null
/// would be present), and the line breaks of doc comments.
pub(super) fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let Some(description) = &mut schema.description {
        *description = description.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
    }
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        tidy(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &mut schema.items {
        tidy(item);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &mut schema.additional_properties {
        tidy(value);
    }
}

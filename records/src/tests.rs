use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

#[test]
fn crds_are_in_step() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/sluice/crds");
    for (name, text) in crds_yaml().expect("definitions as YAML") {
        let path = folder.join(name);
        if std::env::var_os("UPDATE_CRDS").is_some() {
            std::fs::write(&path, &text).expect("a file that can be written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "{} is out of step: run UPDATE_CRDS=1 cargo test -p records crds", path.display());
    }
}

/// What the API server makes of an object: absent fields become the schema's defaults.
fn defaulted(schema: &JSONSchemaProps, value: &mut Value) {
    if let Value::Object(map) = value {
        for (name, property) in schema.properties.iter().flatten() {
            if let Some(default) = &property.default {
                map.entry(name.clone()).or_insert_with(|| default.0.clone());
            }
            if let Some(value) = map.get_mut(name) {
                defaulted(property, value);
            }
        }
        if let Some(JSONSchemaPropsOrBool::Schema(schema)) = &schema.additional_properties {
            map.values_mut().for_each(|value| defaulted(schema, value));
        }
    }
    if let (Value::Array(items), Some(JSONSchemaPropsOrArray::Schema(schema))) = (value, &schema.items) {
        items.iter_mut().for_each(|item| defaulted(schema, item));
    }
}

#[track_caller]
fn same_defaults<S: DeserializeOwned + Serialize>(kind: Kind, spec: &Value) {
    let local: S = serde_json::from_value(spec.clone()).expect("a spec");
    let mut served = spec.clone();
    let properties = schema::schema(kind).properties.as_ref().expect("properties");
    defaulted(&properties["spec"], &mut served);
    assert_eq!(serde_json::to_value(local).expect("JSON"), served, "{kind}");
}

#[test]
fn schema_defaults_are_those_of_local_reading() {
    same_defaults::<user::UserSpec>(Kind::User, &json!({"username": "x"}));
    same_defaults::<group::GroupSpec>(Kind::Group, &json!({"members": [{"user": "a"}], "storage": [{"name": "s"}]}));
    same_defaults::<project::ProjectSpec>(Kind::Project, &json!({"members": [{"user": "a"}]}));
    same_defaults::<plan::ResourcePlanSpec>(Kind::ResourcePlan, &json!({"windows": [{}], "offeredTo": [{}]}));
    same_defaults::<queue::PlatformQueueSpec>(Kind::PlatformQueue, &json!({"windows": [{}]}));
    same_defaults::<model::GpuModelSpec>(Kind::GpuModel, &json!({"deviceClassName": "gpu.nvidia.com"}));
    let kinds = json!([{"version": "v1", "resource": "things", "podTemplates": ["/spec"]}]);
    same_defaults::<platform::PlatformPolicySpec>(Kind::PlatformPolicy, &json!({"workloadKinds": kinds, "grace": {}}));
}

/// Calls `visit` with every field and its schema.
fn each_field(schema: &JSONSchemaProps, path: &str, visit: &mut impl FnMut(&str, &JSONSchemaProps)) {
    for (name, property) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        visit(&path, property);
        each_field(property, &path, visit);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
        each_field(item, path, visit);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &schema.additional_properties {
        each_field(value, path, visit);
    }
}

#[test]
fn every_field_is_explained_and_bounded() {
    let mut missing = Vec::new();
    for kind in Kind::ALL {
        each_field(schema::schema(kind), kind.name(), &mut |path, field| {
            let explained = field.description.as_ref().is_some_and(|text| !text.is_empty() && text.len() < 400);
            if !explained && !path.contains(".conditions.") {
                missing.push(format!("{path} has no description"));
            }
            let unbounded_text =
                field.type_.as_deref() == Some("string") && field.max_length.is_none() && field.enum_.is_none();
            let unbounded_list = field.type_.as_deref() == Some("array") && field.max_items.is_none();
            if path.contains(".spec.") && (unbounded_text || unbounded_list) {
                missing.push(format!("{path} has no bound"));
            }
            if field.nullable.is_some() || field.one_of.is_some() || field.any_of.is_some() {
                missing.push(format!("{path} is not structural"));
            }
        });
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// What people write by the schema is what the platform reads, and it reads the same defaults.
#[test]
fn a_workspace_is_read_as_its_schema_has_it() {
    use policy_engine::workspace::{Defaults, Workspace, pod};
    let whole = json!({
        "type": "custom", "image": "x:1", "running": false, "rootShell": true, "queue": "q", "claimName": "c",
        "gpu": {"model": "m", "count": 2, "smPercent": 50, "vramPolicy": "hard_cap", "pinnedMemory": "1Gi"},
        "resources": {"cpu": 1, "memory": "1Gi"}, "volumes": [{"claimName": "v", "mountPath": "/v", "readOnly": true}],
        "shm": "1Gi", "fsGroup": 100, "imagePullSecrets": ["s"], "port": 3000, "path": "/p", "command": ["c"], "args": ["a"],
        "env": [{"name": "A", "value": "b"}], "activityPath": "/a",
    });
    let definition = workspace();
    let schema = definition.spec.versions[0].schema.as_ref().and_then(|it| it.open_api_v3_schema.as_ref());
    let spec = &schema.and_then(|it| it.properties.as_ref()).expect("properties")["spec"];
    let fields: Vec<_> = spec.properties.iter().flatten().map(|(name, _)| name.clone()).collect();
    let written: Vec<_> = whole.as_object().expect("a map").keys().cloned().collect();
    assert_eq!(fields, written, "the whole of it is written here");
    let little = json!({"type": "jupyter", "image": "x:1", "gpu": {"model": "m"}, "volumes": [{"claimName": "v", "mountPath": "/v"}]});
    for asked in [whole, little] {
        let mut served = asked.clone();
        defaulted(spec, &mut served);
        let of: workspace::WorkspaceSpec = serde_json::from_value(asked.clone()).expect("a spec");
        assert_eq!(serde_json::to_value(of).expect("JSON"), served);
        let read = |spec: &Value| Workspace::read(&json!({ "spec": spec })).expect("a workspace");
        let made = |spec: &Value| pod("nb", &read(spec), &Defaults::default());
        assert_eq!((made(&asked), read(&asked)), (made(&served), read(&served)));
    }
    each_field(schema.expect("a schema"), "Workspace", &mut |path, field| {
        let is_explained = field.description.as_ref().is_some_and(|text| !text.is_empty() && text.len() < 400);
        assert!(is_explained || path.contains(".conditions."), "{path}");
    });
}

#[test]
fn a_field_without_effect_says_so_where_it_is_explained() {
    let mut said = Vec::new();
    for kind in Kind::ALL {
        each_field(schema::schema(kind), "", &mut |path, field| {
            if field.description.as_ref().is_some_and(|text| text.contains(convert::NOT_YET)) {
                said.push((kind, path.trim_start_matches('.').to_owned()));
            }
        });
    }
    let mut listed = convert::NO_EFFECT.map(|(kind, field)| (kind, field.to_owned()));
    listed.sort();
    said.sort();
    assert_eq!(said, listed);
}

#[test]
fn columns_are_those_of_the_table() {
    let columns: BTreeMap<_, _> = Kind::ALL
        .into_iter()
        .map(crd)
        .map(|definition| {
            let columns = definition.spec.versions[0].additional_printer_columns.clone().unwrap_or_default();
            let (wide, columns): (Vec<_>, Vec<_>) = columns.into_iter().partition(|column| column.priority.is_some());
            let wide: Vec<_> = wide.into_iter().map(|column| column.name).collect();
            let has_a_name_for_people =
                serde_json::to_string(&definition.spec.versions[0].schema).expect("a schema").contains("displayName");
            assert_eq!(wide, if has_a_name_for_people { vec!["Display Name"] } else { vec![] });
            let columns: Vec<_> =
                columns.into_iter().map(|column| format!("{} {}", column.name, column.type_)).collect();
            (definition.spec.names.short_names.unwrap_or_default().join(""), columns.join(", "))
        })
        .collect();
    let expected = [
        ("", "Version string, Problems integer"),
        ("sg", "Projects integer, Members integer"),
        ("sgm", "Devices integer, Allocated integer"),
        (
            "sp",
            "GPU Used string, GPU Reserved string, GPU Limit string, Devices Held integer, Window Open boolean, Closes At string",
        ),
        ("spq", "Running integer, Waiting integer, GPU Used string, Deserved string"),
        ("srp", "Open boolean, Next Boundary string, Projects integer"),
        ("su", "Personal Project string, Running Pods integer"),
    ];
    assert_eq!(columns, expected.map(|(name, columns)| (name.to_owned(), columns.to_owned())).into());
}

#[test]
fn no_enum_has_a_word_that_yaml_1_1_takes_for_a_boolean() {
    assert_eq!(quote_words("a:\n- off\n  - warn\n  - No\nb: no\n"), "a:\n- 'off'\n  - warn\n  - 'No'\nb: no\n");
    let files = crds_yaml().expect("definitions as YAML");
    let projects = &files.iter().find(|(name, _)| name == "projects.yaml").expect("projects").1;
    assert!(projects.contains("- warn\n                  - 'off'\n"), "the modes of a rule");
}

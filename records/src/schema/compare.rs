//! An object compared with a schema: what the API server would refuse, all at once.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use regex::Regex;
use serde_json::{Map, Value};

use super::super::text::form;

/// A place at which an object does not have the form that its schema asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The place, as `kubectl explain` names it, with indices: `spec.windows[0].days`.
    pub field: String,
    /// What was given, and what is allowed.
    pub message: String,
    /// What kind of fault it is.
    pub fault: Fault,
}

/// In what a value does not conform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The schema has no such field: the API server drops it, unless the writer asks for strictness.
    Unknown,
    /// It is of another type, is none of the listed words, or is missing.
    Shape,
    /// Its type is right, but its form, its size or its range is not.
    Content,
}

/// Everything in which `value` does not conform. CEL rules are not run; null is taken as absent, as the API server does.
pub fn violations(schema: &JSONSchemaProps, value: &Value, field: &str) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    found.value(schema, value, field);
    found.0
}

struct Found(Vec<Violation>);

impl Found {
    fn say(&mut self, fault: Fault, field: &str, message: String) {
        self.0.push(Violation { field: field.into(), message, fault });
    }

    fn value(&mut self, schema: &JSONSchemaProps, value: &Value, field: &str) {
        let int_or_string = schema.x_kubernetes_int_or_string == Some(true);
        let expected = if int_or_string { "integer or string" } else { schema.type_.as_deref().unwrap_or_default() };
        match (value, expected) {
            (Value::Null, _) => {}
            (Value::Object(map), "object") => self.object(schema, map, field),
            (Value::Array(items), "array") => self.array(schema, items, field),
            (Value::String(text), "string" | "integer or string") => self.text(schema, text, field),
            (Value::Number(number), "integer" | "integer or string") if !number.is_f64() => {
                let given = number.as_f64().unwrap_or(f64::MAX);
                if schema.minimum.is_some_and(|least| given < least) || schema.maximum.is_some_and(|most| given > most)
                {
                    let bound = |bound: Option<f64>, word: &str| bound.map(|bound| format!("{word} {bound}"));
                    let bounds = [bound(schema.minimum, "at least"), bound(schema.maximum, "at most")];
                    let bounds = bounds.into_iter().flatten().collect::<Vec<_>>().join(" and ");
                    self.say(Fault::Content, field, format!("given {number}; it is {bounds}"));
                }
            }
            (Value::Bool(_), "boolean") | (_, "") => {}
            (other, "string") => {
                self.say(Fault::Shape, field, format!("given {other}; write text, in quotes: \"{other}\""))
            }
            (other, "integer or string") => {
                self.say(
                    Fault::Shape,
                    field,
                    format!("given {other}; write a whole number, or a quantity in quotes: \"{other}\""),
                );
            }
            (other, expected) => self.say(Fault::Shape, field, format!("given {other}; write {}", noun(expected))),
        }
    }

    fn object(&mut self, schema: &JSONSchemaProps, map: &Map<String, Value>, field: &str) {
        for name in schema.required.iter().flatten() {
            if map.get(name).is_none_or(Value::is_null) {
                self.say(Fault::Shape, &join(field, name), "is missing; it has no default".into());
            }
        }
        if schema.max_properties.is_some_and(|most| map.len() as i64 > most) {
            let most = schema.max_properties.unwrap_or_default();
            self.say(Fault::Content, field, format!("given {} entries; at most {most} are allowed", map.len()));
        }
        for (name, value) in map {
            let known = schema.properties.as_ref().and_then(|properties| properties.get(name));
            match (known, &schema.additional_properties) {
                (Some(schema), _) => self.value(schema, value, &join(field, name)),
                (None, Some(JSONSchemaPropsOrBool::Schema(schema))) => self.value(schema, value, &join(field, name)),
                (None, Some(JSONSchemaPropsOrBool::Bool(true))) => {}
                (None, _) => {
                    let names = schema.properties.iter().flatten().map(|(name, _)| name.as_str());
                    let message = unknown(name, &names.collect::<Vec<_>>());
                    self.say(Fault::Unknown, &join(field, name), message);
                }
            }
        }
    }

    fn array(&mut self, schema: &JSONSchemaProps, items: &[Value], field: &str) {
        let count = items.len() as i64;
        if schema.max_items.is_some_and(|most| count > most) || schema.min_items.is_some_and(|least| count < least) {
            let (least, most) = (schema.min_items.unwrap_or(0), schema.max_items.unwrap_or(i64::MAX));
            self.say(Fault::Content, field, format!("given {count} entries; from {least} to {most} are allowed"));
        }
        let keys = schema.x_kubernetes_list_map_keys.as_deref().unwrap_or_default();
        let key = |item: &Value| match schema.x_kubernetes_list_type.as_deref() {
            Some("set") => Some(item.to_string()),
            Some("map") => Some(keys.iter().map(|key| item[key.as_str()].to_string()).collect::<Vec<_>>().join(" ")),
            Some(_) | None => None,
        };
        let mut seen = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let field = format!("{field}[{index}]");
            if let Some(first) = key(item).and_then(|key| seen.insert(key, index)) {
                self.say(
                    Fault::Content,
                    &field,
                    format!("is listed already, as number {first}; remove one of the two"),
                );
            }
            if let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items {
                self.value(schema, item, &field);
            }
        }
    }

    fn text(&mut self, schema: &JSONSchemaProps, text: &str, field: &str) {
        if let Some(allowed) = &schema.enum_ {
            let allowed: Vec<&str> = allowed.iter().filter_map(|value| value.0.as_str()).collect();
            if !allowed.contains(&text) {
                self.say(Fault::Shape, field, format!("given {text:?}; allowed are {}", allowed.join(", ")));
            }
        }
        let length = text.chars().count() as i64;
        let too_long = schema.max_length.is_some_and(|most| length > most);
        let too_short = schema.min_length.is_some_and(|least| length < least);
        let pattern = schema.pattern.as_deref().unwrap_or_default();
        if too_long || too_short || !matches(pattern, text) {
            let form = form(pattern).unwrap_or(pattern);
            let most = schema.max_length.filter(|_| too_long);
            let most = most.map_or(String::new(), |most| format!(" (at most {most} characters)"));
            self.say(Fault::Content, field, format!("given {text:?}; write {form}{most}"));
        }
    }
}

fn noun(kind: &str) -> &str {
    match kind {
        "integer" => "a whole number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "an object with fields",
        other => other,
    }
}

fn join(field: &str, name: &str) -> String {
    match (field, name.contains(['.', '/'])) {
        ("", _) => name.into(),
        (_, true) => format!("{field}[{name}]"),
        (_, false) => format!("{field}.{name}"),
    }
}

fn unknown(name: &str, known: &[&str]) -> String {
    let near = known.iter().copied().max_by(|a, b| closeness(name, a).total_cmp(&closeness(name, b)));
    match near.filter(|near| closeness(name, near) > 0.8) {
        Some(near) => format!("there is no field {name}; did you mean {near}?"),
        None => format!("there is no field {name}; allowed are {}", known.join(", ")),
    }
}

fn closeness(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(&a.to_lowercase(), &b.to_lowercase())
}

/// Patterns are compiled once: they are those of our own schemas, a few dozen.
fn matches(pattern: &str, text: &str) -> bool {
    static COMPILED: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let regex = compiled.entry(pattern.into()).or_insert_with(|| Regex::new(pattern).ok());
    regex.as_ref().is_none_or(|regex| regex.is_match(text))
}

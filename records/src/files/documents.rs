//! The documents of a file, each read on its own.

use serde::Deserialize;
use serde_json::{Map, Number, Value};
use serde_norway::Value as Yaml;

/// Why a document is no object as Kubernetes understands it.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is neither YAML nor JSON, or a key occurs twice.
    #[error("{0}")]
    Syntax(serde_norway::Error),
    /// A key is no text.
    #[error("the key {0} is no text; write it in quotes")]
    Key(String),
    /// Kubernetes has no such values.
    #[error("{0} has no meaning here; write it in quotes")]
    Meaningless(String),
}

/// The documents of a text; empty ones are passed over, and one that cannot be parsed is the last.
pub fn all(text: &str) -> impl Iterator<Item = Result<Value, DocumentError>> {
    let mut broken = false;
    serde_norway::Deserializer::from_str(text)
        .map(|document| Yaml::deserialize(document).map_err(DocumentError::Syntax).and_then(json))
        .take_while(move |document| !std::mem::replace(&mut broken, matches!(document, Err(DocumentError::Syntax(_)))))
        .filter(|document| !matches!(document, Ok(Value::Null)))
}

fn json(yaml: Yaml) -> Result<Value, DocumentError> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::String(text) => Value::String(text),
        Yaml::Number(number) => {
            let written = number.to_string();
            let number = match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Some(Number::from(number)),
                (None, Some(number)) => Some(Number::from(number)),
                (None, None) => number.as_f64().and_then(Number::from_f64),
            };
            Value::Number(number.ok_or(DocumentError::Meaningless(written))?)
        }
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        Yaml::Mapping(map) => {
            let entry = |(key, value): (Yaml, Yaml)| match key {
                Yaml::String(key) => Ok((key, json(value)?)),
                other => Err(DocumentError::Key(format!("{other:?}"))),
            };
            Value::Object(map.into_iter().map(entry).collect::<Result<Map<_, _>, _>>()?)
        }
        Yaml::Tagged(tagged) => return Err(DocumentError::Meaningless(format!("the tag {}", tagged.tag))),
    })
}

/// A word that stands bare in a file and in an object's values, and that kubectl (YAML 1.1) takes for true or false.
pub fn bare_boolean(object: &Value, text: &str) -> Option<&'static str> {
    const WORDS: [&str; 18] = [
        "y", "Y", "n", "N", "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "True",
        "False",
    ];
    let quoted = |word: &str| text.matches(&format!("\"{word}\"")).count() + text.matches(&format!("'{word}'")).count();
    WORDS.into_iter().find(|word| match occurrences(object, word) {
        0 => false,
        found => found > quoted(word),
    })
}

fn occurrences(value: &Value, word: &str) -> usize {
    match value {
        Value::String(text) => usize::from(text == word),
        Value::Array(items) => items.iter().map(|item| occurrences(item, word)).sum(),
        Value::Object(map) => map.values().map(|value| occurrences(value, word)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

//! Objects as they are submitted, but for `metadata.managedFields`.
//!
//! Who wrote which field is about half of what a review says, and nobody here asks. It is passed over instead of being
//! read, so that it costs neither time nor memory. Of Services and disruption budgets it is read: the rule `selector` asks.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

const PASSED_OVER: &[&str] = &["metadata", "managedFields"];

/// Of these it is read. The API server writes the kind before the metadata.
const READ_WHOLE: [&str; 2] = ["Service", "PodDisruptionBudget"];

/// For `deserialize_with`.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Without(PASSED_OVER).deserialize(deserializer).map(|value| Some(value).filter(|value| !value.is_null()))
}

/// Reads a value without what stands at a path of keys.
struct Without(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Without {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Without {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let [key, below @ ..] = self.0 else { return Value::deserialize(MapAccessDeserializer::new(map)) };
        let mut read = Map::new();
        while let Some(next) = map.next_key::<String>()? {
            if next != *key {
                read.insert(next, map.next_value()?);
            } else if below.is_empty() {
                map.next_value::<IgnoredAny>()?;
            } else if read.get("kind").and_then(Value::as_str).is_some_and(|kind| READ_WHOLE.contains(&kind)) {
                read.insert(next, map.next_value()?);
            } else {
                read.insert(next, map.next_value_seed(Self(below))?);
            }
        }
        Ok(Value::Object(read))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Value, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(list))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_of(text: &str) -> Option<Value> {
        read(&mut serde_json::Deserializer::from_str(text)).expect("JSON")
    }

    #[test]
    fn only_the_objects_own_managed_fields_are_passed_over() {
        let pod = json!({
            "metadata": {"name": "a", "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]},
            "spec": {"template": {"metadata": {"managedFields": "kept"}}, "managedFields": [1]},
            "managedFields": 2,
        });
        let mut without = pod.clone();
        without["metadata"] = json!({"name": "a"});
        assert_eq!(read_of(&pod.to_string()), Some(without));
    }

    #[test]
    fn whatever_else_it_is_stays_what_it_is() {
        for value in [json!([1, {"a": null}]), json!("text"), json!(-1), json!(1.5), json!(true), json!({})] {
            assert_eq!(read_of(&value.to_string()), Some(value));
        }
        assert_eq!(read_of("null"), None);
        for metadata in [json!([{"managedFields": 1}]), json!(7), Value::Null] {
            let object = json!({ "metadata": metadata });
            assert_eq!(read_of(&object.to_string()), Some(object));
        }
    }
}

//! What was asked where the platform wrote something else, as a Pod carries it in the annotation `platform-go/asked`.

use serde_json::{Map, Value};

use crate::contract;
use crate::object::Object;

/// What is in the annotation: JSON Pointer to value. Text that is no such map is nobody's memory.
pub(crate) fn recall(object: Object<'_>) -> Map<String, Value> {
    object.annotation(contract::ASKED).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

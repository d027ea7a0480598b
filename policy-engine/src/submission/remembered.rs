//! What was asked where the platform wrote something else, as an object carries it in the annotation `platform-go/asked`.

use std::collections::BTreeMap;

use jsonptr::PointerBuf;
use serde_json::{Map, Value, json};

use crate::contract;
use crate::object::Object;
use crate::object::named::Elements;
use crate::object::place::Place;

/// Stands for what was asked where nothing was: beside it stands what the platform wrote by itself.
const WRITTEN: &str = "written";

/// What is remembered of one place.
#[derive(Clone, Debug)]
pub(crate) struct Remembered {
    /// Where it is in the object that carries the annotation.
    pub(crate) at: Place,
    /// What was asked there.
    pub(crate) asked: Value,
}

impl Remembered {
    /// What the platform wrote there though nobody asked for anything.
    pub(crate) fn unasked(&self) -> Option<&Value> {
        self.asked.as_object().filter(|map| map.len() == 1)?.get(WRITTEN)
    }
}

/// How it is remembered that the platform wrote something by itself.
pub(crate) fn nothing_but(written: &Value) -> Value {
    json!({WRITTEN: written})
}

/// What is in the annotation, by the names of places: see [`Elements`]. What was in elements that are gone is left out. Text that
/// is no such map is nobody's memory.
pub(crate) fn recall(object: Object<'_>) -> BTreeMap<String, Remembered> {
    let mut elements = Elements::of(object.0);
    let found = written(object).into_iter().filter_map(|(key, asked)| {
        let at = elements.place(&key)?;
        Some((elements.key(&at), Remembered { at, asked }))
    });
    found.collect()
}

/// The same, with what was in elements that are gone.
pub(crate) fn recall_all(object: Object<'_>) -> Vec<(PointerBuf, Value)> {
    let mut elements = Elements::of(object.0);
    let named = |(key, asked): (String, Value)| {
        let key = elements.place(&key).map_or(key, |at| elements.key(&at));
        Some((PointerBuf::parse(key).ok()?, asked))
    };
    written(object).into_iter().filter_map(named).collect()
}

fn written(object: Object<'_>) -> Map<String, Value> {
    object.annotation(contract::ASKED).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

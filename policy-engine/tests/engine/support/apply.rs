//! Applies mutations as the API server would.

use policy_engine::Mutation;
use serde_json::Value;

/// The object as it is stored: what is written first, then what is removed, from the end of lists.
pub(crate) fn apply(mutations: &[Mutation], object: &Value) -> Value {
    let mut stored = object.clone();
    for mutation in mutations {
        if let Some(value) = &mutation.value {
            mutation.at.pointer().assign(&mut stored, value.clone()).expect("a place to write to");
        }
    }
    let mut removed: Vec<_> = mutations.iter().filter(|it| it.value.is_none()).map(|it| it.at.pointer()).collect();
    removed.sort_by_key(|at| {
        let numbered = at.tokens().map(|token| (token.encoded().parse().unwrap_or(0), token.encoded().to_owned()));
        std::cmp::Reverse(numbered.collect::<Vec<(usize, String)>>())
    });
    for at in removed {
        at.delete(&mut stored);
    }
    stored
}

/// RFC 7396: what `kubectl patch --type=merge` does.
pub(crate) fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Default::default());
    }
    for (key, value) in patch {
        match value {
            Value::Null => {
                object.as_object_mut().expect("a map").remove(key);
            }
            value => merge(&mut object[key], value),
        }
    }
}

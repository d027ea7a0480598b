//! A place in an object: a JSON Pointer for programs, a field path for people.

use std::borrow::Cow;
use std::fmt;

use jsonptr::{PointerBuf, Token};
use serde_json::Value;

/// A place in an object as it was submitted.
///
/// Rules point at much more than they speak of, so that a place is its steps, and becomes text where it is told.
/// `Display` writes it as Kubernetes writes fields: `spec.containers[0].image`, `metadata.labels[platform-go/user-id]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// An element of a list, or the key of a map that is written like one: a JSON Pointer does not tell them apart.
    Index(usize),
    Key(Cow<'static, str>),
}

impl From<Cow<'static, str>> for Step {
    fn from(key: Cow<'static, str>) -> Self {
        let is_index = key.bytes().all(|byte| byte.is_ascii_digit()) && (key == "0" || !key.starts_with('0'));
        match key.parse() {
            Ok(index) if is_index => Self::Index(index),
            Ok(_) | Err(_) => Self::Key(key),
        }
    }
}

impl Step {
    fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match (self, value) {
            (Self::Index(index), Value::Array(list)) => list.get(*index),
            (Self::Index(index), Value::Object(map)) => map.get(&index.to_string()),
            (Self::Key(key), Value::Object(map)) => map.get(key.as_ref()),
            (_, _) => None,
        }
    }
}

impl Place {
    /// The whole object.
    #[inline]
    pub fn root() -> Self {
        Self::default()
    }

    /// The place that a path of keys leads to from the root.
    #[inline]
    pub fn of<const N: usize>(keys: [&'static str; N]) -> Self {
        keys.into_iter().fold(Self::root(), Self::key)
    }

    /// One key further.
    #[inline]
    #[must_use]
    pub fn key(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.0.push(key.into().into());
        self
    }

    /// One element of a list further.
    #[inline]
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    /// The place that is `below` this one.
    #[must_use]
    pub fn join(mut self, below: &Self) -> Self {
        self.0.extend(below.0.iter().cloned());
        self
    }

    /// The same place seen from one above it; `None` where that is none.
    pub fn below(&self, above: &Self) -> Option<Self> {
        self.0.strip_prefix(&above.0[..]).map(|steps| Self(steps.into()))
    }

    /// What stands there in an object.
    pub fn resolve<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(object, |value, step| step.of(value))
    }

    /// Whether the way to it leads through alike elements of lists in both objects.
    pub fn is_in_alike(&self, one: &Value, other: &Value, alike: impl Fn(&Value, &Value) -> bool) -> bool {
        let (mut one, mut other) = (Some(one), Some(other));
        self.0.iter().all(|step| {
            let is_list = one.is_some_and(Value::is_array) || other.is_some_and(Value::is_array);
            (one, other) = (one.and_then(|it| step.of(it)), other.and_then(|it| step.of(it)));
            !is_list || one.zip(other).is_some_and(|(one, other)| alike(one, other))
        })
    }

    /// The same place as a JSON Pointer.
    pub fn pointer(&self) -> PointerBuf {
        PointerBuf::from_tokens(self.0.iter().map(|step| match step {
            Step::Index(index) => Token::from(*index),
            Step::Key(key) => Token::from(key.as_ref()),
        }))
    }
}

impl From<PointerBuf> for Place {
    fn from(pointer: PointerBuf) -> Self {
        pointer.tokens().fold(Self::root(), |place, token| place.key(token.decoded().into_owned()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if key.contains(['.', '/', '~']) => write!(f, "[{key}]")?,
                Step::Key(key) if depth == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_as_kubernetes_writes_fields() {
        let image = Place::of(["spec", "containers"]).index(0).key("image");
        assert_eq!(image.to_string(), "spec.containers[0].image");
        assert_eq!(image.pointer().as_str(), "/spec/containers/0/image");
        let label = Place::of(["metadata", "labels", "platform-go/user-id"]);
        assert_eq!(label.to_string(), "metadata.labels[platform-go/user-id]");
        assert_eq!(label.pointer().as_str(), "/metadata/labels/platform-go~1user-id");
    }

    #[test]
    fn a_place_and_its_pointer_are_one() {
        let object = json!({"list": [{"a/b": 1}], "map": {"0": 2, "01": 3, "": 4, "~": 5}});
        for (pointer, value) in [("/list/0/a~1b", 1), ("/map/0", 2), ("/map/01", 3), ("/map/", 4), ("/map/~0", 5)] {
            let parsed = PointerBuf::parse(pointer).expect("a pointer");
            let place = Place::from(parsed.clone());
            assert_eq!((place.pointer(), place.resolve(&object)), (parsed, Some(&json!(value))), "{place}");
        }
        for (place, other) in
            [(Place::root().key("0"), Place::root().index(0)), (Place::root().key("a"), Place::of(["a"]))]
        {
            assert_eq!(place, other);
        }
        for nowhere in ["/list/1", "/list/a", "/map/1", "/list/0/a~1b/c"] {
            let place = Place::from(PointerBuf::parse(nowhere).expect("a pointer"));
            assert_eq!(place.resolve(&object), None, "{place}");
        }
    }
}

//! A place in an object: a JSON Pointer for programs, a field path for people.

use std::fmt;

use jsonptr::{Pointer, PointerBuf, Token};

/// A place in an object as it was submitted.
///
/// `Display` writes it as Kubernetes writes fields: `spec.containers[0].image`, `metadata.labels[platform-go/user-id]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(PointerBuf);

impl Place {
    /// The whole object.
    pub fn root() -> Self {
        Self::default()
    }

    /// The place that a path of keys leads to from the root.
    pub fn of<const N: usize>(keys: [&str; N]) -> Self {
        Self(PointerBuf::from_tokens(keys))
    }

    /// One key further.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.0.push_back(key);
        self
    }

    /// One element of a list further.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push_back(index);
        self
    }

    /// The place that is `below` this one.
    #[must_use]
    pub fn join(mut self, below: &Self) -> Self {
        self.0.append(&below.0);
        self
    }

    /// The same place as a JSON Pointer.
    pub fn pointer(&self) -> &Pointer {
        &self.0
    }
}

impl From<PointerBuf> for Place {
    fn from(pointer: PointerBuf) -> Self {
        Self(pointer)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, token) in self.0.tokens().enumerate() {
            match Segment::of(&token) {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Plain(key) if depth == 0 => f.write_str(key)?,
                Segment::Plain(key) => write!(f, ".{key}")?,
                Segment::Quoted(key) => write!(f, "[{key}]")?,
            }
        }
        Ok(())
    }
}

enum Segment<'a> {
    Index(usize),
    Plain(&'a str),
    Quoted(String),
}

impl<'a> Segment<'a> {
    fn of(token: &'a Token<'a>) -> Self {
        let encoded = token.encoded();
        match encoded.parse() {
            Ok(index) => Self::Index(index),
            Err(_) if encoded.contains(['.', '~']) => Self::Quoted(token.decoded().into_owned()),
            Err(_) => Self::Plain(encoded),
        }
    }
}

#[cfg(test)]
mod tests {
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
}

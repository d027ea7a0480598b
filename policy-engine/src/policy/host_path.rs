//! Paths on the node that Pods may mount.

use serde::Serialize;

/// A path on the node that Pods may mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostPath(String);

/// Text that is no path on a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no absolute path without `..`; write for example /data/shared")]
pub struct InvalidHostPath(String);

impl std::str::FromStr for HostPath {
    type Err = InvalidHostPath;

    fn from_str(text: &str) -> Result<Self, InvalidHostPath> {
        if !text.starts_with('/') || has_dot_dot(text) {
            return Err(InvalidHostPath(text.into()));
        }
        Ok(Self(text.trim_end_matches('/').into()))
    }
}

impl HostPath {
    /// The path, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `path` is the listed one or below it.
    pub fn covers(&self, path: &str) -> bool {
        !has_dot_dot(path)
            && path.strip_prefix(self.0.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn has_dot_dot(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

impl std::fmt::Display for HostPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

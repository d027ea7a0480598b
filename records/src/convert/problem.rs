//! What is wrong with a record, for people and for programs.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::Kind;

/// How grave a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Grade {
    /// The record is refused when it is written; where it exists all the same, the part is unusable.
    Refused,
    /// The record may be written: what it refers to may come, and a field without effect does no harm.
    Warning,
}

/// Something that is wrong with a record or with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How grave it is.
    pub grade: Grade,
    /// Kind of the record; `None` where not even that could be read.
    #[serde(serialize_with = "kind_name")]
    pub kind: Option<Kind>,
    /// Name of the record; empty where it could not be read.
    pub name: String,
    /// The place in the record, e.g. `spec.windows[0].days`; empty for the record as a whole.
    pub field: String,
    /// What was given, what is allowed, what to do.
    pub message: String,
    /// Where the record was read from, if from a file.
    pub origin: Option<String>,
}

fn kind_name<S: serde::Serializer>(kind: &Option<Kind>, serializer: S) -> Result<S::Ok, S::Error> {
    kind.map(Kind::name).serialize(serializer)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        if let Some(kind) = self.kind {
            write!(f, "{kind} {}: ", self.name)?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

/// What is wrong with one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Why it is refused; none means that it may be written.
    pub problems: Vec<Problem>,
    /// What does not work yet, and what has no effect in this version.
    pub warnings: Vec<Problem>,
}

/// The record that is being read.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) origin: Option<String>,
}

/// Collects problems: one for each place, the first that was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    problems: Vec<Problem>,
    places: BTreeSet<(Kind, String, String)>,
}

impl Report {
    pub(super) fn refuse(&mut self, about: &About, field: impl fmt::Display, message: impl fmt::Display) {
        self.add(Grade::Refused, about, field.to_string(), message.to_string());
    }

    pub(super) fn warn(&mut self, about: &About, field: impl fmt::Display, message: impl fmt::Display) {
        self.add(Grade::Warning, about, field.to_string(), message.to_string());
    }

    fn add(&mut self, grade: Grade, about: &About, field: String, message: String) {
        if self.places.insert((about.kind, about.name.clone(), field.clone())) {
            let About { kind, name, origin } = about.clone();
            self.problems.push(Problem { grade, kind: Some(kind), name, field, message, origin });
        }
    }

    /// The problems by record, in the order of its fields.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by(|a, b| (a.kind, &a.name, &a.field).cmp(&(b.kind, &b.name, &b.field)));
        self.problems
    }
}

//! Where the order of a run matters.

use std::fmt;

use policy_engine::Decision;

/// An object stands before one that it names, and that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfOrder {
    /// It is refused because that is not there yet.
    TooEarly,
    /// It is refused because of what that says: an API server that is given the run learns of it too late.
    TooLate,
}

impl fmt::Display for OutOfOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooEarly => "it would be admitted behind what it names of this run: put that before it",
            Self::TooLate => {
                "the API server admits it where it stands, before what it names of this run is there, and it never runs"
            }
        })
    }
}

impl OutOfOrder {
    /// From what is decided as it stands, and what would be if all of the run were there.
    pub(super) fn of(as_it_stands: &Decision, later: &Decision) -> Option<Self> {
        match (as_it_stands.allowed(), later.allowed()) {
            (false, true) => Some(Self::TooEarly),
            (true, false) => Some(Self::TooLate),
            (true, true) | (false, false) => None,
        }
    }
}

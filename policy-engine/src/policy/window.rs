//! Windows: when a plan or a queue is open.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Time;
use serde::Serialize;

/// When something is open: the union of its windows.
///
/// A record without windows has no schedule and is always open; a schedule none of whose windows can be read never is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// IANA name of the zone that weekly windows are read in.
    pub time_zone: String,
    /// The windows.
    pub windows: Vec<Window>,
}

/// A span of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Window {
    /// Every week.
    Weekly(Weekly),
    /// Once.
    Once {
        /// The first instant of the window.
        from: Timestamp,
        /// The first instant after it.
        until: Timestamp,
    },
}

/// A window of every week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Weekly {
    /// The days on which it opens.
    pub days: BTreeSet<Day>,
    /// When it opens.
    pub start: Time,
    /// When it closes: on the next day, unless it is after `start`.
    pub end: Time,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    /// The week, from Monday.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mon => "Mon",
            Self::Tue => "Tue",
            Self::Wed => "Wed",
            Self::Thu => "Thu",
            Self::Fri => "Fri",
            Self::Sat => "Sat",
            Self::Sun => "Sun",
        })
    }
}

//! How far may be looked at once.

use jiff::{SignedDuration, Timestamp};

use super::span::Span;

/// A range of time for which spans are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range(Span);

/// A range that is none, or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRange {
    /// It ends before it begins.
    #[error("asked from {from} until {until}, which is not after it; give an end after the beginning")]
    Backwards {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// It is longer than a list is good for.
    #[error("asked from {from} until {until}; at most {} days are listed at a time; ask for less", Range::MOST_DAYS)]
    TooLong {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
}

impl Range {
    /// At most so many days are listed at a time.
    pub const MOST_DAYS: i64 = 366;

    /// The instants from the first one to before the second one.
    ///
    /// # Errors
    /// Where there are none, or too many.
    pub fn new(from: Timestamp, until: Timestamp) -> Result<Self, InvalidRange> {
        // Clocks may be put back in between.
        let longest = SignedDuration::from_hours(Self::MOST_DAYS * 24 + 2);
        match until.duration_since(from) {
            length if length <= SignedDuration::ZERO => Err(InvalidRange::Backwards { from, until }),
            length if length > longest => Err(InvalidRange::TooLong { from, until }),
            _ => Ok(Self(Span { from, until })),
        }
    }

    /// The same as a span.
    pub fn span(&self) -> Span {
        self.0
    }
}

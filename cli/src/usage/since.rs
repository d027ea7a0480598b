//! From when on hours are counted.

use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

use crate::instant::{Besides, NoInstant, When};

/// An instant, a day of UTC, or how long ago.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Since {
    At(When),
    Ago(SignedDuration),
}

impl FromStr for Since {
    type Err = NoInstant;

    fn from_str(text: &str) -> Result<Self, NoInstant> {
        let span = text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
        match span {
            Ok(ago) => Ok(Self::Ago(ago.abs())),
            Err(_) => text.parse().map(Self::At).map_err(|error: NoInstant| error.or(Besides::DaysAndLengths)),
        }
    }
}

impl Since {
    /// The instant, seen from now.
    pub(super) fn seen_from(self, now: Timestamp) -> Result<Timestamp, NoInstant> {
        match self {
            Self::At(when) => when.on(&TimeZone::UTC),
            Self::Ago(ago) => now.checked_sub(ago).map_err(NoInstant::new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_a_day_or_how_long_ago() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().expect("an instant");
        let since = |text: &str| text.parse::<Since>().and_then(|since| since.seen_from(now)).map(|at| at.to_string());
        for (text, at) in [
            ("36h", "2026-11-22T00:00:00Z"),
            ("7d", "2026-11-16T12:00:00Z"),
            ("1h 30m", "2026-11-23T10:30:00Z"),
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("2026-11-23T12:00+01:00", "2026-11-23T11:00:00Z"),
        ] {
            assert_eq!(since(text), Ok(at.into()), "{text}");
        }
        for (text, why) in [
            ("yesterday", "or how long ago, as in 36h or 7d"),
            ("1mo", "it is no instant"),
            ("19000y", "it is no instant"),
        ] {
            assert!(since(text).expect_err(text).to_string().contains(why), "{text}");
        }
    }
}

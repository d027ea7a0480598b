//! Instants, as people write them on a command line.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use policy_engine::windows::first_instant;

/// An instant, or a day, which begins when the clock of a zone says so.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    Instant(Timestamp),
    Day(Date),
}

impl FromStr for When {
    type Err = NoInstant;

    fn from_str(text: &str) -> Result<Self, NoInstant> {
        const DAY: usize = "2026-11-23".len();
        match text.parse() {
            Ok(day) if text.len() == DAY => Ok(Self::Day(day)),
            Ok(_) | Err(_) => parse(text).map(Self::Instant).map_err(|error| error.or(Besides::Days)),
        }
    }
}

impl When {
    /// The instant.
    pub(crate) fn on(self, zone: &TimeZone) -> Result<Timestamp, NoInstant> {
        match self {
            Self::Instant(at) => Ok(at),
            Self::Day(day) => first_instant(day.to_datetime(Time::midnight()), zone)
                .ok_or_else(|| NoInstant::new(format_args!("{day} is beyond what can be counted"))),
        }
    }
}

/// Text that is no instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no instant; write the date and the time with an offset, as in 2026-11-23T12:00:00+01:00, or with a zone, as in 2026-11-23T12:00[Europe/Berlin]{}: {why}",
    .besides.says()
)]
pub(crate) struct NoInstant {
    besides: Besides,
    why: String,
}

/// What can be written besides an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Besides {
    Nothing,
    Days,
    DaysAndLengths,
}

impl Besides {
    fn says(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Days => ", or a day, as in 2026-11-23",
            Self::DaysAndLengths => ", or a day, as in 2026-11-23, or how long ago, as in 36h or 7d",
        }
    }
}

impl NoInstant {
    pub(crate) fn new(why: impl ToString) -> Self {
        Self { besides: Besides::Nothing, why: why.to_string() }
    }

    /// The same, where something else may be written too.
    pub(crate) fn or(self, besides: Besides) -> Self {
        Self { besides, ..self }
    }
}

/// Reads RFC 3339 (`2026-11-23T12:00:00+01:00`) or RFC 9557 (`2026-11-23T12:00[Europe/Berlin]`).
///
/// A local time that comes twice is the first of the two; one that does not come is no instant.
pub(crate) fn parse(text: &str) -> Result<Timestamp, NoInstant> {
    let no_instant = |error: jiff::Error| NoInstant::new(error);
    if !text.contains('[') {
        return text.parse().map_err(no_instant);
    }
    let read: Zoned = text.parse().map_err(no_instant)?;
    match text.parse::<DateTime>() {
        Ok(asked) if asked != read.datetime() => {
            Err(NoInstant::new(format_args!("clocks skip that time; the next one is {}", read.strftime("%H:%M"))))
        }
        // With a Z there is no local time to compare.
        Ok(_) | Err(_) => Ok(read.timestamp()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_zones_are_read() {
        let read = |text| parse(text).map(|at| at.to_string());
        for text in [
            "2026-11-23T12:00:00+01:00",
            "2026-11-23T11:00:00Z",
            "2026-11-23T12:00[Europe/Berlin]",
            "2026-11-23 12:00:00[Europe/Berlin]",
            "2026-11-23T12:00:00+01:00[Europe/Berlin]",
        ] {
            assert_eq!(read(text), Ok("2026-11-23T11:00:00Z".into()), "{text}");
        }
        assert_eq!(read("2026-10-25T02:30[Europe/Berlin]"), Ok("2026-10-25T00:30:00Z".into()));
    }

    #[test]
    fn where_a_day_may_be_written_it_is_said() {
        let said = "tomorrow".parse::<When>().expect_err("no day").to_string();
        assert!(said.contains("[Europe/Berlin], or a day, as in 2026-11-23: "), "{said}");
        assert!(!parse("tomorrow").expect_err("no instant").to_string().contains("or a day"));
    }

    #[test]
    fn what_is_no_instant_is_refused_with_what_to_write() {
        for (text, says) in [
            ("2026-11-23T12:00:00", "as in 2026-11-23T12:00:00+01:00, or with a zone"),
            ("2026-11-23T12:00[Mars/Olympus]", "Mars/Olympus"),
            ("2026-03-29T02:30[Europe/Berlin]", "clocks skip that time"),
            ("noon", "it is no instant"),
        ] {
            let said = parse(text).expect_err(text).to_string();
            assert!(said.contains(says), "{says:?} is not in {said:?}");
        }
    }
}

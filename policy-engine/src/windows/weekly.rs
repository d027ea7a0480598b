//! The instants of a weekly window.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use super::span::Span;
use crate::policy::window::{Day, Weekly};

/// A window is at most a day long, and a zone has skipped at most a day (Samoa, in 2011).
const DAYS_BEFORE: i64 = 3;

/// The spans of the window that reach into the range, and perhaps some beside it.
///
/// Days are counted on the calendar: a day is not always 24 hours.
pub(super) fn occurrences(weekly: &Weekly, zone: &TimeZone, range: Span) -> Vec<Span> {
    let day_of = |at: Timestamp| zone.to_datetime(at).date();
    let first = day_of(range.from).checked_sub(DAYS_BEFORE.days()).unwrap_or(Date::MIN);
    let last = day_of(range.until);
    let days = first.series(1.day()).take_while(|day| *day <= last);
    days.filter(|day| weekly.days.contains(&day_of_week(*day))).filter_map(|day| on(day, weekly, zone)).collect()
}

fn on(day: Date, weekly: &Weekly, zone: &TimeZone) -> Option<Span> {
    let closes = if weekly.end > weekly.start { day } else { day.tomorrow().ok()? };
    let (from, until) = (day.to_datetime(weekly.start), closes.to_datetime(weekly.end));
    let span = Span { from: first_instant(from, zone)?, until: first_instant(until, zone)? };
    span.is_something().then_some(span)
}

/// The first instant at which the clock of a zone shows this time, or a later one because it jumped over it.
pub fn first_instant(shown: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(shown);
    let offset = ambiguous.offset();
    let earlier = ambiguous.earlier().ok()?;
    match offset {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => Some(earlier),
        // Read with the offset after the jump, it lies before the jump.
        AmbiguousOffset::Gap { after, .. } => {
            zone.following(earlier).find(|change| change.offset() == after).map(|change| change.timestamp())
        }
    }
}

fn day_of_week(date: Date) -> Day {
    match date.weekday() {
        Weekday::Monday => Day::Mon,
        Weekday::Tuesday => Day::Tue,
        Weekday::Wednesday => Day::Wed,
        Weekday::Thursday => Day::Thu,
        Weekday::Friday => Day::Fri,
        Weekday::Saturday => Day::Sat,
        Weekday::Sunday => Day::Sun,
    }
}

//! Instants as people read them.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// An instant on the clock of a zone: `Mon 2026-11-23 20:00 Europe/Berlin (UTC+01:00)`.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The instant.
    pub at: Timestamp,
    /// The zone's name. One that does not exist is shown as UTC.
    pub zone: &'a str,
}

impl fmt::Display for Moment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, zone } = *self;
        let (name, zone) = super::zone(zone).map_or(("UTC", TimeZone::UTC), |found| (zone, found));
        let shown = at.to_zoned(zone);
        let time = if shown.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
        let offset = if name == "UTC" { "" } else { " (UTC%:z)" };
        write!(f, "{} {name}{}", shown.strftime(&format!("%a %Y-%m-%d {time}")), shown.strftime(offset))
    }
}

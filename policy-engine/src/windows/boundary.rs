//! What holds at an instant, and when that changes next.

use jiff::{SignedDuration, Timestamp};

use super::span::Span;
use super::{Calendar, Zoned};
use crate::policy::window::Window;

/// Weekly windows that have not met for so many weeks never do: the clocks of all zones have then been through their year.
const WEEKS_AHEAD: i32 = 54;
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What holds at an instant, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenState {
    /// It is open, and stays so.
    AlwaysOpen,
    /// It is open, and closes then.
    OpenUntil(Timestamp),
    /// It is closed, and opens then.
    ClosedUntil(Timestamp),
    /// It is closed, and does not open again.
    NeverOpens,
}

impl OpenState {
    /// Whether it is open.
    pub fn is_open(self) -> bool {
        match self {
            Self::AlwaysOpen | Self::OpenUntil(_) => true,
            Self::ClosedUntil(_) | Self::NeverOpens => false,
        }
    }

    /// When that changes.
    pub fn boundary(self) -> Option<Timestamp> {
        match self {
            Self::OpenUntil(at) | Self::ClosedUntil(at) => Some(at),
            Self::AlwaysOpen | Self::NeverOpens => None,
        }
    }
}

impl Calendar<'_> {
    /// What holds at an instant, and when that changes next.
    pub fn state(&self, at: Timestamp) -> OpenState {
        let open = self.is_open(at);
        match (open, self.change(at, open)) {
            (true, Some(closes)) => OpenState::OpenUntil(closes),
            (true, None) => OpenState::AlwaysOpen,
            (false, Some(opens)) => OpenState::ClosedUntil(opens),
            (false, None) => OpenState::NeverOpens,
        }
    }

    /// When it closed last, if it was open within the time `back` before `at`, of something that is closed at `at`. More than a
    /// year is not looked back.
    pub fn closed_within(&self, back: SignedDuration, at: Timestamp) -> Option<Timestamp> {
        let range = Span { from: at.saturating_sub(back.min(WEEK * WEEKS_AHEAD)).unwrap_or(Timestamp::MIN), until: at };
        let open = if range.is_something() { self.within(range) } else { Vec::new() };
        open.last().map(|span| span.until)
    }

    /// The first instant after `at` at which it is no longer as it is.
    ///
    /// What is written with a date is looked at where it is, however far; in between, weeks repeat.
    fn change(&self, at: Timestamp, open: bool) -> Option<Timestamp> {
        let after = |from: Timestamp, span| from.saturating_add(span).unwrap_or(Timestamp::MAX);
        let mut dates: Vec<_> = self.dates().filter(|date| *date > at).collect();
        dates.sort_unstable();
        let mut seen = at;
        for from in std::iter::once(at).chain(dates) {
            seen = seen.max(from);
            let enough = after(from, WEEK * WEEKS_AHEAD);
            while seen < enough {
                let week = Span { from: seen, until: after(seen, WEEK) };
                if let Some(change) = self.change_within(week, open) {
                    return Some(change);
                }
                seen = week.until;
            }
        }
        None
    }

    fn change_within(&self, range: Span, open: bool) -> Option<Timestamp> {
        let first = self.within(range).first().copied();
        match (open, first) {
            (false, first) => first.map(|span| span.from),
            (true, Some(span)) if span.from == range.from => Some(span.until).filter(|until| *until < range.until),
            (true, _) => range.is_something().then_some(range.from),
        }
    }

    /// The instants that are written with a date.
    fn dates(&self) -> impl Iterator<Item = Timestamp> {
        let bounds = [self.validity.from, self.validity.until].into_iter().flatten();
        let dated = |zoned: &Zoned<'_>| {
            let once = zoned.windows.iter().filter_map(|window| match window {
                Window::Once { from, until } => Some([*from, *until]),
                Window::Weekly(_) => None,
            });
            once.flatten().collect::<Vec<_>>()
        };
        bounds.chain(self.schedules.iter().flat_map(dated))
    }
}

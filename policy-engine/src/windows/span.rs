//! Spans of time, and sets of them.

use jiff::Timestamp;

/// A span of time that is not empty: the first instant, and the first one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

impl Span {
    /// The shortest span that begins here; none at the end of time.
    pub(super) fn instant(at: Timestamp) -> Option<Self> {
        let until = at.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
        Some(Self { from: at, until })
    }

    pub(super) fn is_something(&self) -> bool {
        self.from < self.until
    }

    pub(super) fn clipped_to(self, range: Self) -> Option<Self> {
        let clipped = Self { from: self.from.max(range.from), until: self.until.min(range.until) };
        clipped.is_something().then_some(clipped)
    }
}

/// The same instants in as few spans as there can be, in order: what overlaps or touches is one.
pub(super) fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
            Some(_) | None => merged.push(span),
        }
    }
    merged
}

/// The instants that are in both, where each is as [`union`] leaves it.
pub(super) fn intersection(one: &[Span], other: &[Span]) -> Vec<Span> {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let mut both = Vec::new();
    while let (Some(a), Some(b)) = (one.peek(), other.peek()) {
        both.extend(a.clipped_to(**b));
        if a.until <= b.until {
            one.next()
        } else {
            other.next()
        };
    }
    both
}

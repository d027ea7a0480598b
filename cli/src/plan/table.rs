//! Windows as text.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use owo_colors::OwoColorize as _;
use policy_engine::policy::plan::OutsideWindow;
use policy_engine::windows::listing::{Line, Listing, What};
use policy_engine::windows::{OpenState, Span};

use super::bars;
use crate::table::aligned;

/// What holds now, then the spans of whatever opens or closes.
pub(super) fn render(listing: &Listing) -> String {
    let Span { from, until } = listing.range.span();
    let outside = match listing.outside {
        OutsideWindow::Gate => "a Pod that is made while its queue is closed waits",
        OutsideWindow::Deny => "a Pod that is made while its queue is closed is refused",
    };
    let mut text = format!(
        "{} in {}, from {} until {}; {outside}\n\n",
        format!("plan {}", listing.plan).bold(),
        listing.zone_name,
        moment(listing, from),
        moment(listing, until)
    );
    let now: Vec<_> = listing.lines.iter().map(|line| vec![name(&line.what), state(listing, line)]).collect();
    text.extend(aligned(&now).iter().map(|line| format!("{line}\n")));
    for line in listing.lines.iter().filter(|line| changes(listing, line)) {
        text.push_str(&block(listing, line));
    }
    text
}

fn name(what: &What) -> String {
    match what {
        What::Plan(name) => format!("plan {name}"),
        What::Queue(name) | What::Missing(name) => format!("queue {name}"),
    }
}

fn state(listing: &Listing, line: &Line) -> String {
    match (&line.what, line.state) {
        (What::Missing(_), _) => "does not exist".red().to_string(),
        (_, OpenState::AlwaysOpen) => "always open".green().to_string(),
        (_, OpenState::OpenUntil(at)) => format!("{} now, closes {}", "open".green(), moment(listing, at)),
        (_, OpenState::ClosedUntil(at)) => format!("{} now, opens {}", "closed".yellow(), moment(listing, at)),
        (_, OpenState::NeverOpens) => format!("{} and does not open again", "closed".yellow()),
    }
}

/// Whether there is more to show than that it is open, or closed, all the time.
fn changes(listing: &Listing, line: &Line) -> bool {
    line.state != OpenState::AlwaysOpen && !matches!(line.what, What::Missing(_)) && {
        line.spans.as_slice() != [listing.range.span()] && !line.spans.is_empty()
    }
}

fn block(listing: &Listing, line: &Line) -> String {
    let range = listing.range.span();
    let mut text = format!("\n{}\n", name(&line.what).bold());
    let shown = |at, edge, goes_on| if goes_on && at == edge { "…".into() } else { moment(listing, at) };
    let mut rows = vec![["OPENS", "CLOSES", "FOR"].map(str::to_owned).to_vec()];
    rows.extend(line.spans.iter().map(|span| {
        let (opens, closes) =
            (shown(span.from, range.from, line.goes_on.0), shown(span.until, range.until, line.goes_on.1));
        [vec![opens, closes, length(*span)], listing.notes(*span)].concat()
    }));
    text.extend(aligned(&rows).iter().map(|line| format!("  {line}\n")));
    for bar in bars::draw(&line.spans, listing.range, &listing.zone) {
        let _infallible = writeln!(text, "  {bar}");
    }
    text
}

/// In whole seconds, as its ends are shown.
fn length(span: Span) -> String {
    format!("{:#}", SignedDuration::from_secs(span.until.as_second() - span.from.as_second()))
}

fn moment(listing: &Listing, at: Timestamp) -> String {
    shown(at, &listing.zone)
}

/// To the second, where it is not on the minute.
fn shown(at: Timestamp, zone: &TimeZone) -> String {
    let shown = at.to_zoned(zone.clone());
    let time = if shown.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    shown.strftime(&format!("%a %Y-%m-%d {time} %:z")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_lengths_are_shown_to_the_second() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let span = Span { from: at("2026-11-23T10:00:00.331Z"), until: at("2026-11-23T10:01:09.974331570Z") };
        assert_eq!(length(span), "1m 9s");
        assert_eq!(shown(span.until, &TimeZone::UTC), "Mon 2026-11-23 10:01:09 +00:00");
        assert_eq!(shown(span.from, &TimeZone::UTC), "Mon 2026-11-23 10:00 +00:00");
    }
}

//! Days as bars: 24 hours of the clock, half an hour a cell.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use owo_colors::OwoColorize as _;
use policy_engine::windows::{Range, Span, first_instant};

const CELLS: i64 = 48;
/// More days are not looked at as a picture.
pub(super) const MOST_DAYS: usize = 31;

/// A line for each day of the range; none where there are too many.
pub(super) fn draw(spans: &[Span], range: Range, zone: &TimeZone) -> Vec<String> {
    let Span { from, until } = range.span();
    let day_of = |at: Timestamp| zone.to_datetime(at).date();
    let last = day_of(until - SignedDuration::from_nanos(1));
    let days: Vec<_> = day_of(from).series(1.day()).take_while(|day| *day <= last).take(MOST_DAYS + 1).collect();
    if days.len() > MOST_DAYS {
        return Vec::new();
    }
    let hours = (0..=24).step_by(3).map(|hour| format!("{hour:<6}")).collect::<String>();
    let scale = format!("{:10}  {}", "", hours.trim_end());
    let bar = |day: &Date| {
        let cells: String = (0..CELLS).map(|cell| shown(*day, cell, spans, range.span(), zone)).collect();
        format!("{}  {}", day.strftime("%a %m-%d "), cells.trim_end().green())
    };
    std::iter::once(scale.trim_end().to_owned()).chain(days.iter().map(bar)).collect()
}

/// `█` open, `▌` open for a part, `·` closed, blank where there is no such time.
fn shown(day: Date, cell: i64, spans: &[Span], range: Span, zone: &TimeZone) -> char {
    let at =
        |cell: i64| first_instant(day.to_datetime(Time::midnight()).checked_add((cell * 30).minutes()).ok()?, zone);
    let (Some(from), Some(until)) = (at(cell), at(cell + 1)) else { return ' ' };
    let (from, until) = (from.max(range.from), until.min(range.until));
    if from >= until {
        return ' ';
    }
    let open: SignedDuration = spans
        .iter()
        .map(|span| span.until.min(until).duration_since(span.from.max(from)))
        .filter(SignedDuration::is_positive)
        .sum();
    match open {
        none if none.is_zero() => '·',
        all if all == until.duration_since(from) => '█',
        _ => '▌',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_drawn_as_its_clock_shows_it() {
        let zone = policy_engine::windows::zone("Europe/Berlin").expect("a zone");
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let span = |from: &str, until: &str| Span { from: at(from), until: at(until) };
        let range = Range::new(at("2026-03-28T22:30:00Z"), at("2026-03-29T22:00:00Z")).expect("a range");
        let spans = [span("2026-03-28T22:30:00Z", "2026-03-29T06:15:00Z")];
        let plain = |line: &String| anstream::adapter::strip_str(line).to_string();
        let drawn: Vec<_> = draw(&spans, range, &zone).iter().map(plain).collect();
        assert_eq!(
            drawn,
            [
                "            0     3     6     9     12    15    18    21    24".to_owned(),
                format!("Sat 03-28   {}█", " ".repeat(47)),
                format!("Sun 03-29   ████  ██████████▌{}", "·".repeat(31)),
            ]
        );
        let year = Range::new(at("2026-01-01T00:00:00Z"), at("2026-02-15T00:00:00Z")).expect("a range");
        assert_eq!(draw(&spans, year, &zone), [] as [&str; 0]);
    }
}

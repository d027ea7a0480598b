use jiff::civil::time;

use super::*;
use crate::policy::window::{Day, Weekly};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn once(from: &str, until: &str) -> Window {
    Window::Once { from: at(from), until: at(until) }
}

fn daily(start: (i8, i8), end: (i8, i8)) -> Window {
    on(&Day::ALL, start, end)
}

fn on(days: &[Day], start: (i8, i8), end: (i8, i8)) -> Window {
    let days = days.iter().copied().collect();
    Window::Weekly(Weekly { days, start: time(start.0, start.1, 0, 0), end: time(end.0, end.1, 0, 0) })
}

fn schedule(zone: &str, windows: &[Window]) -> Schedule {
    Schedule { time_zone: zone.into(), windows: windows.into() }
}

/// The spans as instants of UTC.
fn spans(zone: &str, windows: &[Window], from: &str, until: &str) -> Vec<String> {
    let schedule = schedule(zone, windows);
    let range = Range::new(at(from), at(until)).expect("a range");
    let spans = Calendar::of_schedule(Some(&schedule)).spans(range);
    spans.iter().map(|Span { from, until }| format!("{from} {until}")).collect()
}

fn state(zone: &str, windows: &[Window], validity: Validity, now: &str) -> OpenState {
    let schedule = schedule(zone, windows);
    Calendar { validity, ..Calendar::of_schedule(Some(&schedule)) }.state(at(now))
}

#[test]
fn a_night_goes_on_after_midnight_and_its_last_instant_is_not_in_it() {
    let night = [on(&[Day::Mon], (20, 0), (8, 0))];
    assert_eq!(
        spans("Europe/Berlin", &night, "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
        ["2026-11-23T19:00:00Z 2026-11-24T07:00:00Z"]
    );
    let state = |now| state("Europe/Berlin", &night, Validity::default(), now);
    assert_eq!(state("2026-11-24T06:59:59.999Z"), OpenState::OpenUntil(at("2026-11-24T07:00:00Z")));
    assert_eq!(state("2026-11-24T07:00:00Z"), OpenState::ClosedUntil(at("2026-11-30T19:00:00Z")));
}

#[test]
fn what_a_clock_skips_begins_and_ends_at_the_first_instant_after_it() {
    // On 2026-03-29, 02:00 to 03:00 does not come in Berlin; on 2026-10-04, 02:00 to 02:30 does not on Lord Howe.
    let berlin = |window| spans("Europe/Berlin", &[window], "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    assert_eq!(berlin(daily((2, 30), (5, 0))), ["2026-03-29T01:00:00Z 2026-03-29T03:00:00Z"]);
    assert_eq!(berlin(daily((1, 0), (2, 30))), ["2026-03-29T00:00:00Z 2026-03-29T01:00:00Z"]);
    assert_eq!(berlin(daily((2, 10), (2, 50))), [] as [&str; 0]);
    let howe = spans("Australia/Lord_Howe", &[daily((2, 15), (4, 0))], "2026-10-03T14:00:00Z", "2026-10-04T12:00:00Z");
    assert_eq!(howe, ["2026-10-03T15:30:00Z 2026-10-03T17:00:00Z"]);
}

#[test]
fn what_comes_twice_counts_the_first_time() {
    // On 2026-10-25, 02:00 to 03:00 comes twice in Berlin.
    let berlin = |window| spans("Europe/Berlin", &[window], "2026-10-24T22:00:00Z", "2026-10-25T22:00:00Z");
    assert_eq!(berlin(daily((2, 30), (5, 0))), ["2026-10-25T00:30:00Z 2026-10-25T04:00:00Z"]);
    assert_eq!(berlin(daily((1, 0), (2, 30))), ["2026-10-24T23:00:00Z 2026-10-25T00:30:00Z"]);
    assert_eq!(berlin(daily((2, 10), (2, 50))), ["2026-10-25T00:10:00Z 2026-10-25T00:50:00Z"]);
}

#[test]
fn a_day_that_a_zone_skips_opens_nothing_that_lies_in_it() {
    // There was no Friday 2011-12-30 in Samoa.
    let friday = |start, end| {
        spans("Pacific/Apia", &[on(&[Day::Fri], start, end)], "2011-12-28T00:00:00Z", "2012-01-02T00:00:00Z")
    };
    assert_eq!(friday((9, 0), (17, 0)), [] as [&str; 0]);
    assert_eq!(friday((22, 0), (6, 0)), ["2011-12-30T10:00:00Z 2011-12-30T16:00:00Z"]);
}

#[test]
fn windows_that_overlap_or_touch_are_one() {
    let windows = [
        daily((8, 0), (12, 0)),
        daily((12, 0), (14, 0)),
        once("2026-11-23T13:30:00Z", "2026-11-23T15:00:00Z"),
        once("2026-11-23T20:00:00Z", "2026-11-23T21:00:00Z"),
    ];
    assert_eq!(
        spans("UTC", &windows, "2026-11-23T10:00:00Z", "2026-11-24T00:00:00Z"),
        ["2026-11-23T10:00:00Z 2026-11-23T15:00:00Z", "2026-11-23T20:00:00Z 2026-11-23T21:00:00Z"]
    );
}

#[test]
fn always_and_never_are_said_and_far_dates_are_found() {
    let (open, now) = (Validity::default(), "2026-11-23T12:00:00Z");
    assert_eq!(state("Europe/Berlin", &[daily((0, 0), (0, 0))], open, now), OpenState::AlwaysOpen);
    assert_eq!(state("Europe/Berlin", &[], open, now), OpenState::NeverOpens);
    assert_eq!(state("No/Where", &[daily((0, 0), (0, 0))], open, now), OpenState::NeverOpens);
    let far =
        [once("2041-05-06T00:00:00Z", "2044-05-06T00:00:00Z"), once("2021-01-01T00:00:00Z", "2022-01-01T00:00:00Z")];
    assert_eq!(state("UTC", &far, open, now), OpenState::ClosedUntil(at("2041-05-06T00:00:00Z")));
    assert_eq!(state("UTC", &far, open, "2042-01-01T00:00:00Z"), OpenState::OpenUntil(at("2044-05-06T00:00:00Z")));
    assert_eq!(state("UTC", &far, open, "2044-05-06T00:00:00Z"), OpenState::NeverOpens);
    let until = Validity { from: None, until: Some(at("2035-01-01T00:00:00Z")) };
    assert_eq!(state("UTC", &[daily((0, 0), (0, 0))], until, now), OpenState::OpenUntil(at("2035-01-01T00:00:00Z")));
    assert_eq!(state("UTC", &[daily((0, 0), (0, 0))], until, "2035-01-01T00:00:00Z"), OpenState::NeverOpens);
    let from = Validity { from: Some(at("2035-01-01T00:00:00Z")), until: None };
    let opens = OpenState::ClosedUntil(at("2035-01-01T07:00:00Z"));
    assert_eq!(state("Europe/Berlin", &[daily((8, 0), (9, 0))], from, now), opens);
}

#[test]
fn windows_that_never_meet_never_open() {
    let (morning, evening) = (schedule("UTC", &[daily((6, 0), (12, 0))]), schedule("UTC", &[daily((12, 0), (18, 0))]));
    let mut both = Calendar::of_schedule(Some(&morning));
    both.schedules.push(Zoned::of(&evening));
    assert_eq!(both.state(at("2026-11-23T07:00:00Z")), OpenState::NeverOpens);
    // In Berlin, this ends at 11:00 UTC in winter and at 10:00 in summer, so that they meet in winter alone.
    let berlin = schedule("Europe/Berlin", &[daily((8, 0), (12, 0))]);
    let late = schedule("UTC", &[daily((10, 0), (12, 0))]);
    let mut both = Calendar::of_schedule(Some(&berlin));
    both.schedules.push(Zoned::of(&late));
    let state = both.state(at("2026-04-01T00:00:00Z"));
    assert_eq!(state, OpenState::ClosedUntil(at("2026-10-25T10:00:00Z")));
}

#[test]
fn the_ends_of_time_are_no_place_to_fail() {
    let windows = [daily((20, 0), (8, 0)), once("-009999-01-02T01:59:59Z", "9999-12-30T22:00:00.999999999Z")];
    let schedule = schedule("Pacific/Apia", &windows);
    let calendar = Calendar::of_schedule(Some(&schedule));
    for instant in [Timestamp::MIN, Timestamp::MAX] {
        calendar.state(instant);
    }
    let range = |from, until| Range::new(from, until).map(|range| calendar.spans(range).len());
    let day = jiff::SignedDuration::from_hours(24);
    assert!(range(Timestamp::MIN, Timestamp::MIN + day).is_ok_and(|spans| spans > 0));
    assert!(range(Timestamp::MAX - day, Timestamp::MAX).is_ok_and(|spans| spans > 0));
}

#[test]
fn a_range_is_forward_and_a_year_at_most() {
    let range = |from: &str, until: &str| Range::new(at(from), at(until)).map(drop).map_err(|error| error.to_string());
    assert_eq!(range("2026-01-01T00:00:00Z", "2027-01-02T00:00:00Z"), Ok(()));
    let said = range("2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z").expect_err("two years");
    assert!(said.ends_with("at most 366 days are listed at a time; ask for less"), "{said}");
    let said = range("2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z").expect_err("nothing");
    assert!(said.ends_with("give an end after the beginning"), "{said}");
}

#[test]
fn moments_are_shown_on_the_clock_of_the_zone() {
    let shown = |text: &str, zone| Moment { at: at(text), zone }.to_string();
    assert_eq!(shown("2026-11-23T19:00:00Z", "Europe/Berlin"), "Mon 2026-11-23 20:00 Europe/Berlin (UTC+01:00)");
    assert_eq!(shown("2026-11-23T19:00:07Z", "UTC"), "Mon 2026-11-23 19:00:07 UTC");
    assert_eq!(shown("2026-11-23T19:00:00Z", "Mars/Olympus"), "Mon 2026-11-23 19:00 UTC");
}

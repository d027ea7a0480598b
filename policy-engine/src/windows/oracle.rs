//! Windows minute by minute, as a guard at the door would tell them, and whether the arithmetic agrees.
//!
//! The guard has a clock that follows the zone's, but is never put back: while the zone repeats an hour it stands still.
//! A weekly window is open while the guard's clock shows a time in it. Nothing is known here of gaps and folds.

use std::collections::BTreeSet;

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

use super::{Calendar, OpenState, Range, Span, zone};
use crate::policy::plan::Validity;
use crate::policy::window::{Day, Schedule, Weekly, Window};

const ZONES: [&str; 7] = [
    "Europe/Berlin",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Beirut",
    "UTC",
];
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// The guard's clock is right after the longest repetition.
const WARM_UP: SignedDuration = SignedDuration::from_hours(48);
const WATCHED: SignedDuration = SignedDuration::from_hours(60);

/// The guard's clock at every minute of the watch.
fn clock(zone: &TimeZone, from: Timestamp) -> Vec<DateTime> {
    let mut shown = DateTime::MIN;
    let mut minutes = Vec::new();
    let mut at = from - WARM_UP;
    while at < from + WATCHED {
        shown = shown.max(zone.to_datetime(at));
        if at >= from {
            minutes.push(shown);
        }
        at += MINUTE;
    }
    minutes
}

/// Whether a clock that shows this is in the window that opened today or yesterday.
fn shows(weekly: &Weekly, clock: DateTime) -> bool {
    let Weekly { days, start, end } = weekly;
    let opens_on =
        |weekday: Weekday| days.contains(&Day::ALL[usize::from(weekday.to_monday_zero_offset().unsigned_abs())]);
    let (today, time) = (clock.date().weekday(), clock.time());
    let overnight = end <= start;
    let since_today = opens_on(today) && time >= *start && (overnight || time < *end);
    let since_yesterday = overnight && opens_on(today.previous()) && time < *end;
    since_today || since_yesterday
}

fn minutes(schedule: &Schedule, from: Timestamp) -> Vec<bool> {
    let zone = zone(&schedule.time_zone).expect("a zone");
    let open = |(index, clock): (usize, DateTime)| {
        let at = from + MINUTE * i32::try_from(index).expect("few minutes");
        schedule.windows.iter().any(|window| match window {
            Window::Weekly(weekly) => shows(weekly, clock),
            Window::Once { from, until } => *from <= at && at < *until,
        })
    };
    clock(&zone, from).into_iter().enumerate().map(open).collect()
}

fn weekly() -> impl Strategy<Value = Window> {
    // Most windows are near the hours at which clocks are changed.
    let hour = prop_oneof![3 => 0_i8..5, 1 => 0_i8..24];
    let time = (hour, proptest::sample::select(&[0_i8, 1, 15, 30, 45, 59][..]));
    let time = time.prop_map(|(hour, minute)| Time::constant(hour, minute, 0, 0));
    let days = proptest::collection::btree_set(proptest::sample::select(&Day::ALL[..]), 1..=7);
    (days, time.clone(), time).prop_map(|(days, start, end)| Window::Weekly(Weekly { days, start, end }))
}

fn near(at: Timestamp, hours: i64) -> impl Strategy<Value = Timestamp> {
    (-hours * 60..hours * 60).prop_map(move |minutes| at + SignedDuration::from_mins(minutes))
}

fn once(at: Timestamp) -> impl Strategy<Value = Window> {
    (near(at, 48), 1_i64..3000)
        .prop_map(|(from, minutes)| Window::Once { from, until: from + SignedDuration::from_mins(minutes) })
}

/// Mostly in the zone whose clock is changed at that moment: a repeated hour is easily missed.
fn schedule((at, zone): (Timestamp, &'static str)) -> impl Strategy<Value = Schedule> {
    let window = prop_oneof![4 => weekly(), 1 => once(at)];
    let zone = prop_oneof![4 => Just(zone), 1 => proptest::sample::select(&ZONES[..])];
    (zone, proptest::collection::vec(window, 0..4))
        .prop_map(|(zone, windows)| Schedule { time_zone: zone.into(), windows })
}

/// A moment at which the clock of a zone is changed, or any other.
fn moment() -> impl Strategy<Value = (Timestamp, &'static str)> {
    let any = (2010_i16..2040, 1_i8..=12, 1_i8..=28, 0_i8..24).prop_map(|(year, month, day, hour)| {
        let then = jiff::civil::date(year, month, day).at(hour, 0, 0, 0);
        TimeZone::UTC.to_timestamp(then).expect("a time")
    });
    (any, proptest::sample::select(&ZONES[..])).prop_map(|(at, name)| {
        let change = zone(name).expect("a zone").following(at).next().map(|change| change.timestamp());
        (change.unwrap_or(at), name)
    })
}

#[derive(Clone, Debug)]
struct Watch {
    from: Timestamp,
    plan: Schedule,
    queue: Option<Schedule>,
    validity: Validity,
}

fn watch() -> impl Strategy<Value = Watch> {
    moment().prop_flat_map(|moment| {
        let (at, _) = moment;
        let from = (-40_i64 * 60..20 * 60).prop_map(move |minutes| at + SignedDuration::from_mins(minutes));
        let bound = move || proptest::option::weighted(0.2, near(at, 72));
        (from, schedule(moment), proptest::option::of(schedule(moment)), bound(), bound()).prop_map(
            |(from, plan, queue, begins, ends)| Watch {
                from,
                plan,
                queue,
                validity: Validity { from: begins, until: ends },
            },
        )
    })
}

impl Watch {
    fn calendar(&self) -> Calendar<'_> {
        let mut calendar = Calendar::of_schedule(Some(&self.plan));
        calendar.schedules.extend(self.queue.as_ref().map(super::Zoned::of));
        calendar.validity = self.validity;
        calendar
    }

    fn oracle(&self) -> Vec<bool> {
        let mut open = minutes(&self.plan, self.from);
        if let Some(queue) = &self.queue {
            open = open.into_iter().zip(minutes(queue, self.from)).map(|(plan, queue)| plan && queue).collect();
        }
        let valid =
            |at| self.validity.from.is_none_or(|from| at >= from) && self.validity.until.is_none_or(|until| at < until);
        open.into_iter().enumerate().map(|(index, open)| open && valid(self.minute(index))).collect()
    }

    fn minute(&self, index: usize) -> Timestamp {
        self.from + MINUTE * i32::try_from(index).expect("few minutes")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_minute_is_as_the_guard_says(watch in watch()) {
        let (calendar, oracle) = (watch.calendar(), watch.oracle());
        let spans = calendar.spans(Range::new(watch.from, watch.from + WATCHED).expect("a range"));
        for (index, open) in oracle.iter().enumerate() {
            let at = watch.minute(index);
            let within = |span: &Span| span.from <= at && at < span.until;
            prop_assert_eq!(spans.iter().any(within), *open, "{} in {:?}", at, &spans);
        }
        for pair in spans.windows(2) {
            prop_assert!(pair[0].until < pair[1].from, "{:?} are one", pair);
        }
        for index in (0..oracle.len()).step_by(601) {
            let at = watch.minute(index);
            let state = calendar.state(at);
            prop_assert_eq!(state.is_open(), oracle[index], "{}: {:?}", at, state);
            let change = oracle[index..].iter().position(|open| *open != oracle[index]);
            let change = change.map(|later| watch.minute(index + later));
            match (change, state.boundary()) {
                (Some(change), boundary) => prop_assert_eq!(boundary, Some(change), "{}", at),
                (None, Some(boundary)) => prop_assert!(boundary >= watch.from + WATCHED, "{}: {}", at, boundary),
                (None, None) => {}
            }
        }
    }

    #[test]
    fn what_an_end_and_a_start_share_is_neither_a_hole_nor_open_twice(
        (at, name) in moment(),
        cuts in proptest::collection::btree_set(1_i8..24, 1..4),
        minute in proptest::sample::select(&[0_i8, 15, 30, 59][..]),
    ) {
        let cuts: Vec<_> = cuts.into_iter().map(|hour| Time::constant(hour, minute, 0, 0)).collect();
        let window = |start, end| Window::Weekly(Weekly { days: BTreeSet::from(Day::ALL), start, end });
        let mut windows: Vec<_> = cuts.windows(2).map(|pair| window(pair[0], pair[1])).collect();
        windows.push(window(cuts[cuts.len() - 1], cuts[0]));
        let schedule = Schedule { time_zone: name.into(), windows };
        prop_assert_eq!(Calendar::of_schedule(Some(&schedule)).state(at - 1.hour()), OpenState::AlwaysOpen);
    }
}

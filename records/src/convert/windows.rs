//! Windows and their time zone.

use jiff::civil::Time;
use jiff::tz::TimeZoneDatabase;
use policy_engine::policy::window::{Day, Schedule, Weekly, Window};
use policy_engine::windows;

use super::problem::{About, Report};
use super::units::moment;
use crate::text::{TimeOfDay, ZoneName};
use crate::window;

/// What a record's windows say. None listed: always open. A window that cannot be read never opens.
pub(super) fn schedule(
    windows: &[window::Window],
    zone: &ZoneName,
    about: &About,
    report: &mut Report,
) -> Option<Schedule> {
    let known = known(zone, about, report);
    if windows.is_empty() {
        return None;
    }
    let mut read = Vec::new();
    for (index, window) in windows.iter().enumerate() {
        let field = format!("spec.windows[{index}]");
        match self::window(window, &field, about, report) {
            // Without a zone, a weekly window has no instants.
            Some(Window::Weekly(_)) if !known => {}
            Some(window) => read.push(window),
            None => {}
        }
    }
    Some(Schedule { time_zone: zone.0.clone(), windows: read })
}

fn known(zone: &ZoneName, about: &About, report: &mut Report) -> bool {
    let known = windows::zone(zone.as_str()).is_some();
    if !known {
        let bundled = TimeZoneDatabase::bundled();
        let names = bundled.available().map(|name| name.to_string());
        let near = names
            .map(|name| (closeness(&name, zone.as_str()), name))
            .filter(|(closeness, _)| *closeness > 0.85)
            .max_by(|(a, _), (b, _)| a.total_cmp(b));
        let advice =
            near.map_or_else(|| "write for example Europe/Berlin".into(), |(_, name)| format!("did you mean {name}?"));
        report.refuse(about, "spec.timeZone", format!("given {:?}; there is no such IANA time zone; {advice}", zone.0));
    }
    known
}

/// How alike two zones' names are, whole or by their city alone.
fn closeness(name: &str, given: &str) -> f64 {
    let (name, given) = (name.to_lowercase(), given.to_lowercase().replace(' ', "_"));
    let city = name.rsplit('/').next().unwrap_or(&name);
    strsim::jaro_winkler(&name, &given).max(strsim::jaro_winkler(city, &given))
}

fn window(window: &window::Window, field: &str, about: &About, report: &mut Report) -> Option<Window> {
    let window::Window { days, start, end, from, until } = window;
    match (start, end, from, until) {
        (Some(start), Some(end), None, None) => {
            let start = time(start, &format!("{field}.start"), about, report);
            let end = time(end, &format!("{field}.end"), about, report);
            let every = if days.is_empty() { Day::ALL.into() } else { days.iter().map(|&it| day(it)).collect() };
            Some(Window::Weekly(Weekly { days: every, start: start?, end: end? }))
        }
        (None, None, Some(from), Some(until)) => {
            if !days.is_empty() {
                report.refuse(
                    about,
                    format!("{field}.days"),
                    "days belong to a weekly window; give start and end, or leave them out",
                );
            }
            let from = moment(from, &format!("{field}.from"), about, report);
            let until = moment(until, &format!("{field}.until"), about, report);
            let (from, until) = (from?, until?);
            if until <= from {
                let message = format!("given {until}, which is not after {from}; a window ends after it begins");
                report.refuse(about, format!("{field}.until"), message);
                return None;
            }
            Some(Window::Once { from, until })
        }
        _ => {
            report.refuse(about, field, "give start and end for a weekly window, or from and until for a one-off");
            None
        }
    }
}

fn time(text: &TimeOfDay, field: &str, about: &About, report: &mut Report) -> Option<Time> {
    let read = Some(text.as_str()).filter(|text| text.len() == 5).and_then(|text| Time::strptime("%H:%M", text).ok());
    if read.is_none() {
        let midnight = if text.as_str() == "24:00" { "; midnight is 00:00" } else { "" };
        report.refuse(
            about,
            field,
            format!("given {:?}; write a time of day, HH:MM from 00:00 to 23:59{midnight}", text.0),
        );
    }
    read
}

fn day(day: window::Day) -> Day {
    match day {
        window::Day::Mon => Day::Mon,
        window::Day::Tue => Day::Tue,
        window::Day::Wed => Day::Wed,
        window::Day::Thu => Day::Thu,
        window::Day::Fri => Day::Fri,
        window::Day::Sat => Day::Sat,
        window::Day::Sun => Day::Sun,
    }
}

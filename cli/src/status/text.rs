//! The status as text: the verdict, what is broken, a line for each daemon.

use std::fmt::Write as _;

use jiff::Timestamp;
use owo_colors::OwoColorize as _;
use records::daemon::{ActionCounts, DaemonStatus};

use super::Status;
use super::daemons::{Row, State, instant};
use super::finding::{Area, Finding};
use super::verdict::Unseen;
use crate::table::columns;

pub(super) fn render(status: &Status) -> String {
    let Status { verdict, works, at, findings, unread, daemons } = status;
    let verdict = match (works, findings.is_empty()) {
        (false, _) => verdict.red().bold().to_string(),
        (true, false) => verdict.yellow().bold().to_string(),
        (true, true) => verdict.green().bold().to_string(),
    };
    let mut text = format!("{verdict}\n");
    if !findings.is_empty() {
        text.push('\n');
    }
    for Finding { area, says, what_to_do, .. } in findings {
        let grade = match area {
            Area::Deciding | Area::Gaps | Area::Acting => "broken".red().to_string(),
            Area::Attention => "look".yellow().to_string(),
        };
        let _infallible = writeln!(text, "  {grade}: {says}\n    do: {what_to_do}");
    }
    if !unread.is_empty() {
        let _infallible = writeln!(text, "\n{}", "Not read".bold());
    }
    for Unseen { what, why } in unread {
        let _infallible = writeln!(text, "  {what}: {why}");
    }
    let head = [
        "DAEMON",
        "LED BY",
        "STATE",
        "LAST CYCLE",
        "LAST SUCCESS",
        "TOOK",
        "PLAN",
        "DONE",
        "REFUSED",
        "FAILED",
        "VIEW",
    ];
    let now = instant(at).unwrap_or_default();
    let rows = daemons.iter().map(|daemon| row(daemon, now)).collect();
    let _infallible = write!(text, "\n{}\n{}", "Daemons".bold(), columns(&head, rows));
    text
}

fn row(Row { name, led_by, state, told }: &Row, now: Timestamp) -> Vec<String> {
    let word = format!("{state:?}").to_lowercase();
    let word = match state {
        State::Works => word.green().to_string(),
        State::Waits | State::Unknown => word.yellow().to_string(),
        State::Fails | State::Stuck | State::Silent | State::Unled => word.red().to_string(),
    };
    let mut cells = vec![name.clone(), led_by.clone().unwrap_or_else(|| "nobody".to_owned()), word];
    cells.extend(match told {
        Some(told) => counted(told, now),
        None => std::array::from_fn(|_| "-".to_owned()),
    });
    cells
}

fn counted(told: &DaemonStatus, now: Timestamp) -> [String; 8] {
    let none = || "-".to_owned();
    let ago = |at: &Option<String>| {
        let seconds = at.as_deref().and_then(instant).map(|at| now.duration_since(at).as_secs().max(0));
        seconds.map_or_else(none, |seconds| format!("{} ago", length(seconds)))
    };
    let ActionCounts { written, gone, overtaken, blocked, failed } = told.actions;
    let plan =
        if told.spared > 0 { format!("{} (+{} left)", told.planned, told.spared) } else { told.planned.to_string() };
    [
        ago(&told.last_cycle),
        ago(&told.last_success),
        told.took_millis.map_or_else(none, |millis| format!("{millis} ms")),
        plan,
        written.to_string(),
        gone.saturating_add(overtaken).saturating_add(blocked).to_string(),
        failed.to_string(),
        told.view_age_seconds.map_or_else(none, |seconds| format!("{} old", length(seconds))),
    ]
}

fn length(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

//! Usage as text.

use owo_colors::OwoColorize as _;
use policy_engine::charge::report::{Cell, Held, Line, Report, Spent};

use crate::table::columns;

/// What accounts have, what holds it, what was spent.
pub(super) fn render(report: &Report) -> String {
    let Report { since, until: _, accounts, held, spent } = report;
    let accounts = accounts.iter().map(|Line { project, user, gpu, devices, cpu, memory }| {
        let mut row = vec![project.clone(), user.clone().unwrap_or_else(|| "(all)".into())];
        row.extend([gpu, devices, cpu, memory].map(cell));
        row
    });
    let head = ["PROJECT", "USER", "GPU", "DEVICES", "CPU", "MEMORY"];
    let mut text = format!("{}, as used + reserved / limit\n", "Now".bold());
    text += &columns(&head, accounts.collect());
    if let Some(held) = held {
        text += &format!("\n{}\n{}", "What holds it".bold(), holders(held));
    }
    let since = since.strftime("%Y-%m-%d %H:%M UTC");
    text += &format!("\n{} since {since}, while claims were allocated and named by a Pod\n", "Spent".bold());
    let spent = spent.iter().map(|spent| {
        let Spent { project, group, user, queue, model, gpu_hours, device_hours } = spent;
        [project, group.as_str(), user, queue, model, gpu_hours, device_hours].map(str::to_owned).to_vec()
    });
    text += &columns(&["PROJECT", "GROUP", "USER", "QUEUE", "MODEL", "GPU-HOURS", "DEVICE-HOURS"], spent.collect());
    text
}

fn holders(held: &[Held]) -> String {
    let held = held.iter().map(|held| {
        let Held { project, user, kind, namespace, name, used, gpu, devices, cpu, memory, pods } = held;
        let pods = pods.map(|pods| format!(" ({pods} Pods)")).unwrap_or_default();
        let state = if *used { "used" } else { "reserved" };
        let what = format!("{kind} {namespace}/{name}{pods}");
        let user = user.clone().unwrap_or_default();
        [&what, project, &user, state, gpu, &devices.to_string(), cpu, memory].map(str::to_owned).to_vec()
    });
    columns(&["WHAT", "PROJECT", "USER", "STATE", "GPU", "DEVICES", "CPU", "MEMORY"], held.collect())
}

fn cell(Cell { used, reserved, limit }: &Cell) -> String {
    let limit = limit.as_deref().unwrap_or("-");
    if reserved == "0" { format!("{used} / {limit}") } else { format!("{used} + {reserved} / {limit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = vec![vec!["llm".into(), "0.5 + 1 / 8".into()], vec!["detector".into(), "0 / -".into()]];
        assert_eq!(columns(&["PROJECT", "GPU"], rows), "  PROJECT   GPU\n  llm       0.5 + 1 / 8\n  detector  0 / -\n");
        assert_eq!(columns(&["PROJECT"], Vec::new()), "  nothing\n");
        let cell_of = |reserved: &str, limit: Option<&str>| {
            cell(&Cell { used: "0.5".into(), reserved: reserved.into(), limit: limit.map(str::to_owned) })
        };
        assert_eq!((cell_of("0", Some("8")), cell_of("1", None)), ("0.5 / 8".into(), "0.5 + 1 / -".into()));
    }
}

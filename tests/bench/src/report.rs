//! What came out: one JSON object for programs, tables for people.

use std::fmt;

use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::admit::Admit;
use crate::creations::Creations;
use crate::goals::{Goal, at_least, at_most};
use crate::numbers::Measured;
use crate::servers::Server;
use crate::webhook::Performance;

/// Everything that was measured. What was not asked for is left out.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<Webhook>,
    #[serde(skip_serializing_if = "Option::is_none")]
    floors: Option<Floors>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admit_us: Option<Measured>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admit: Option<Growth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_rate_on_vs_off: Option<Measured>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_rate_on_vs_floor: Option<Measured>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_rate: Option<Creations>,
    goals: Vec<Goal>,
}

#[derive(Debug, Serialize)]
struct Webhook {
    #[serde(flatten)]
    performance: Performance,
    rate_vs_parsing_floor: Measured,
    rate_vs_noop_floor: Measured,
    cpu_vs_parsing_floor: Measured,
}

#[derive(Debug, Serialize)]
struct Floors {
    noop: Performance,
    parsing: Performance,
}

#[derive(Debug, Serialize)]
struct Growth {
    #[serde(flatten)]
    admit: Admit,
    growth_10_to_10000_projects: Measured,
    growth_100_to_1000_containers: Measured,
}

impl Report {
    /// Adds the comparison of the webhook with its floors.
    pub fn webhook(&mut self, [noop, parsing, sluice]: [Performance; 3]) {
        let webhook = Webhook {
            rate_vs_parsing_floor: sluice.rate.over(&parsing.rate),
            rate_vs_noop_floor: sluice.rate.over(&noop.rate),
            cpu_vs_parsing_floor: sluice.cpu_us.over(&parsing.cpu_us),
            performance: sluice,
        };
        self.goals.extend([
            at_most("webhook.p99_ms", &webhook.performance.p99_ms, 5.0),
            at_least("webhook.rate_vs_parsing_floor", &webhook.rate_vs_parsing_floor, 0.5),
            at_most("webhook.rss_idle_mb", &webhook.performance.rss_idle_mb, 40.0),
            at_most("webhook.rss_loaded_mb", &webhook.performance.rss_loaded_mb, 100.0),
        ]);
        self.webhook = Some(webhook);
        self.floors = Some(Floors { noop, parsing });
    }

    /// Adds the engine's measurements. Caches make a thousandfold policy a little dearer; what is twice as dear is not flat.
    pub fn admit(&mut self, admit: Admit) {
        let growth = Growth {
            growth_10_to_10000_projects: admit.growth_in_projects(),
            growth_100_to_1000_containers: admit.growth_in_containers(),
            admit,
        };
        self.goals.extend([
            at_most("admit_us", &growth.admit.pod_us, 50.0),
            at_most("admit.growth_10_to_10000_projects", &growth.growth_10_to_10000_projects, 1.5),
            at_most("admit.growth_100_to_1000_containers", &growth.growth_100_to_1000_containers, 13.0),
        ]);
        self.admit_us = Some(growth.admit.pod_us.clone());
        self.admit = Some(growth);
    }

    /// Adds the rates of creations.
    pub fn creations(&mut self, creations: Creations) {
        let ratio = creations.on.over(&creations.off);
        self.goals.push(at_least("creation_rate_on_vs_off", &ratio, 0.95));
        self.creation_rate_on_vs_off = Some(ratio);
        self.creation_rate_on_vs_floor = Some(creations.on.over(&creations.floor));
        self.creation_rate = Some(creations);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(webhook), Some(floors)) = (&self.webhook, &self.floors) {
            table(f, [&floors.noop, &floors.parsing, &webhook.performance])?;
        }
        if let Some(Growth { admit, .. }) = &self.admit {
            writeln!(f, "\n{}", "admit, one Pod, µs".bold())?;
            for (of, sizes) in [("projects", &admit.by_projects_us), ("containers", &admit.by_containers_us)] {
                let each: Vec<_> = sizes.iter().map(|(size, cost)| format!("{size}: {}", cost.value)).collect();
                writeln!(f, "  by {of:<11} {}", each.join("   "))?;
            }
        }
        if let Some(Creations { on, floor, off }) = &self.creation_rate {
            writeln!(f, "\n{}", "Pods created a second".bold())?;
            for (how, rate) in [("without Sluice", off), ("with the parsing floor", floor), ("with Sluice", on)] {
                writeln!(f, "  {how:<23}{:>6.0}", rate.value)?;
            }
        }
        writeln!(f, "\n{}", "goals".bold())?;
        for Goal { what, value, goal, met } in &self.goals {
            let verdict = if *met { "met   ".green().to_string() } else { "MISSED".red().bold().to_string() };
            writeln!(f, "  {verdict} {what:<38} {value:>9}   {goal}")?;
        }
        Ok(())
    }
}

fn table(f: &mut fmt::Formatter<'_>, columns: [&Performance; 3]) -> fmt::Result {
    write!(f, "\n{:<24}", "webhook".bold())?;
    Server::ALL.iter().try_for_each(|server| write!(f, "{:>15}", server.label()))?;
    type Of = fn(&Performance) -> &Measured;
    let rows: [(&str, Of); 7] = [
        ("p50, ms", |it| &it.p50_ms),
        ("p99, ms", |it| &it.p99_ms),
        ("p50 of 1 MiB, ms", |it| &it.large_p50_ms),
        ("reviews/s", |it| &it.rate),
        ("CPU a review, µs", |it| &it.cpu_us),
        ("RSS idle, MB", |it| &it.rss_idle_mb),
        ("RSS loaded, MB", |it| &it.rss_loaded_mb),
    ];
    for (name, of) in rows {
        write!(f, "\n  {name:<18}")?;
        columns.iter().try_for_each(|column| write!(f, "{:>15}", of(column).value))?;
    }
    writeln!(f)
}

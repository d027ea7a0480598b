//! What came out: one JSON object for programs, tables for people.

use std::fmt;

use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::admit::Admit;
use crate::creations::Creations;
use crate::goals::{Goal, at_least, at_most};
use crate::ledger::{Ledgers, Rates, WRITERS};
use crate::numbers::Measured;
use crate::preemption::Preemption;
use crate::servers::Server;
use crate::webhook::Performance;

/// Everything that was measured. What was not asked for is left out.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<Webhook>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_with_ledger: Option<Webhook>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<Ledgers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preemption: Option<Preemption>,
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
    pub fn webhook(&mut self, [noop, parsing, sluice, charging]: [Performance; 4]) {
        let against_floors = |performance: Performance| Webhook {
            rate_vs_parsing_floor: performance.rate.over(&parsing.rate),
            rate_vs_noop_floor: performance.rate.over(&noop.rate),
            cpu_vs_parsing_floor: performance.cpu_us.over(&parsing.cpu_us),
            performance,
        };
        let (webhook, charging) = (against_floors(sluice), against_floors(charging));
        self.goals.extend([
            at_most("webhook.p99_ms", &webhook.performance.p99_ms, 5.0),
            at_least("webhook.rate_vs_parsing_floor", &webhook.rate_vs_parsing_floor, 0.9),
            at_most("webhook.cpu_vs_parsing_floor", &webhook.cpu_vs_parsing_floor, 1.15),
            at_most("webhook.rss_idle_mb", &webhook.performance.rss_idle_mb, 40.0),
            at_most("webhook.rss_loaded_mb", &webhook.performance.rss_loaded_mb, 100.0),
            at_most("webhook_with_ledger.p99_ms", &charging.performance.p99_ms, 5.0),
            at_least("webhook_with_ledger.rate_vs_parsing_floor", &charging.rate_vs_parsing_floor, 0.6),
            at_most("webhook_with_ledger.cpu_vs_parsing_floor", &charging.cpu_vs_parsing_floor, 1.6),
        ]);
        self.webhook = Some(webhook);
        self.webhook_with_ledger = Some(charging);
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
        let against_floor = creations.on.over(&creations.floor);
        self.goals.push(at_least("creation_rate_on_vs_floor", &against_floor, 0.9));
        self.creation_rate_on_vs_off = Some(creations.on.over(&creations.off));
        self.creation_rate_on_vs_floor = Some(against_floor);
        self.creation_rate = Some(creations);
    }

    /// Adds what the ledger did on each database.
    pub fn ledger(&mut self, ledger: Ledgers) {
        let Ledgers { sqlite, postgres } = &ledger;
        self.goals.extend([
            at_least("ledger.sqlite.accepted_s", &sqlite.accepted_s, 5_000.0),
            at_most("ledger.sqlite.p99_ms", &sqlite.p99_ms, 25.0),
            at_least("ledger.postgres.accepted_s", &postgres.accepted_s, 2_500.0),
            at_most("ledger.postgres.p99_ms", &postgres.p99_ms, 25.0),
        ]);
        self.ledger = Some(ledger);
    }

    /// Adds how long room takes to be made, and what planning it costs.
    pub fn preemption(&mut self, preemption: Preemption) {
        self.goals.extend([
            at_most("preemption.median_s", &preemption.median_s, 0.5),
            at_most("preemption.plan_4000_ms", &preemption.plan_4000_ms, 50.0),
        ]);
        self.preemption = Some(preemption);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(webhook), Some(charging), Some(floors)) = (&self.webhook, &self.webhook_with_ledger, &self.floors)
        {
            table(f, [&floors.noop, &floors.parsing, &webhook.performance, &charging.performance])?;
        }
        if let Some(Growth { admit, .. }) = &self.admit {
            writeln!(f, "\n{}", "admit, one Pod, µs".bold())?;
            for (of, sizes) in [("projects", &admit.by_projects_us), ("containers", &admit.by_containers_us)] {
                let each: Vec<_> = sizes.iter().map(|(size, cost)| format!("{size}: {}", cost.value)).collect();
                writeln!(f, "  by {of:<11} {}", each.join("   "))?;
            }
        }
        if let Some(Ledgers { sqlite, postgres }) = &self.ledger {
            writeln!(f, "\n{}", format!("ledger, {WRITERS} writers on one project").bold())?;
            for (database, Rates { accepted_s, released_s, p50_ms, p99_ms }) in
                [("SQLite", sqlite), ("PostgreSQL", postgres)]
            {
                writeln!(
                    f,
                    "  {database:<11}{:>7.0} charged/s {:>7.0} taken back/s   p50 {:.2} ms   p99 {:.2} ms",
                    accepted_s.value, released_s.value, p50_ms.value, p99_ms.value
                )?;
            }
        }
        if let Some(Creations { on, floor, off }) = &self.creation_rate {
            writeln!(f, "\n{}", "Pods created a second".bold())?;
            for (how, rate) in [("without Sluice", off), ("with the parsing floor", floor), ("with Sluice", on)] {
                writeln!(f, "  {how:<23}{:>6.0}", rate.value)?;
            }
        }
        if let Some(preemption) = &self.preemption {
            writeln!(f, "\n{}", "preemption".bold())?;
            let (at_once, with_grace) = (&preemption.median_s, &preemption.with_grace_s);
            writeln!(f, "  unschedulable to running  {} s, with 2 s grace {} s", at_once.value, with_grace.value)?;
            let plans: Vec<_> = preemption.plan_ms.iter().map(|(of, cost)| format!("{of}: {}", cost.value)).collect();
            writeln!(f, "  a plan by devices, ms     {}", plans.join("   "))?;
        }
        writeln!(f, "\n{}", "goals".bold())?;
        for Goal { what, value, goal, met } in &self.goals {
            let verdict = if *met { "met   ".green().to_string() } else { "MISSED".red().bold().to_string() };
            writeln!(f, "  {verdict} {what:<38} {value:>9}   {goal}")?;
        }
        Ok(())
    }
}

fn table(f: &mut fmt::Formatter<'_>, columns: [&Performance; 4]) -> fmt::Result {
    write!(f, "\n{:<24}", "webhook".bold())?;
    Server::ALL.iter().try_for_each(|server| write!(f, "{:>17}", server.label()))?;
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
        columns.iter().try_for_each(|column| write!(f, "{:>17}", of(column).value))?;
    }
    writeln!(f)
}

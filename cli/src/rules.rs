//! `sluice rules`: the manual of the rules.

mod page;

use std::fmt::Write as _;

use clap::Args;
use owo_colors::OwoColorize as _;
use policy_engine::admission::rules as engine;
use policy_engine::admission::rules::Rule;
use policy_engine::policy::rule_id::RuleId;
use serde::Serialize;

use crate::ending::{Ending, Failure};
use crate::output::{self, Format};

/// List the rules, or print the manual page of one
#[derive(Args, Debug)]
pub(crate) struct Rules {
    /// Id of a rule; without it all are listed
    id: Option<String>,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// A rule, for programs.
#[derive(Serialize)]
struct Entry {
    id: RuleId,
    summary: String,
    page: String,
}

impl From<&Rule> for Entry {
    fn from(rule: &Rule) -> Self {
        Self { id: rule.id, summary: rule.summary(), page: rule.page() }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("there is no rule {asked:?}{}; the rules are {}", near(asked), ids().join(", "))]
struct NoSuchRule {
    asked: String,
}

impl Rules {
    pub(crate) fn run(self) -> Result<Ending, Failure> {
        let Self { id, output } = self;
        let rule =
            id.map(|id| engine::named(&id).ok_or_else(|| Failure::input(NoSuchRule { asked: id }))).transpose()?;
        let text = match (rule, output) {
            (Some(rule), Format::Text) => page::render(&rule.page()),
            (Some(rule), Format::Json) => output::json(&Entry::from(rule))?,
            (None, Format::Text) => list(),
            (None, Format::Json) => output::json(&engine::ALL.iter().map(Entry::from).collect::<Vec<_>>())?,
        };
        output::print(&text)?;
        Ok(Ending::Fine)
    }
}

fn list() -> String {
    let width = ids().iter().map(|id| id.len()).max().unwrap_or_default();
    let mut text = String::new();
    for rule in engine::ALL {
        let _infallible = writeln!(text, "{:width$}  {}", rule.id.bold(), rule.summary());
    }
    text
}

fn ids() -> Vec<&'static str> {
    RuleId::ALL.iter().map(|id| id.as_str()).collect()
}

/// What may have been meant: ids that begin alike, or that a slip of the finger away.
fn near(asked: &str) -> String {
    const ALIKE: f64 = 0.75;
    let alike = |id: &&str| strsim::jaro_winkler(asked, id) >= ALIKE || (asked.len() > 2 && id.contains(asked));
    match ids().into_iter().filter(alike).collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_rule_names_near_ones_and_all() {
        let said = NoSuchRule { asked: "imgae".into() }.to_string();
        assert!(
            said.starts_with("there is no rule \"imgae\"; did you mean image?; the rules are project, queue,"),
            "{said}"
        );
        let said = NoSuchRule { asked: "zzz".into() }.to_string();
        assert!(said.starts_with("there is no rule \"zzz\"; the rules are project, queue,"), "{said}");
        assert!(NoSuchRule { asked: "root".into() }.to_string().contains("did you mean root-shell?"));
    }
}

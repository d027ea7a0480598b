//! The rules, in the order in which people meet them.

pub mod claim_origin;
pub mod claim_shape;
pub mod connect;
pub mod extended_resource;
pub mod gpu_model;
pub mod image;
pub mod inline_claim;
pub mod placement;
pub mod plan_window;
pub mod platform_labels;
pub mod privilege;
pub mod project;
pub mod queue;
pub mod quota;
pub mod resources;
pub mod root_shell;
pub mod service_account_token;
pub mod slot;
pub mod sm_share;
pub mod storage;
pub mod storage_lane;
pub mod vram;

use crate::admission::findings::Findings;
use crate::submission::case::Case;

/// One policy check.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What people call it: in denials, metrics and `ruleModes`.
    pub id: &'static str,
    source: &'static str,
    /// Judges a case.
    pub judge: fn(&Case<'_>, &mut Findings),
}

impl Rule {
    /// The rule's page in the manual, as Markdown: the doc comment of its file.
    pub fn page(&self) -> String {
        let comment = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        comment.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }

    /// One line that says what the rule is about.
    pub fn summary(&self) -> String {
        let page = self.page();
        let title = page.lines().next().unwrap_or_default();
        title.split_once(": ").map_or(title, |(_, summary)| summary).to_owned()
    }
}

macro_rules! rule {
    ($id:expr, $module:ident) => {
        Rule { id: $id, source: include_str!(concat!("rules/", stringify!($module), ".rs")), judge: $module::judge }
    };
}

pub(crate) const PROJECT: &str = "project";
/// The rule that the ledger enforces.
pub const QUOTA: &str = "quota";
pub(crate) const PLAN_WINDOW: &str = "plan-window";
pub(crate) const SLOT: &str = "slot";
pub(crate) const INLINE_CLAIM: &str = "inline-claim";
pub(crate) const EXTENDED_RESOURCE: &str = "extended-resource";
pub(crate) const PLATFORM_LABELS: &str = "platform-labels";

/// All rules.
pub const ALL: &[Rule] = &[
    rule!(PROJECT, project),
    rule!("queue", queue),
    rule!(PLAN_WINDOW, plan_window),
    rule!("placement", placement),
    rule!("root-shell", root_shell),
    rule!("privilege", privilege),
    rule!("service-account-token", service_account_token),
    rule!("image", image),
    rule!("storage", storage),
    rule!("storage-lane", storage_lane),
    rule!("claim-origin", claim_origin),
    rule!(INLINE_CLAIM, inline_claim),
    rule!(EXTENDED_RESOURCE, extended_resource),
    rule!(SLOT, slot),
    rule!("gpu-model", gpu_model),
    rule!("sm-share", sm_share),
    rule!("vram", vram),
    rule!("claim-shape", claim_shape),
    rule!("resources", resources),
    rule!(QUOTA, quota),
    rule!("connect", connect),
    rule!(PLATFORM_LABELS, platform_labels),
];

/// The rule with this id.
pub fn named(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id)
}

/// Writes values with commas between them; a long list is cut, so that an answer stays readable.
fn list<T: std::fmt::Display>(f: &mut std::fmt::Formatter<'_>, values: &[T]) -> std::fmt::Result {
    const MOST: usize = 12;
    for (index, value) in values.iter().take(MOST).enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{value}")?;
    }
    match values.len().checked_sub(MOST) {
        Some(more @ 1..) => write!(f, " and {more} more"),
        Some(0) | None => Ok(()),
    }
}

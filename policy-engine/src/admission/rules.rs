//! The rules, in the order in which people meet them.

pub mod affinity;
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
pub mod selector;
pub mod service;
pub mod service_account_token;
pub mod slot;
pub mod sm_share;
pub mod storage;
pub mod storage_lane;
pub mod termination_grace;
pub mod visible_devices;
pub mod vram;

use crate::admission::findings::Findings;
use crate::policy::rule_id::RuleId;
use crate::submission::case::Case;

/// One policy check.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What people call it: in denials, metrics and `ruleModes`.
    pub id: RuleId,
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
    ($id:ident, $module:ident) => {
        Rule {
            id: RuleId::$id,
            source: include_str!(concat!("rules/", stringify!($module), ".rs")),
            judge: $module::judge,
        }
    };
}

/// All rules.
pub const ALL: &[Rule] = &[
    rule!(Project, project),
    rule!(Queue, queue),
    rule!(PlanWindow, plan_window),
    rule!(Placement, placement),
    rule!(Affinity, affinity),
    rule!(RootShell, root_shell),
    rule!(Privilege, privilege),
    rule!(ServiceAccountToken, service_account_token),
    rule!(Image, image),
    rule!(Storage, storage),
    rule!(StorageLane, storage_lane),
    rule!(Service, service),
    rule!(Selector, selector),
    rule!(ClaimOrigin, claim_origin),
    rule!(InlineClaim, inline_claim),
    rule!(ExtendedResource, extended_resource),
    rule!(Slot, slot),
    rule!(GpuModel, gpu_model),
    rule!(SmShare, sm_share),
    rule!(Vram, vram),
    rule!(ClaimShape, claim_shape),
    rule!(VisibleDevices, visible_devices),
    rule!(TerminationGrace, termination_grace),
    rule!(Resources, resources),
    rule!(Quota, quota),
    rule!(Connect, connect),
    rule!(PlatformLabels, platform_labels),
];

/// The rule with this id, as people write it.
pub fn named(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id.as_str() == id)
}

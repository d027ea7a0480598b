//! A project whose plan binds a queue.

use jiff::{SignedDuration, Timestamp};
use policy_engine::policy::ids::ProjectId;
use policy_engine::policy::plan::{Plan, USUAL_GRACE_LIMIT, Validity};
use policy_engine::policy::project::{Holder, Project};
use policy_engine::policy::queue::Queue;
use policy_engine::policy::quota::Quota;
use policy_engine::policy::window::{Schedule, Window};
use policy_engine::policy::{Policy, Records};

/// The project `llm`, whose plan `gold` binds the queue `night`, with these windows of the plan and this end of it.
pub(super) fn policy(windows: Option<Vec<Window>>, until: Option<&str>) -> Policy {
    let mut records = Records::default();
    for name in ["default", "night"] {
        let queue = Queue { name: name.into(), id: name.into(), ..Queue::fallback() };
        records.queues.insert(name.into(), queue);
    }
    let plan = Plan {
        name: "gold".into(),
        id: "gold".into(),
        quota: Quota::default(),
        per_user: Quota::default(),
        namespace_quota: Default::default(),
        gpu_models: Default::default(),
        queues: ["night".into()].into(),
        vram_policies: Default::default(),
        schedule: windows.map(|windows| Schedule { time_zone: "UTC".into(), windows }),
        outside_window: Default::default(),
        outside_window_quota: Quota::default(),
        idle_timeout: None,
        max_devices_per_claim: None,
        max_termination_grace: USUAL_GRACE_LIMIT,
        extended_resources: Default::default(),
        offered_to: Vec::new(),
        validity: Validity { from: None, until: until.map(at) },
        defaults: Default::default(),
    };
    records.plans.insert("gold".into(), plan);
    let project = Project {
        name: "llm".into(),
        id: ProjectId::new("llm"),
        holder: Holder::User("alice".into()),
        parent: None,
        plan: Some("gold".into()),
        members: Vec::new(),
        namespaces: Vec::new(),
        member_namespaces: None,
        allow_root_containers: false,
        storage: Default::default(),
        capabilities: Default::default(),
        host_paths: None,
        images: Vec::new(),
        allow_service_account_token: false,
        spread_together: false,
        rule_modes: Default::default(),
    };
    records.projects.insert("llm".into(), project);
    Policy::from(records)
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// A window of one hour in this year.
pub(super) fn once(year: i16) -> Option<Vec<Window>> {
    let from = at(&format!("{year}-11-23T19:00:00Z"));
    Some(vec![Window::Once { from, until: from + SignedDuration::from_hours(1) }])
}

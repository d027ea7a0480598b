//! The sample organisation, as values.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::time;
use policy_engine::policy::Records;
use policy_engine::policy::ids::{GroupId, ProjectId, UserId};
use policy_engine::policy::model::{CORES, Model, Sharing, WHOLE};
use policy_engine::policy::namespace_quota::NamespaceQuota;
use policy_engine::policy::people::{Group, GroupRole, SystemRole, User};
use policy_engine::policy::plan::{
    ContainerDefaults, ExtendedResources, OutsideWindow, Plan, USUAL_GRACE_LIMIT, Validity,
};
use policy_engine::policy::platform::Platform;
use policy_engine::policy::project::{Holder, Member, MemberRef, Project, ProjectRole};
use policy_engine::policy::queue::Queue;
use policy_engine::policy::quota::Quota;
use policy_engine::policy::storage::{Permission, Storage};
use policy_engine::policy::window::{Day, Schedule, Weekly, Window};

pub(crate) fn sample_organisation() -> Records {
    Records {
        users: ["ada", "mia", "alice", "bob", "carol", "dave"].map(user).into(),
        groups: [nlp_lab(), group("vision-lab", &[("carol", GroupRole::Admin), ("bob", GroupRole::Member)], false)]
            .into(),
        projects: projects(),
        plans: [
            plan("gold", 8, &["batch", "research", "urgent"], &["rtx-6000-pro", "h100"]),
            plan("platinum", 8, &["research", "urgent"], &["h100"]),
            plan("bronze", 2, &["batch", "night"], &["rtx-5090"]),
        ]
        .into(),
        queues: [
            queue("default", 0, true, 0),
            queue("batch", 100, true, 0),
            queue("night", 100, true, 2),
            queue("research", 500, true, 4),
            queue("urgent", 1000, false, 8),
        ]
        .into(),
        models: [
            model("rtx-5090", "NVIDIA GeForce RTX 5090"),
            model("rtx-6000-pro", "NVIDIA RTX PRO 6000 Blackwell Server Edition"),
            model("h100", "NVIDIA H100 80GB HBM3"),
        ]
        .into(),
        platform: Platform::default(),
    }
}

fn user<N: From<&'static str> + Ord>(name: &'static str) -> (N, User) {
    let system_role = match name {
        "ada" => SystemRole::Admin,
        "mia" => SystemRole::Manager,
        _ => SystemRole::User,
    };
    (name.into(), User { name: name.into(), id: UserId::new(name), username: name.into(), system_role })
}

fn group<N: From<&'static str>>(name: &'static str, members: &[(&str, GroupRole)], root: bool) -> (N, Group) {
    let group = Group {
        name: name.into(),
        id: GroupId::new(name),
        members: members.iter().map(|&(user, role)| (user.into(), role)).collect(),
        identity_groups: BTreeSet::new(),
        allow_root_containers: root,
        storage: BTreeMap::new(),
    };
    (name.into(), group)
}

fn nlp_lab<N: From<&'static str>>() -> (N, Group) {
    let (name, group) = group("nlp-lab", &[("alice", GroupRole::Admin), ("bob", GroupRole::Member)], true);
    let users = [("alice".into(), Permission::ReadWrite)].into();
    let datasets = Storage { default: Permission::ReadOnly, users };
    (name, Group { storage: [("datasets".into(), datasets)].into(), ..group })
}

/// Writable for those of the project whom nobody else says anything about.
fn writable(names: &[&str]) -> BTreeMap<String, Storage> {
    let storage = Storage { default: Permission::ReadWrite, users: BTreeMap::new() };
    names.iter().map(|&name| (name.into(), storage.clone())).collect()
}

fn projects<N: From<&'static str> + Ord>() -> BTreeMap<N, Project> {
    let nlp = || Holder::Group("nlp-lab".into());
    let vision = || Holder::Group("vision-lab".into());
    let member = |name: &str, role| Member { who: MemberRef::User(name.into()), role };
    let (admin, manager, plain) = (ProjectRole::Admin, ProjectRole::Manager, ProjectRole::Member);
    [
        Project {
            storage: writable(&["datasets", "scratch"]),
            ..project("llm-finetune", nlp(), "gold", true, vec![member("alice", admin), member("bob", plain)])
        },
        Project {
            parent: Some("llm-finetune".into()),
            ..project("llm-eval", nlp(), "bronze", false, vec![member("bob", manager)])
        },
        project("detector", vision(), "bronze", true, vec![member("carol", manager), member("bob", plain)]),
        Project {
            storage: writable(&["datasets"]),
            ..project("llm-serving", nlp(), "platinum", false, vec![member("carol", manager), member("bob", plain)])
        },
        project("alice-personal", Holder::User("alice".into()), "bronze", true, Vec::new()),
    ]
    .into_iter()
    .zip(["llm-finetune", "llm-eval", "detector", "llm-serving", "alice-personal"])
    .map(|(project, name)| (name.into(), project))
    .collect()
}

fn project(name: &str, holder: Holder, plan: &str, root: bool, members: Vec<Member>) -> Project {
    let images = ["registry.example.com/**", "docker.io/library/*"];
    Project {
        name: name.into(),
        id: ProjectId::new(name),
        holder,
        parent: None,
        plan: Some(plan.into()),
        members,
        namespaces: vec![name.into()],
        member_namespaces: None,
        allow_root_containers: root,
        storage: BTreeMap::new(),
        capabilities: BTreeSet::new(),
        host_paths: None,
        images: images.map(|pattern| pattern.parse().expect("a pattern")).into(),
        allow_service_account_token: false,
        spread_together: false,
        rule_modes: BTreeMap::new(),
    }
}

fn model<N: From<&'static str>>(name: &'static str, product: &str) -> (N, Model) {
    let model = Model {
        name: name.into(),
        id: name.into(),
        device_class_name: "gpu.nvidia.com".into(),
        product_names: [product.into()].into(),
        resource_names: BTreeSet::new(),
        profile: None,
        milli_gpu: WHOLE,
        sharing: Sharing::Mps,
        compute_capacity: CORES.into(),
    };
    (name.into(), model)
}

fn plan<N: From<&'static str>>(name: &'static str, gpu: u64, queues: &[&str], models: &[&str]) -> (N, Plan) {
    let quota = Quota { milli_gpu: Some(gpu * 1000), devices: Some(gpu), ..Quota::default() };
    let plan = Plan {
        name: name.into(),
        id: name.into(),
        quota,
        per_user: Quota::default(),
        namespace_quota: NamespaceQuota::default(),
        gpu_models: models.iter().map(|&model| model.into()).collect(),
        queues: queues.iter().map(|&queue| queue.into()).collect(),
        vram_policies: BTreeSet::new(),
        schedule: None,
        outside_window: OutsideWindow::default(),
        outside_window_quota: Quota::default(),
        idle_timeout: None,
        max_devices_per_claim: None,
        max_termination_grace: USUAL_GRACE_LIMIT,
        extended_resources: ExtendedResources::default(),
        offered_to: Vec::new(),
        validity: Validity::default(),
        defaults: ContainerDefaults::default(),
    };
    (name.into(), plan)
}

fn queue<N: From<&'static str>>(name: &'static str, priority: i32, preemptible: bool, deserved: u64) -> (N, Queue) {
    let nightly = Weekly { days: Day::ALL.into(), start: time(20, 0, 0, 0), end: time(8, 0, 0, 0) };
    let schedule = (name == "night")
        .then(|| Schedule { time_zone: "Europe/Berlin".into(), windows: vec![Window::Weekly(nightly)] });
    let queue = Queue {
        name: name.into(),
        id: name.into(),
        priority,
        preemptible,
        deserved_milli_gpu: Some(deserved * 1000),
        gpu_models: BTreeSet::new(),
        schedule,
    };
    (name.into(), queue)
}

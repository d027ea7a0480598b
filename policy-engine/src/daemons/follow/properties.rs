//! What holds for every plan, whatever exists and whatever the records say.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::contract::{ADOPT, PROJECT_ID};
use crate::daemons::common::is_exempt;
use crate::policy::namespace_quota::NamespaceQuota;
use crate::policy::plan::Validity;
use crate::policy::platform::Platform;
use crate::policy::project::{Member, Project, ProjectRole};
use crate::policy::queue::Queue;
use crate::policy::quota::Quota;
use crate::policy::{Policy, Records};

use super::action::Action;
use super::audit::audit;
use super::testing::*;
use super::view::{Contents, Namespace, PriorityClass, ResourceQuota, RoleBinding, Subject, Unreadable, View};
use super::volcano::Found;
use super::*;

const NAMES: [&str; 5] = ["one", "two", "monitoring", "kube-system", "sluice-system"];
const PROJECTS: [&str; 3] = ["alpha", "beta", "gamma"];

fn a_name() -> impl Strategy<Value = String> {
    prop::sample::select(NAMES.as_slice()).prop_map(str::to_owned)
}

fn a_policy() -> impl Strategy<Value = Policy> {
    let role = prop::sample::select(vec![ProjectRole::Member, ProjectRole::Manager, ProjectRole::Admin]);
    let who = prop::sample::select(vec!["alice", "bob", "nobody", "nlp-lab"]);
    let line = (who, role).prop_map(|(who, role)| match who {
        "nlp-lab" => group_line(who, role),
        _ => user_line(who, role),
    });
    let described = (prop::collection::vec(a_name(), 0..3), prop::collection::vec(line, 0..4));
    let projects = prop::collection::btree_map(prop::sample::select(PROJECTS.as_slice()), described, 0..3);
    let queues = prop::collection::btree_map("[a-c]", -5..1_000_000_003_i32, 0..3);
    (projects, queues, any::<bool>(), a_quota()).prop_map(|(projects, queues, host_paths, limits)| {
        let paths = if host_paths { vec!["/data".parse().expect("a path")] } else { Vec::new() };
        let projects = projects.into_iter().map(|(name, (namespaces, members)): (_, (Vec<String>, Vec<Member>))| {
            let namespaces: Vec<_> = namespaces.iter().map(String::as_str).collect();
            Project { members, plan: Some("gold".into()), ..project(name, &namespaces) }
        });
        let policy = with_platform(projects, Platform { host_paths: paths, ..Platform::default() });
        let mut records: Records = policy.records().clone();
        if let Some(namespace_quota) = limits {
            let gold = plan_record("gold", Quota::default(), Validity::default());
            records.plans.insert("gold".into(), crate::policy::plan::Plan { namespace_quota, ..gold });
        }
        for (name, priority) in queues {
            let queue = Queue { name: name.as_str().into(), priority, ..Queue::fallback() };
            records.queues.insert(name.into(), queue);
        }
        Policy::from(records)
    })
}

fn a_quota() -> impl Strategy<Value = Option<NamespaceQuota>> {
    let limits = prop::collection::btree_map(prop::sample::select(vec!["pods".to_owned()]), 0..3_u64, 0..2);
    prop::option::of(limits.prop_map(NamespaceQuota))
}

fn a_namespace() -> impl Strategy<Value = Namespace> {
    let id = || prop::option::of(prop::sample::select(vec!["id-alpha", "id-beta", "id-gamma", "P26"]));
    let mark = prop::option::of(prop::sample::select(vec!["alpha id-alpha", "beta id-beta", "beta old-id", "garbage"]));
    let floor = prop::option::of(prop::sample::select(vec!["baseline", "restricted", "privileged"]));
    let adopt = prop::option::of(prop::sample::select(vec!["alpha", "id-beta", "nobody"]));
    let contents = prop::sample::select(vec![Contents::Unknown, Contents::Empty, Contents::Holds("pod x".into())]);
    (id(), mark, floor, adopt, any::<bool>(), prop::bool::weighted(0.1), contents).prop_map(
        |(id, mark, floor, adopt, floor_mark, terminating, contents)| {
            let labels = [(PROJECT_ID, id), (POD_SECURITY, floor)];
            let annotations = [(BOUND_MARK, mark), (ADOPT, adopt), (FLOOR_MARK, floor_mark.then_some("baseline"))];
            let some = |pairs: &[(&'static str, Option<&'static str>)]| {
                pairs.iter().filter_map(|&(key, value)| Some((key, value?))).collect::<Vec<_>>()
            };
            Namespace { terminating, ..namespace(&some(&labels), &some(&annotations), contents) }
        },
    )
}

fn a_view() -> impl Strategy<Value = View> {
    let namespaces = prop::collection::btree_map(a_name(), a_namespace(), 0..5);
    let binding_name = prop::sample::select(vec!["sluice-member", "sluice-manager", "sluice-admin", "other"]);
    let subject = prop::sample::select(vec!["alice", "mallory"]).prop_map(|name| Subject::User(name.into()));
    let role = prop::sample::select(vec!["sluice-project-member", "sluice-project-admin", "cluster-admin"]);
    let binding = (prop::option::of(role), prop::option::of(prop::collection::btree_set(subject, 0..2))).prop_map(
        |(role, subjects): (_, Option<BTreeSet<_>>)| RoleBinding {
            seen: seen("rb"),
            cluster_role: role.map(str::to_owned),
            subjects,
        },
    );
    let bindings = prop::collection::btree_map((a_name(), binding_name.prop_map(str::to_owned)), binding, 0..4);
    let quota = a_quota().prop_map(|hard| ResourceQuota { seen: seen("rq"), hard });
    let quota_name = prop::sample::select(vec!["sluice-plan".to_owned(), "other".to_owned()]);
    let quotas = prop::collection::btree_map((a_name(), quota_name), quota, 0..4);
    let class = (any::<bool>(), -5..1_000_000_000_i32, any::<bool>(), any::<bool>()).prop_map(
        |(managed, value, never_preempts, global_default)| PriorityClass {
            seen: seen("pc"),
            managed,
            value,
            never_preempts,
            global_default,
            description: String::new(),
        },
    );
    let classes = prop::collection::btree_map("platform-go-[a-d]", class, 0..4);
    let volcano = (any::<bool>(), prop::option::of(1..3_i64), any::<bool>(), prop::option::of(0..3_u64)).prop_map(
        |(managed, weight, has_capability, deserved)| Found {
            seen: seen("vq"),
            managed,
            weight,
            priority: None,
            reclaimable: None,
            deserved: [("cpu".to_owned(), deserved)].into(),
            has_capability,
        },
    );
    let volcano = prop::option::of(prop::collection::btree_map("default|batch|[a-c]", volcano, 0..4));
    let unreadable = prop::option::weighted(0.3, prop::sample::select(PROJECTS.as_slice()));
    (namespaces, bindings, quotas, classes, volcano, unreadable).prop_map(
        |(namespaces, mut role_bindings, mut resource_quotas, priority_classes, volcano_queues, unreadable)| {
            resource_quotas.retain(|(namespace, _), _| namespaces.contains_key(namespace));
            role_bindings.retain(|(namespace, _), _| namespaces.contains_key(namespace));
            let projects = unreadable.into_iter().map(Into::into).collect();
            View {
                namespaces,
                role_bindings,
                resource_quotas,
                priority_classes,
                volcano_queues,
                unreadable: Unreadable { projects, ..Unreadable::default() },
                ..view()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn after_a_plan_there_is_nothing_to_do(view in a_view(), policy in a_policy()) {
        let after = settled(view, &policy);
        prop_assert_eq!(plan(&after, &policy).actions, Vec::<Action>::new());
    }

    #[test]
    fn the_audit_agrees_with_every_plan(view in a_view(), policy in a_policy()) {
        let plan = plan(&view, &policy);
        prop_assert_eq!(audit(&view, &policy, &plan), Ok(()));
    }

    #[test]
    fn what_is_not_ours_stays(view in a_view(), policy in a_policy()) {
        let after = settled(view.clone(), &policy);
        for (name, found) in &view.namespaces {
            let now = &after.namespaces[name];
            let theirs = found.bound_to().is_some() && found.mark().is_none();
            if is_exempt(&view.own_namespace, policy.platform(), name) || found.terminating {
                prop_assert_eq!((&now.labels, &now.annotations), (&found.labels, &found.annotations));
            } else if theirs {
                prop_assert_eq!(now.bound_to(), found.bound_to());
            }
        }
        for (name, class) in view.priority_classes.iter().filter(|(_, class)| !class.managed) {
            prop_assert_eq!(after.priority_classes[name].value, class.value);
        }
        let (before, now) = (view.volcano_queues.unwrap_or_default(), after.volcano_queues.unwrap_or_default());
        for (name, found) in before.iter().filter(|(_, found)| !found.managed) {
            prop_assert_eq!(&now[name], found);
        }
    }

    #[test]
    fn nothing_full_is_taken_over_without_a_word(view in a_view(), policy in a_policy()) {
        let after = settled(view.clone(), &policy);
        for (name, found) in &view.namespaces {
            let free = found.bound_to().is_none() && found.mark().is_none() && found.adopt().is_none();
            if free && found.contents != Contents::Empty {
                prop_assert_eq!(after.namespaces[name].bound_to(), None);
            }
        }
    }
}

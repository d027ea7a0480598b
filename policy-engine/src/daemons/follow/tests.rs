mod access;
mod members;
mod quotas;
mod volcano;

use crate::contract::{ADOPT, PROJECT_ID, USER_ID};
use crate::daemons::common::MANAGED_BY;
use crate::policy::ids::ProjectId;
use crate::policy::modes::RuleMode;
use crate::policy::platform::Platform;
use crate::policy::project::{Holder, Project, ProjectRole};
use crate::policy::rule_id::RuleId;

use super::action::{Action, Because, Unwanted};
use super::audit::{Violation, audit};
use super::spared::{NotYours, Spared};
use super::testing::*;
use super::view::{Contents, PriorityClass, View};
use super::*;

fn actions(view: &View, policy: &Policy) -> Vec<String> {
    let plan = plan(view, policy);
    assert_eq!(audit(view, policy, &plan), Ok(()));
    plan.actions.iter().map(ToString::to_string).collect()
}

fn sentences(view: &View, policy: &Policy) -> Vec<String> {
    plan(view, policy).spared.iter().map(ToString::to_string).collect()
}

fn holding(labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> super::view::Namespace {
    namespace(labels, annotations, Contents::Holds("pod web-0".into()))
}

#[test]
fn a_listed_namespace_is_made_with_everything_it_needs() {
    let policy = policy([project("nlp", &["nlp"])]);
    let made = settled(view(), &policy);
    let namespace = &made.namespaces["nlp"];
    assert_eq!(namespace.labels[PROJECT_ID], "id-nlp");
    assert_eq!(namespace.labels[POD_SECURITY], "baseline");
    assert_eq!(namespace.labels[MANAGED_BY], "sluice");
    assert_eq!(actions(&view(), &policy), ["make namespace nlp of project nlp"]);
    assert!(actions(&made, &policy).is_empty());
}

#[test]
fn one_that_existed_is_taken_over_only_if_it_is_empty_or_handed_over() {
    let policy = policy([project("nlp", &["old"])]);
    let with = |found| View { namespaces: [("old".into(), found)].into(), ..view() };

    let asked = with(namespace(&[], &[], Contents::Unknown));
    assert_eq!(questions(&asked, &policy), ["old"]);
    assert!(actions(&asked, &policy).is_empty());

    let full = with(holding(&[], &[(ADOPT, "another")]));
    assert!(actions(&full, &policy).is_empty());
    assert_eq!(
        sentences(&full, &policy),
        [
            "namespace old is not bound to project nlp: it existed before and holds pod web-0; an admin may hand it over \
          with the annotation platform-go/adopt=nlp"
        ]
    );
    let empty = with(namespace(&[], &[], Contents::Empty));
    assert_eq!(actions(&empty, &policy), ["bind namespace old to project nlp: it was empty"]);
    for name_or_id in ["nlp", "id-nlp"] {
        let handed_over = with(holding(&[], &[(ADOPT, name_or_id)]));
        assert!(questions(&handed_over, &policy).is_empty());
        assert_eq!(
            actions(&handed_over, &policy),
            ["bind namespace old to project nlp: platform-go/adopt hands it over"]
        );
    }
}

#[test]
fn foreign_namespaces_stay_as_they_are() {
    let policy = policy([project("nlp", &["theirs", "monitoring", "kube-system", "sluice-system", "going"])]);
    let mut view = view();
    let going = super::view::Namespace { terminating: true, ..namespace(&[], &[], Contents::Empty) };
    view.namespaces = [
        ("theirs".into(), holding(&[(PROJECT_ID, "P26")], &[(ADOPT, "nlp")])),
        ("monitoring".into(), namespace(&[], &[(ADOPT, "nlp")], Contents::Empty)),
        ("kube-system".into(), namespace(&[], &[], Contents::Empty)),
        ("going".into(), going),
    ]
    .into();
    assert!(actions(&view, &policy).is_empty());
    let because = |spared: &Spared| match spared {
        Spared::Namespace { because, namespace, .. } => (namespace.clone(), because.clone()),
        other => panic!("{other}"),
    };
    let spared: Vec<_> = plan(&view, &policy).spared.iter().map(because).collect();
    assert_eq!(
        spared,
        [
            ("going".to_owned(), NotYours::Terminating),
            ("kube-system".into(), NotYours::Exempt),
            ("monitoring".into(), NotYours::Exempt),
            ("sluice-system".into(), NotYours::Exempt),
            ("theirs".into(), NotYours::BoundTo(ProjectId::new("P26"))),
        ]
    );
}

#[test]
fn of_two_that_list_it_the_first_by_name_gets_it_and_keeps_it() {
    let later = policy([project("beta", &["shared"])]);
    let both = policy([project("alpha", &["shared"]), project("beta", &["shared"])]);
    let fresh = settled(view(), &both);
    assert_eq!(fresh.namespaces["shared"].labels[PROJECT_ID], "id-alpha");
    assert_eq!(
        sentences(&fresh, &both),
        ["namespace shared is not bound to project beta: project alpha lists it too; take it out of one of them"]
    );
    let held = settled(view(), &later);
    assert!(actions(&held, &both).is_empty(), "a new record takes nothing from an old one");
    assert!(matches!(&plan(&held, &both).spared[..], [Spared::Namespace { because: NotYours::ListedBy(holder), .. }]
        if holder.as_str() == "beta"));
}

#[test]
fn a_label_that_someone_changed_is_put_back() {
    let policy = policy([project("nlp", &["nlp"])]);
    let settled = settled(view(), &policy);
    for key in [PROJECT_ID, POD_SECURITY] {
        for drifted in [None, Some("privileged")] {
            let mut view = settled.clone();
            let labels = &mut view.namespaces.get_mut("nlp").expect("made").labels;
            labels.remove(key);
            drifted.map(|value| labels.insert(key.into(), value.into()));
            let said = actions(&view, &policy);
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(
                said[0].starts_with(&format!("put right on namespace nlp of project nlp: label {key}=")),
                "{said:?}"
            );
        }
    }
}

#[test]
fn what_no_record_lists_is_unbound_but_only_if_we_bound_it() {
    let bound = settled(view(), &policy([project("nlp", &["nlp"])]));
    let gone = policy([]);
    assert_eq!(
        actions(&bound, &gone),
        ["take back from namespace nlp, which no project lists: no label platform-go/project-id, no label \
          pod-security.kubernetes.io/enforce, no annotation sluice.dev/bound, no annotation sluice.dev/pod-security"]
    );
    let mut nlp = project("nlp", &["nlp"]);
    nlp.members = vec![user_line("alice", ProjectRole::Member)];
    let peopled = settled(view(), &policy([nlp]));
    assert!(
        matches!(&plan(&peopled, &gone).actions[..], [Action::DeleteRoleBinding { .. }, Action::RemoveLabel { .. }]),
        "access goes first"
    );
    let by_hand = View { namespaces: [("x".into(), holding(&[(PROJECT_ID, "id-nlp")], &[]))].into(), ..view() };
    assert!(actions(&by_hand, &gone).is_empty());

    let unreadable =
        View { unreadable: super::view::Unreadable { projects: ["nlp".into()].into(), ..Default::default() }, ..bound };
    assert!(actions(&unreadable, &gone).is_empty());
    assert_eq!(
        sentences(&unreadable, &gone),
        ["namespace nlp is left as it is: the record of project nlp cannot be read"]
    );
}

#[test]
fn one_that_an_admin_labelled_is_governed_and_never_unbound() {
    let policy = policy([project("nlp", &[])]);
    let view = View { namespaces: [("x".into(), holding(&[(PROJECT_ID, "id-nlp")], &[]))].into(), ..view() };
    let governed = settled(view, &policy);
    assert_eq!(governed.namespaces["x"].labels[POD_SECURITY], "baseline");
    assert!(!governed.namespaces["x"].annotations.contains_key(BOUND_MARK));
    assert!(actions(&governed, &policy).is_empty());
}

#[test]
fn no_floor_where_host_paths_are_listed_and_no_weaker_one_elsewhere() {
    let nlp = || [project("nlp", &["nlp"])];
    let paths = Platform { host_paths: vec!["/data".parse().expect("a path")], ..Platform::default() };
    let settled_with_floor = settled(view(), &policy(nlp()));
    let without = settled(settled_with_floor.clone(), &with_platform(nlp(), paths.clone()));
    assert!(!without.namespaces["nlp"].labels.contains_key(POD_SECURITY));

    let mut chosen = settled_with_floor;
    chosen.namespaces.get_mut("nlp").expect("made").labels.insert(POD_SECURITY.into(), "restricted".into());
    assert!(actions(&chosen, &policy(nlp())).is_empty(), "an admin's stricter level stays");
    let kept = settled(chosen, &with_platform(nlp(), paths));
    assert_eq!(kept.namespaces["nlp"].labels[POD_SECURITY], "restricted");
}

/// A host path or a capability for one project is no reason to take the floor from another.
#[test]
fn the_floor_goes_only_where_a_project_may_have_what_it_refuses() {
    let ipc_lock = || ["IPC_LOCK".to_owned()].into();
    let data = || vec!["/data".parse().expect("a path")];
    let listed = Platform { host_paths: data(), capabilities: ipc_lock(), ..Platform::default() };
    let narrowed = |name: &str| Project { host_paths: Some(Vec::new()), ..project(name, &[name]) };
    let projects = [
        narrowed("plain"),
        Project { capabilities: ipc_lock(), ..narrowed("rdma") },
        Project { host_paths: Some(data()), ..narrowed("paths") },
        Project { capabilities: ["SYS_ADMIN".to_owned()].into(), ..narrowed("unlisted") },
    ];
    let settled = settled(view(), &with_platform(projects, listed));
    let has_floor = |name: &str| settled.namespaces[name].labels.contains_key(POD_SECURITY);
    let found = ["plain", "rdma", "paths", "unlisted"].map(has_floor);
    assert_eq!(found, [true, false, false, true]);
}

#[test]
fn no_floor_where_the_rule_only_warns() {
    let nlp = || [project("nlp", &["nlp"])];
    let warns = Platform { rule_modes: [(RuleId::Privilege, RuleMode::Warn)].into(), ..Platform::default() };
    let without = settled(settled(view(), &policy(nlp())), &with_platform(nlp(), warns));
    assert!(!without.namespaces["nlp"].labels.contains_key(POD_SECURITY));
    let mut theirs = project("nlp", &["nlp"]);
    theirs.rule_modes.insert(RuleId::Privilege, RuleMode::Warn);
    assert!(!settled(view(), &policy([theirs])).namespaces["nlp"].labels.contains_key(POD_SECURITY));
}

#[test]
fn the_audit_stops_what_no_plan_may_contain() {
    let policy = policy([project("nlp", &["nlp"])]);
    let mut view = view();
    view.namespaces.insert("theirs".into(), holding(&[(PROJECT_ID, "P26")], &[]));
    let one = |action: Action| Plan { actions: vec![action], ..Plan::default() };
    let label = |namespace: &str| Action::LabelNamespace {
        namespace: namespace.into(),
        project: "nlp".into(),
        seen: seen("ns"),
        metadata: action::MetadataChange { labels: [(PROJECT_ID, None)].into(), ..Default::default() },
        because: Because::Drift,
    };
    let name = || "platform-go-foreign".to_owned();
    let delete = Action::DeletePriorityClass { name: name(), seen: seen("pc") };
    assert_eq!(audit(&view, &policy, &one(delete.clone())), Err(Violation::NotOurs(delete.into())));
    let exempt = label("monitoring");
    assert_eq!(audit(&view, &policy, &one(exempt.clone())), Err(Violation::Exempt(exempt.into())));
    let theirs = label("theirs");
    assert_eq!(audit(&view, &policy, &one(theirs.clone())), Err(Violation::TakesOver(theirs.into())));
    let many = Plan { actions: vec![label("nlp"); MAX_ACTIONS + 1], ..Plan::default() };
    assert_eq!(audit(&view, &policy, &many), Err(Violation::TooMany(MAX_ACTIONS + 1)));
}

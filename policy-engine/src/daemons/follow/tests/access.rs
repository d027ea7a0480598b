//! RoleBindings and PriorityClasses.

use std::collections::BTreeSet;

use super::*;

#[test]
fn everyone_is_bound_once_by_their_highest_role() {
    let mut nlp = project("nlp", &["nlp"]);
    nlp.holder = Holder::User("carol".into());
    nlp.members = vec![
        group_line("nlp-lab", ProjectRole::Member),
        user_line("bob", ProjectRole::Manager),
        user_line("robot", ProjectRole::Member),
        user_line("nobody", ProjectRole::Admin),
        group_line("no-such-group", ProjectRole::Admin),
    ];
    let view = settled(view(), &policy([nlp]));
    let people = |name| people(&view, "nlp", name).unwrap_or_default();
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(people("sluice-admin"), set(&[r#"User("carol")"#]));
    assert_eq!(people("sluice-manager"), set(&[r#"User("bob")"#]));
    assert_eq!(
        people("sluice-member"),
        set(&[r#"User("alice")"#, r#"Group("idp:nlp")"#, r#"ServiceAccount { namespace: "ci", name: "robot" }"#])
    );
}

#[test]
fn role_bindings_that_differ_are_written_again_and_empty_ones_go() {
    let mut nlp = project("nlp", &["nlp"]);
    nlp.members = vec![user_line("alice", ProjectRole::Manager)];
    let policy = policy([nlp]);
    let settled = settled(view(), &policy);
    let key = ("nlp".to_owned(), "sluice-manager".to_owned());

    let mut edited = settled.clone();
    edited.role_bindings.get_mut(&key).expect("made").subjects = None;
    assert_eq!(actions(&edited, &policy), ["write rolebinding sluice-manager in namespace nlp for alice"]);

    let mut other_role = settled.clone();
    other_role.role_bindings.get_mut(&key).expect("made").cluster_role = Some("cluster-admin".into());
    let plan = plan(&other_role, &policy);
    assert!(matches!(
        &plan.actions[..],
        [Action::DeleteRoleBinding { because: Unwanted::OtherRole, .. }, Action::ApplyRoleBinding { seen: None, .. }]
    ));

    let mut stray = settled.clone();
    let copy = stray.role_bindings[&key].clone();
    stray.role_bindings.insert(("nlp".into(), "sluice-member".into()), copy.clone());
    stray.role_bindings.insert(("nlp".into(), "old-name".into()), copy.clone());
    stray.role_bindings.insert(("free".into(), "sluice-member".into()), copy);
    stray.namespaces.insert("free".into(), namespace(&[], &[], Contents::Unknown));
    assert_eq!(
        actions(&stray, &policy),
        [
            "delete rolebinding sluice-member in namespace nlp: nobody has the role",
            "delete rolebinding sluice-member in namespace free: the namespace is not bound to a project",
            "delete rolebinding old-name in namespace nlp: no role has a rolebinding of this name",
        ]
    );
}

#[test]
fn people_keep_their_roles_while_a_group_cannot_be_read() {
    let mut nlp = project("nlp", &["nlp"]);
    nlp.members = vec![group_line("nlp-lab", ProjectRole::Member), group_line("lost", ProjectRole::Manager)];
    let mut view = settled(view(), &policy([nlp.clone()]));
    view.unreadable.groups.insert("lost".into());
    nlp.members.remove(0);
    let policy = policy([nlp]);
    assert!(actions(&view, &policy).is_empty());
    assert_eq!(
        sentences(&view, &policy),
        ["the rolebindings of project nlp are left as they are: Group lost cannot be read"]
    );
}

#[test]
fn each_queue_has_a_class_whose_value_changes_only_by_replacement() {
    let before = settled(view(), &queues([("batch", 100), ("urgent", 1000)]));
    let after = queues([("batch", 200)]);
    assert_eq!(
        actions(&before, &after),
        [
            "make priorityclass platform-go-batch anew with value 200: a value never changes",
            "delete priorityclass platform-go-urgent: its queue is gone",
        ]
    );
    let mut edited = settled(before, &after);
    edited.priority_classes.get_mut("platform-go-batch").expect("made").global_default = true;
    assert_eq!(actions(&edited, &after), ["put right priorityclass platform-go-batch"]);
}

#[test]
fn a_class_of_another_origin_is_adopted_if_it_fits_and_never_deleted() {
    let policy = queues([("batch", 100)]);
    let foreign = |value| PriorityClass {
        seen: seen("theirs"),
        managed: false,
        value,
        never_preempts: true,
        global_default: false,
        description: String::new(),
    };
    let mut view = view();
    view.priority_classes.insert("platform-go-retired".into(), foreign(5));
    view.priority_classes.insert("platform-go-batch".into(), foreign(5));
    assert!(actions(&view, &policy).is_empty());
    assert_eq!(
        sentences(&view, &policy),
        ["queue batch asks for priority 100; priorityclass platform-go-batch is not sluice's, has value 5 and cannot \
             be changed; delete it, or label it app.kubernetes.io/managed-by=sluice to hand it over",]
    );
    view.priority_classes.insert("platform-go-batch".into(), foreign(100));
    assert_eq!(actions(&view, &policy), ["put right priorityclass platform-go-batch"]);
}

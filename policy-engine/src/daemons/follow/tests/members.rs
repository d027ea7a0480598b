//! Namespaces of single members.

use super::*;

/// A project of alice and bob, led by carol, in which each has a Namespace of their own.
fn project_of(members: &[&str]) -> Policy {
    let mut nlp = project("nlp", &["nlp"]);
    nlp.members = members.iter().map(|name| user_line(name, ProjectRole::Member)).collect();
    nlp.members.push(user_line("carol", ProjectRole::Manager));
    let given = members.iter().chain(&["carol"]).map(|name| (format!("nlp-{name}"), (*name).into()));
    nlp.member_namespaces = Some(given.collect());
    nlp.namespaces.extend(nlp.member_namespaces.iter().flat_map(|it| it.keys().cloned()));
    policy([nlp])
}

fn members(view: &View, namespace: &str) -> Option<Vec<String>> {
    people(view, namespace, "sluice-member").map(|people| people.into_iter().collect())
}

#[test]
fn only_its_member_and_those_who_manage_the_project_are_bound_in_a_members_own() {
    let policy = project_of(&["alice", "bob"]);
    let made = settled(view(), &policy);
    let (alice, bob) = (r#"User("alice")"#.to_owned(), r#"User("bob")"#.to_owned());
    assert_eq!(members(&made, "nlp"), Some(vec![alice.clone(), bob.clone()]), "the project's own is everybody's");
    assert_eq!(members(&made, "nlp-alice"), Some(vec![alice]));
    assert_eq!(members(&made, "nlp-bob"), Some(vec![bob]));
    assert_eq!(members(&made, "nlp-carol"), None, "a Manager is bound as such");
    for namespace in ["nlp", "nlp-alice", "nlp-bob", "nlp-carol"] {
        let managers = people(&made, namespace, "sluice-manager").expect("a binding of the Managers");
        assert_eq!(managers.into_iter().collect::<Vec<_>>(), [r#"User("carol")"#], "{namespace}");
        assert_eq!(made.namespaces[namespace].labels[PROJECT_ID], "id-nlp");
    }
    let whose = |namespace: &str| made.namespaces[namespace].labels.get(USER_ID).map(String::as_str);
    assert_eq!([whose("nlp-alice"), whose("nlp")], [Some("alice"), None]);
    assert!(actions(&made, &policy).is_empty());
}

#[test]
fn what_a_member_leaves_behind_stays_governed_and_is_the_managers() {
    let before = settled(view(), &project_of(&["alice", "bob"]));
    let policy = project_of(&["alice"]);
    assert_eq!(
        actions(&before, &policy),
        [
            "write rolebinding sluice-member in namespace nlp for alice",
            "delete rolebinding sluice-member in namespace nlp-bob: nobody has the role",
        ]
    );
    let after = settled(before, &policy);
    assert_eq!(after.namespaces["nlp-bob"].labels[PROJECT_ID], "id-nlp");
    assert!(actions(&after, &policy).is_empty());
    assert_eq!(members(&settled(after, &project_of(&["alice", "bob"])), "nlp-bob").map(|it| it.len()), Some(1));
}

#[test]
fn what_was_given_to_a_member_is_given_to_nobody_else_without_an_admins_word() {
    let before = settled(view(), &project_of(&["alice"]));
    // Another member whose namespace would have that name.
    let mut twin = project("nlp", &["nlp", "nlp-alice"]);
    twin.members = vec![user_line("alice", ProjectRole::Member), user_line("bob", ProjectRole::Member)];
    twin.member_namespaces = Some([("nlp-alice".to_owned(), "bob".into())].into());
    // Another project, which lists it or has it for a member of its own.
    let other =
        Project { members: vec![user_line("bob", ProjectRole::Member)], ..project("nlp-alice", &["nlp-alice"]) };
    let plain = Project { member_namespaces: None, ..twin.clone() };
    let listed = Project { namespaces: vec!["nlp".into()], member_namespaces: None, ..plain.clone() };
    for (policy, claimant) in [
        (policy([twin]), "nlp"),
        (policy([plain.clone()]), "nlp"),
        (policy([listed.clone(), other.clone()]), "nlp-alice"),
    ] {
        let mut empty = before.clone();
        empty.namespaces.get_mut("nlp-alice").expect("made").contents = Contents::Empty;
        let after = settled(empty, &policy);
        assert_eq!(after.namespaces["nlp-alice"].labels[PROJECT_ID], "id-nlp");
        assert_eq!(members(&after, "nlp-alice"), Some(vec![r#"User("alice")"#.to_owned()]));
        assert!(actions(&after, &policy).is_empty());
        let says = format!(
            "namespace nlp-alice is not bound to project {claimant}: it is user alice's own in project nlp; an admin may \
             hand it over with the annotation platform-go/adopt={claimant}"
        );
        assert_eq!(sentences(&after, &policy), [says]);
    }
    // An admin's word does it.
    let mut adopted = before.clone();
    let annotations = &mut adopted.namespaces.get_mut("nlp-alice").expect("made").annotations;
    annotations.insert(ADOPT.into(), "nlp-alice".into());
    let policy = policy([listed, other]);
    let after = settled(adopted, &policy);
    assert_eq!(after.namespaces["nlp-alice"].labels.get(USER_ID), None);
    assert_eq!(after.namespaces["nlp-alice"].labels[PROJECT_ID], "id-nlp-alice");
}

#[test]
fn where_no_more_are_given_those_that_are_stay_until_the_project_goes() {
    let before = settled(view(), &project_of(&["alice"]));
    let mut without = project("nlp", &["nlp"]);
    without.members = vec![user_line("alice", ProjectRole::Member), user_line("carol", ProjectRole::Manager)];
    let policy_without = policy([without]);
    assert!(actions(&before, &policy_without).is_empty(), "{:?}", actions(&before, &policy_without));
    let after = settled(before, &policy([]));
    let labels = &after.namespaces["nlp-alice"].labels;
    assert_eq!((labels.get(PROJECT_ID), labels.get(USER_ID)), (None, None));
}

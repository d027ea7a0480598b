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
fn without_namespaces_of_members_they_are_unbound_like_any_that_is_not_listed() {
    let before = settled(view(), &project_of(&["alice"]));
    let after = settled(before, &policy([project("nlp", &["nlp"])]));
    let labels = &after.namespaces["nlp-alice"].labels;
    assert_eq!((labels.get(PROJECT_ID), labels.get(USER_ID)), (None, None));
}

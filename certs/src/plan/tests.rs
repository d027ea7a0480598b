use jiff::SignedDuration;

use super::*;
use crate::issue::issue_all;
use crate::material::{AUTHORITY_LIFE, LEAF_LIFE};
use crate::testing::{NAME, names, now, without_authority};

const PACE: Pace = Pace { settle: Duration::from_secs(30), overlap: Duration::from_secs(3600) };

/// Nothing is asked, and what is kept was published just now.
fn usual<'a>(material: Option<&'a KeyMaterial>, names: &'a [ServingName], now: Timestamp) -> Situation<'a> {
    let (published_for, kept_for) = (Some(Duration::ZERO), Duration::ZERO);
    Situation {
        material,
        request: None,
        issues: true,
        names,
        now,
        published_for,
        kept_for,
        taken_up: true,
        orphaned: false,
        pace: PACE,
    }
}

fn plan(material: Option<&KeyMaterial>, names: &[ServingName], now: Timestamp) -> Action {
    super::plan(&usual(material, names, now))
}

fn carry_out(action: &Action, material: Option<&KeyMaterial>, at: Timestamp) -> Option<KeyMaterial> {
    crate::issue::carry_out(action, material, &[], at).unwrap()
}

const OTHER: &str = "10.0.0.7";

fn made() -> KeyMaterial {
    issue_all(&names(&[NAME]), now(), &[]).unwrap()
}

fn leaf_of(action: Action, material: &KeyMaterial, at: Timestamp) -> KeyMaterial {
    carry_out(&action, Some(material), at).unwrap()
}

#[test]
fn nothing_kept_issues_all() {
    let action = plan(None, &names(&[NAME]), now());
    let expected = Action::IssueAll { why: Reason::NothingKept, names: names(&[NAME]) };
    assert_eq!(action, expected);
}

#[test]
fn fresh_material_is_kept_until_two_thirds_of_the_leaf() {
    let material = made();
    let until = material.leaf.life().renew_at(LEAF_LIFE);
    let wanted = names(&[NAME]);

    assert_eq!(plan(Some(&material), &wanted, now()), Action::Keep { until });
    let just_before = until - SignedDuration::from_secs(1);
    assert_eq!(plan(Some(&material), &wanted, just_before), Action::Keep { until });
    let due = Action::IssueLeaf { why: Reason::LeafNearEnd { at: now() + LEAF_LIFE }, names: wanted.clone() };
    assert_eq!(plan(Some(&material), &wanted, until), due);
}

#[test]
fn a_renewed_leaf_is_of_the_same_authority_and_is_kept() {
    let material = made();
    let wanted = names(&[NAME]);
    let at = material.leaf.life().renew_at(LEAF_LIFE);

    let renewed = leaf_of(plan(Some(&material), &wanted, at), &material, at);

    assert_eq!(renewed.bundle, material.bundle);
    assert_eq!(renewed.authority, material.authority);
    assert_ne!(renewed.leaf, material.leaf);
    let until = renewed.leaf.life().renew_at(LEAF_LIFE);
    assert_eq!(plan(Some(&renewed), &wanted, at), Action::Keep { until });
}

#[test]
fn replicas_that_want_different_names_come_to_rest() {
    let material = made();
    let wanted = names(&[OTHER]);
    let action = plan(Some(&material), &wanted, now());
    let expected = Action::IssueLeaf { why: Reason::NameMissing(wanted[0].clone()), names: names(&[OTHER, NAME]) };
    assert_eq!(action, expected);

    let both = leaf_of(action, &material, now());
    let until = both.leaf.life().renew_at(LEAF_LIFE);
    for wanted in [names(&[OTHER]), names(&[NAME]), names(&[NAME, OTHER])] {
        assert_eq!(plan(Some(&both), &wanted, now()), Action::Keep { until });
    }
}

#[test]
fn a_leaf_of_another_authority_is_replaced() {
    let material = KeyMaterial { leaf: made().leaf, ..made() };
    let expected = Action::IssueLeaf { why: Reason::LeafUntrusted, names: names(&[NAME]) };
    assert_eq!(plan(Some(&material), &names(&[NAME]), now()), expected);
}

/// The three steps of a rotation, each as soon as it may be.
fn rotate(material: &KeyMaterial, at: Timestamp) -> [KeyMaterial; 3] {
    let wanted = names(&[NAME]);
    let request = Request::Authority(material.authority.as_ref().unwrap().fingerprint());
    let asked = |material, published_for, kept_for| {
        let situation = usual(Some(material), &wanted, at);
        super::plan(&Situation { request: Some(&request), published_for, kept_for, ..situation })
    };
    let (none, long) = (Duration::ZERO, PACE.overlap - Duration::from_nanos(1));

    let action = asked(material, Some(none), none);
    assert!(matches!(action, Action::Announce { .. }), "{action}");
    let announced = carry_out(&action, Some(material), at).unwrap();
    assert_eq!((&announced.leaf, &announced.authority), (&material.leaf, &material.authority));
    assert_eq!(announced.bundle.certificates().len(), material.bundle.certificates().len() + 1);

    for too_soon in [None, Some(none), Some(PACE.settle - Duration::from_nanos(1))] {
        assert_eq!(asked(&announced, too_soon, long), Action::Settle);
    }
    let action = asked(&announced, Some(PACE.settle), none);
    assert_eq!(action, Action::Switch { names: wanted.clone() });
    let switched = carry_out(&action, Some(&announced), at).unwrap();
    assert_eq!((&switched.authority, &switched.next), (&announced.next, &None));
    assert_eq!(switched.bundle, announced.bundle);

    assert_eq!(asked(&switched, Some(long), long), Action::Overlap);
    let action = asked(&switched, Some(none), PACE.overlap);
    assert_eq!(action, Action::Retire);
    let retired = carry_out(&action, Some(&switched), at).unwrap();
    assert_eq!(retired.bundle.certificates(), [switched.authority.as_ref().unwrap().certificate().clone()]);
    assert_eq!(asked(&retired, Some(long), long), keep(&retired, at), "the request is carried out once");
    [announced, switched, retired]
}

#[test]
fn a_rotation_has_three_steps_and_waits_between_them() {
    let [announced, switched, retired] = rotate(&made(), now());
    let trusts = |material: &KeyMaterial, leaf: &Leaf| trust::trusted(leaf, &material.bundle.roots(), now());
    assert!(trusts(&announced, &announced.leaf) && trusts(&announced, &switched.leaf));
    assert!(trusts(&switched, &announced.leaf) && trusts(&switched, &switched.leaf));
    assert!(!trusts(&retired, &announced.leaf) && trusts(&retired, &switched.leaf));
}

#[test]
fn what_replaces_something_is_valid_whenever_that_was() {
    let material = made();
    let year = SignedDuration::from_hours(24 * 365);
    for wrong in [now() + 20 * year, now() - 24 * SignedDuration::from_hours(1) + SignedDuration::from_secs(1)] {
        let [_, switched, _] = rotate(&material, wrong);
        let renewed = switched.authority.as_ref().unwrap().issue(&names(&[NAME]), wrong, Some(switched.leaf.life()));
        for life in [switched.authority.as_ref().unwrap().life(), switched.leaf.life(), renewed.unwrap().life()] {
            assert!(life.starts <= material.leaf.life().starts && life.ends >= material.leaf.life().ends, "{life:?}");
        }
    }
}

#[test]
fn an_authority_is_replaced_long_before_its_end_and_also_after_it() {
    let material = made();
    let end = now() + AUTHORITY_LIFE;
    let due = end - AUTHORITY_LIFE / 3;
    let wanted = names(&[NAME]);
    let leaf = material.authority.as_ref().unwrap().issue(&wanted, due, Some(material.leaf.life())).unwrap();
    let fresh = KeyMaterial { leaf, ..material.clone() };

    assert_eq!(plan(Some(&fresh), &wanted, due - SignedDuration::from_secs(1)), Action::Keep { until: due });
    for at in [due, end, end + AUTHORITY_LIFE] {
        let action = plan(Some(&fresh), &wanted, at);
        assert_eq!(action, Action::Announce { why: Reason::AuthorityNearEnd { at: end } }, "{at}");
        // An expired CA vouches for nothing, and the announced one still waits to be known.
        let announced = carry_out(&action, Some(&fresh), at).unwrap();
        assert_eq!(plan(Some(&announced), &wanted, at), Action::Settle, "{at}");
    }
}

#[test]
fn a_bundle_that_is_full_begins_no_rotation() {
    let mut material = made();
    while material.bundle.certificates().len() < MAX_AUTHORITIES {
        [_, material, _] = rotate(&material, now());
    }
    let wanted = names(&[NAME]);
    let request = Request::Authority(material.authority.as_ref().unwrap().fingerprint());
    let asked = Situation { request: Some(&request), ..usual(Some(&material), &wanted, now()) };
    assert_eq!(super::plan(&asked), Action::Overlap);
    assert_eq!(super::plan(&Situation { kept_for: PACE.overlap, taken_up: false, ..asked }), Action::Overlap);
    assert_eq!(super::plan(&Situation { kept_for: PACE.overlap, ..asked }), Action::Retire);
}

#[test]
fn a_leaf_is_replaced_once_when_asked_for() {
    let material = made();
    let wanted = names(&[NAME]);
    let request = Request::Leaf(material.leaf.fingerprint());
    let asked = |material| super::plan(&Situation { request: Some(&request), ..usual(Some(material), &wanted, now()) });
    let action = asked(&material);
    assert_eq!(action, Action::IssueLeaf { why: Reason::Asked, names: wanted.clone() });
    let renewed = leaf_of(action, &material, now());
    assert_eq!(asked(&renewed), keep(&renewed, now()));
}

#[test]
fn nothing_is_issued_where_somebody_else_does() {
    let wanted = names(&[NAME]);
    let action = super::plan(&Situation { issues: false, ..usual(None, &wanted, now()) });
    assert_eq!(action, Action::Await(Reason::NothingKept));
    assert_eq!(carry_out(&action, None, now()), None);
}

#[test]
fn a_clock_that_is_behind_replaces_nothing() {
    let material = made();
    let behind = now() - SignedDuration::from_hours(24 * 365);
    let expected = Action::Keep { until: material.leaf.life().starts };
    assert_eq!(plan(Some(&material), &names(&[NAME]), behind), expected);

    let later = material.leaf.life().renew_at(LEAF_LIFE);
    let wanted = names(&[NAME]);
    let renewed = leaf_of(plan(Some(&material), &wanted, later), &material, later);
    assert_eq!(plan(Some(&renewed), &wanted, now()), keep(&renewed, now()), "it is valid as long ago as the old one");
}

#[test]
fn what_someone_else_issues_is_kept_and_awaited() {
    let material = without_authority(made());
    let wanted = names(&[NAME]);
    let life = material.leaf.life();

    let until = life.renew_at(LEAF_LIFE);
    assert_eq!(plan(Some(&material), &wanted, now()), Action::Keep { until });
    assert_eq!(plan(Some(&material), &wanted, until), Action::Await(Reason::LeafNearEnd { at: life.ends }));
    let other = names(&[OTHER]);
    let missing = Action::Await(Reason::NameMissing(other[0].clone()));
    assert_eq!(plan(Some(&material), &other, now()), missing);
    assert_eq!(carry_out(&missing, Some(&material), now()), None);
}

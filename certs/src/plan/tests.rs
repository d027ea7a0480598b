use jiff::SignedDuration;

use super::*;
use crate::issue::{AUTHORITY_LIFE, LEAF_LIFE, carry_out, issue_all};
use crate::testing::{NAME, names, now, without_authority};

const OTHER: &str = "10.0.0.7";

fn made() -> KeyMaterial {
    issue_all(&names(&[NAME]), now()).unwrap()
}

fn leaf_of(action: Action, material: &KeyMaterial, at: Timestamp) -> KeyMaterial {
    carry_out(&action, Some(material), at).unwrap().unwrap()
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
    let until = material.leaf.life().renew_at();
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
    let at = material.leaf.life().renew_at();

    let renewed = leaf_of(plan(Some(&material), &wanted, at), &material, at);

    assert_eq!(renewed.bundle, material.bundle);
    assert_eq!(renewed.authority, material.authority);
    assert_ne!(renewed.leaf, material.leaf);
    let until = renewed.leaf.life().renew_at();
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
    let until = both.leaf.life().renew_at();
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

#[test]
fn a_leaf_never_outlives_its_authority_and_is_not_renewed_ever_sooner() {
    let material = made();
    let wanted = names(&[NAME]);
    let end = now() + AUTHORITY_LIFE;
    let late = end - SignedDuration::from_hours(24 * 30);

    let last = leaf_of(plan(Some(&material), &wanted, late), &material, late);
    assert_eq!(last.leaf.life().ends, end);
    let near = end - SignedDuration::from_secs(1);
    assert_eq!(plan(Some(&last), &wanted, near), Action::Keep { until: end });
    let expected = Action::IssueAll { why: Reason::AuthorityEnded { at: end }, names: wanted.clone() };
    assert_eq!(plan(Some(&last), &wanted, end), expected);
}

#[test]
fn a_clock_that_is_behind_replaces_nothing() {
    let material = made();
    let behind = now() - SignedDuration::from_hours(24 * 365);
    let expected = Action::Keep { until: material.leaf.life().starts };
    assert_eq!(plan(Some(&material), &names(&[NAME]), behind), expected);

    let later = material.leaf.life().renew_at();
    let wanted = names(&[NAME]);
    let renewed = leaf_of(plan(Some(&material), &wanted, later), &material, later);
    let expected = Action::Keep { until: renewed.leaf.life().starts };
    assert_eq!(plan(Some(&renewed), &wanted, now()), expected);
}

#[test]
fn what_someone_else_issues_is_kept_and_awaited() {
    let material = without_authority(made());
    let wanted = names(&[NAME]);
    let life = material.leaf.life();

    let until = life.renew_at();
    assert_eq!(plan(Some(&material), &wanted, now()), Action::Keep { until });
    assert_eq!(plan(Some(&material), &wanted, until), Action::Await(Reason::LeafNearEnd { at: life.ends }));
    let other = names(&[OTHER]);
    let missing = Action::Await(Reason::NameMissing(other[0].clone()));
    assert_eq!(plan(Some(&material), &other, now()), missing);
    assert_eq!(carry_out(&missing, Some(&material), now()).unwrap(), None);
}

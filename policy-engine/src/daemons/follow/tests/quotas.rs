//! ResourceQuotas.

use jiff::Timestamp;

use crate::policy::Records;
use crate::policy::namespace_quota::NamespaceQuota;
use crate::policy::plan::Validity;
use crate::policy::project::Project;
use crate::policy::quota::Quota;

use super::super::action::QUOTA_NAME;
use super::super::view::{ResourceQuota, Unreadable};
use super::*;

const PODS: &str = "count/pods";

/// The project `nlp` with the plan `gold`, which limits Pods to so many in each namespace.
fn with_plan(namespaces: &[&str], pods: Option<u64>, validity: Validity) -> Policy {
    let nlp = Project { plan: Some("gold".into()), ..project("nlp", namespaces) };
    let mut records: Records = policy([nlp]).records().clone();
    let mut gold = plan_record("gold", Quota::default(), validity);
    gold.namespace_quota = NamespaceQuota(pods.map(|pods| (PODS.to_owned(), pods)).into_iter().collect());
    records.plans.insert("gold".into(), gold);
    Policy::from(records)
}

fn limits(view: &View, namespace: &str) -> Option<u64> {
    let found = view.resource_quotas.get(&(namespace.to_owned(), QUOTA_NAME.to_owned()))?;
    found.hard.as_ref()?.0.get(PODS).copied()
}

#[test]
fn every_namespace_of_the_project_has_what_its_plan_says_and_no_other() {
    let gold = with_plan(&["nlp", "nlp-2"], Some(2), Validity::default());
    let made = settled(view(), &gold);
    assert_eq!((limits(&made, "nlp"), limits(&made, "nlp-2")), (Some(2), Some(2)));
    assert!(actions(&made, &gold).is_empty());

    let more = with_plan(&["nlp", "nlp-2"], Some(3), Validity::default());
    let says = |it: &str| format!("write resourcequota sluice-plan in namespace {it} as plan gold says");
    assert_eq!(actions(&made, &more), [says("nlp"), says("nlp-2")]);
    assert_eq!(limits(&settled(made.clone(), &more), "nlp"), Some(3));

    let less = with_plan(&["nlp"], Some(2), Validity::default());
    let left = plan(&made, &less).actions;
    assert_eq!(
        left[0].to_string(),
        "delete resourcequota sluice-plan in namespace nlp-2: the namespace is not bound to a project"
    );
    assert!(matches!(left[1], Action::RemoveLabel { .. }), "limits go first");
}

#[test]
fn without_a_plan_in_force_there_are_no_limits() {
    let made = settled(view(), &with_plan(&["nlp"], Some(2), Validity::default()));
    let gone = [
        "delete resourcequota sluice-plan in namespace nlp: no plan in force limits what a namespace holds, or the rule quota is not enforced",
    ];
    let over = Validity { until: Some(Timestamp::UNIX_EPOCH), ..Validity::default() };
    assert_eq!(actions(&made, &with_plan(&["nlp"], Some(2), over)), gone);
    assert_eq!(actions(&made, &with_plan(&["nlp"], None, Validity::default())), gone);
    assert_eq!(actions(&made, &policy([project("nlp", &["nlp"])])), gone);
    let mut records = with_plan(&["nlp"], Some(2), Validity::default()).records().clone();
    records.platform.rule_modes.insert(RuleId::Quota, RuleMode::Warn);
    assert_eq!(actions(&made, &Policy::from(records)), gone, "a rule that only warns limits nothing by another way");
}

#[test]
fn limits_that_somebody_changed_are_put_back() {
    let gold = with_plan(&["nlp"], Some(2), Validity::default());
    let made = settled(view(), &gold);
    let key = ("nlp".to_owned(), QUOTA_NAME.to_owned());
    let write = "write resourcequota sluice-plan in namespace nlp as plan gold says";

    let deleted = View { resource_quotas: Default::default(), ..made.clone() };
    assert_eq!(actions(&deleted, &gold), [write]);

    let mut raised = made.clone();
    raised.resource_quotas.get_mut(&key).expect("made").hard = Some(NamespaceQuota([(PODS.to_owned(), 9)].into()));
    assert_eq!(actions(&raised, &gold), [write]);

    let mut scoped = made.clone();
    scoped.resource_quotas.get_mut(&key).expect("made").hard = None;
    assert_eq!(
        actions(&scoped, &gold),
        ["delete resourcequota sluice-plan in namespace nlp: it does not limit everything in the namespace", write]
    );

    let mut stray = made;
    let copy: ResourceQuota = stray.resource_quotas[&key].clone();
    stray.resource_quotas.insert(("nlp".into(), "other".into()), copy);
    assert_eq!(
        actions(&stray, &gold),
        ["delete resourcequota other in namespace nlp: the platform keeps no resourcequota of this name"]
    );
}

#[test]
fn limits_stay_while_the_plan_cannot_be_read() {
    let made = settled(view(), &with_plan(&["nlp"], Some(2), Validity::default()));
    let unreadable = Unreadable { plans: ["gold".into()].into(), ..Unreadable::default() };
    let view = View { unreadable, ..made };
    let mut records = policy([Project { plan: Some("gold".into()), ..project("nlp", &["nlp"]) }]).records().clone();
    records.plans.clear();
    let policy = Policy::from(records);
    assert!(actions(&view, &policy).is_empty());
    assert_eq!(
        sentences(&view, &policy),
        ["the resourcequotas of project nlp are left as they are: the record of plan gold cannot be read"]
    );
}

#[test]
fn the_audit_deletes_no_quota_of_others() {
    let delete = Action::DeleteResourceQuota {
        namespace: "nlp".into(),
        name: "theirs".into(),
        seen: seen("rq"),
        because: super::super::action::Surplus::UnknownName,
    };
    let one = Plan { actions: vec![delete.clone()], ..Plan::default() };
    assert_eq!(audit(&view(), &policy([]), &one), Err(Violation::NotOurs(delete.into())));
}

use jiff::civil::time;

use super::audit::{Violation, audit};
use super::*;
use crate::daemons::follow::testing;
use crate::policy::Records;
use crate::policy::ids::ProjectId;
use crate::policy::names::PlanName;
use crate::policy::plan::Validity;
use crate::policy::queue::{DEFAULT_QUEUE, Queue};
use crate::policy::quota::Quota;
use crate::policy::rule_id::RuleId;
use crate::policy::window::{Day, Schedule, Weekly, Window};

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

/// Queue `night` is open from 20:00 to 08:00 in Berlin, `batch` always; the plan binds them, and not `other`.
pub(super) fn policy(change: impl FnOnce(&mut Records)) -> Policy {
    let mut project = testing::project("nlp", &["nlp"]);
    project.plan = Some("gold".into());
    let mut records = testing::policy([project]).records().clone();
    let mut plan = testing::plan_record("gold", Quota::default(), Validity::default());
    plan.queues = ["night".into(), "batch".into()].into();
    records.plans.insert("gold".into(), plan);
    let nightly = Weekly { days: Day::ALL.into(), start: time(20, 0, 0, 0), end: time(8, 0, 0, 0) };
    let night = Schedule { time_zone: "Europe/Berlin".into(), windows: vec![Window::Weekly(nightly)] };
    let queue = |name: &str, schedule| Queue { name: name.into(), id: name.into(), schedule, ..Queue::fallback() };
    let queues = [("night", Some(night.clone())), ("batch", None), ("other", Some(night)), (DEFAULT_QUEUE, None)];
    records.queues = queues.into_iter().map(|(name, schedule)| (name.into(), queue(name, schedule))).collect();
    change(&mut records);
    Policy::from(records)
}

pub(super) fn running(name: &str, queue: &str, closes_at: Option<&str>) -> QueuedPod {
    QueuedPod {
        pod: PodName { namespace: "nlp".into(), name: name.into() },
        uid: format!("uid-{name}"),
        since: at("2026-11-22T20:00:00Z"),
        queue: queue.into(),
        closes_at: closes_at.map(Into::into),
        eviction_reason: None,
        grace_seconds: 30,
    }
}

pub(super) fn view(pods: Vec<QueuedPod>) -> View {
    let bindings = [("nlp", "id-nlp"), ("monitoring", "id-nlp"), ("lost", "id-lost")];
    let bindings = bindings.map(|(namespace, id)| (namespace.into(), ProjectId::new(id))).into();
    let plans = [PlanName::new("gold")].into();
    View { own_namespace: "sluice-system".into(), bindings, plans, pods, tried: BTreeMap::new() }
}

pub(super) fn planned(view: &View, policy: &Policy, now: Timestamp) -> Plan {
    let plan = plan(view, policy, now);
    assert_eq!(audit(view, policy, &plan, now), Ok(()));
    plan
}

fn said(pods: Vec<QueuedPod>, policy: &Policy, now: &str) -> (Vec<String>, Option<Timestamp>) {
    let plan = planned(&view(pods), policy, at(now));
    let notes = plan.notes.iter().map(ToString::to_string);
    let rest = plan.evictions.iter().map(ToString::to_string).chain(plan.spared.iter().map(ToString::to_string));
    (notes.chain(rest).collect(), plan.again_at)
}

/// When queue `night` closes.
const CLOSES: &str = "2026-11-23T07:00:00Z";
const DUE: &str = "2026-11-23T07:05:00Z";

fn mode(mode: RuleMode) -> impl FnOnce(&mut Records) {
    move |records| {
        records.platform.rule_modes.insert(RuleId::PlanWindow, mode);
    }
}

#[test]
fn a_pod_is_told_a_quarter_of_an_hour_before_and_evicted_after_the_grace() {
    let policy = policy(|_| {});
    let night = |told| vec![running("p", "night", told)];
    let warned = at("2026-11-23T06:45:00Z");
    assert_eq!(said(night(None), &policy, "2026-11-23T06:44:59Z"), (vec![], Some(warned)));
    let closes = "queue night closes at Mon 2026-11-23 08:00 Europe/Berlin (UTC+01:00); pod nlp/p is evicted at Mon 2026-11-23 08:05 \
                  Europe/Berlin (UTC+01:00); save your work, or move the Pod to queue default (annotation \
                  platform-go/switch-queue)";
    assert_eq!(said(night(None), &policy, "2026-11-23T06:45:00Z"), (vec![closes.into()], Some(at(CLOSES))));
    assert_eq!(said(night(Some(CLOSES)), &policy, "2026-11-23T06:50:00Z"), (vec![], Some(at(CLOSES))));
    assert_eq!(said(night(Some(CLOSES)), &policy, "2026-11-23T07:04:59.9Z"), (vec![], Some(at(DUE))));
    let evict = "Plan window expired: evict pod nlp/p: its queue night is closed since Mon 2026-11-23 07:00 UTC";
    assert_eq!(said(night(Some(CLOSES)), &policy, DUE), (vec![evict.into()], None));
}

/// The plan's windows count beside the queue's own: whichever closes first closes the queue.
#[test]
fn a_queue_closes_with_the_first_of_its_windows_and_the_plans() {
    let until = |closes: &'static str| {
        policy(move |records| {
            let early = Window::Once { from: at("2026-11-22T00:00:00Z"), until: at(closes) };
            let schedule = Schedule { time_zone: "UTC".into(), windows: vec![early] };
            records.plans.get_mut("gold").expect("the plan").schedule = Some(schedule);
        })
    };
    let closes = |policy: &Policy, queue| {
        let plan = planned(&view(vec![running("p", queue, None)]), policy, at("2026-11-23T05:50:00Z"));
        plan.notes.first().and_then(|note| note.closing.clone()).map(|closing| closing.at).or(plan.again_at)
    };
    let early = until("2026-11-23T06:00:00Z");
    assert_eq!(closes(&early, "night"), Some(at("2026-11-23T06:00:00Z")), "with the plan's");
    assert_eq!(closes(&until("2026-11-24T00:00:00Z"), "night"), Some(at("2026-11-23T06:45:00Z")), "with its own");
    assert_eq!(closes(&early, "batch"), Some(at("2026-11-23T06:00:00Z")), "it has none of its own");
}

#[test]
fn who_was_not_told_has_the_whole_grace_from_when_it_is_seen() {
    let policy = policy(|_| {});
    let plan = planned(&view(vec![running("p", "night", None)]), &policy, at("2026-11-23T12:00:00.7Z"));
    let closing = plan.notes[0].closing.clone().expect("it is told");
    assert_eq!((closing.at, closing.evicted_at), (at("2026-11-23T12:00:00Z"), at("2026-11-23T12:05:00Z")));
    assert_eq!((closing.closed, plan.evictions.len()), (Some(Reason::WindowExpired), 0));
}

#[test]
fn windows_that_change_take_the_announcement_with_them() {
    let night = |told| vec![running("p", "night", Some(told))];
    let notes = |pods, policy: &Policy, now| {
        let plan = planned(&view(pods), policy, at(now));
        assert_eq!(plan.evictions, []);
        plan.notes.into_iter().map(|note| note.closing.map(|closing| closing.at)).collect::<Vec<_>>()
    };
    let open = policy(|records| records.queues.get_mut("night").expect("it").schedule = None);
    assert_eq!(notes(night(CLOSES), &open, "2026-11-23T06:50:00Z"), [None], "it does not close any more");
    assert_eq!(notes(night(CLOSES), &open, DUE), [None], "it was opened within the grace");
    let usual = policy(|_| {});
    assert_eq!(notes(night("2026-11-23T06:55:00Z"), &usual, "2026-11-23T06:50:00Z"), [Some(at(CLOSES))]);
    // It was open in between, while nobody looked.
    assert_eq!(notes(night("2026-11-22T07:00:00Z"), &usual, "2026-11-23T07:01:00Z"), [Some(at(CLOSES))]);
    let elsewhere = vec![running("p", DEFAULT_QUEUE, Some(CLOSES))];
    assert_eq!(notes(elsewhere, &usual, DUE), [None], "it is in default by now");
    let mut blocked = running("p", "night", Some(CLOSES));
    blocked.eviction_reason = Some("Plan window expired".into());
    assert_eq!(notes(vec![blocked], &open, DUE), [None], "the reason goes, too");
    assert_eq!(notes(vec![running("p", "night", Some("soon"))], &usual, "2026-11-23T00:00:00Z"), [None]);
}

#[test]
fn the_reason_says_what_has_ended() {
    let reason = |change: fn(&mut Records)| {
        let plan = planned(&view(vec![running("p", "night", Some(CLOSES))]), &policy(change), at(DUE));
        plan.evictions.iter().map(|eviction| eviction.reason.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(reason(|_| {}), ["Plan window expired"]);
    assert_eq!(
        reason(|records| records.projects.values_mut().for_each(|it| it.plan = None)),
        ["No active resource plan"]
    );
    let ended = |records: &mut Records| records.plans.get_mut("gold").expect("it").validity.until = Some(at(CLOSES));
    assert_eq!(reason(ended), ["Plan validity period expired"]);
    let later = |records: &mut Records| {
        records.plans.get_mut("gold").expect("it").validity.from = Some(at("2027-01-01T00:00:00Z"))
    };
    assert_eq!(reason(later), ["No active resource plan"]);
}

#[test]
fn who_is_left_alone() {
    let untouched = |pod: QueuedPod, change: fn(&mut Records)| said(vec![pod], &policy(change), DUE).0;
    let night = || running("p", "night", None);
    assert_eq!(untouched(running("p", DEFAULT_QUEUE, None), |_| {}), Vec::<String>::new());
    assert_eq!(untouched(running("p", "batch", None), |_| {}), Vec::<String>::new(), "it is always open");
    assert_eq!(untouched(running("p", "other", None), |_| {}), Vec::<String>::new(), "the plan does not bind it");
    assert_eq!(untouched(running("p", "gone", None), |_| {}), Vec::<String>::new(), "there is no such queue");
    let unreadable = |records: &mut Records| records.plans.clear();
    assert_eq!(untouched(night(), unreadable), Vec::<String>::new(), "the plan is there, and cannot be read");
    for namespace in ["monitoring", "sluice-system", "kube-system", "lost", "free"] {
        let mut pod = running("p", "night", Some(CLOSES));
        pod.pod.namespace = namespace.into();
        assert_eq!(untouched(pod, |_| {}), Vec::<String>::new(), "{namespace} is left alone");
    }
}

#[test]
fn where_the_rule_warns_nobody_is_evicted_and_it_is_said() {
    let night = |told| vec![running("p", "night", told)];
    let goes_on = "Plan window expired: queue night is closed, and pod nlp/p would be evicted; it goes on, because the rule plan-window \
                   is not enforced in project nlp";
    assert_eq!(said(night(None), &policy(mode(RuleMode::Warn)), DUE), (vec![goes_on.into()], None));
    let open = said(night(None), &policy(mode(RuleMode::Warn)), "2026-11-23T06:50:00Z");
    assert_eq!(open, (vec![], Some(at(CLOSES))), "it is said when it closes");
    let told = said(night(Some(CLOSES)), &policy(mode(RuleMode::Warn)), DUE).0;
    assert_eq!(told[0], "what was announced no longer holds: pod nlp/p is not evicted from queue night");
    assert_eq!(said(night(None), &policy(mode(RuleMode::Off)), DUE), (vec![], None));
}

#[test]
fn a_budget_is_heeded_for_its_time_and_asked_before_any_deletion() {
    let policy = policy(|_| {});
    let tried = |is_blocked, reason: Option<&str>, not_before: &str, now: &str| {
        let mut pod = running("p", "night", Some(CLOSES));
        pod.eviction_reason = reason.map(Into::into);
        let mut view = view(vec![pod]);
        view.tried.insert("uid-p".into(), Tried { not_before: at(not_before), is_blocked });
        let plan = planned(&view, &policy, at(now));
        let forced: Vec<_> = plan.evictions.iter().map(|eviction| eviction.is_forced).collect();
        (forced, plan.spared.iter().map(ToString::to_string).collect::<Vec<_>>(), plan.again_at)
    };
    let why = Some("Plan window expired");
    let says = "Plan window expired: a PodDisruptionBudget does not let pod nlp/p of the closed queue night be evicted; it is tried again, and \
                the Pod is deleted after Mon 2026-11-23 07:15 UTC whatever the budget says";
    let (next, forced_at) = ("2026-11-23T07:06:00Z", "2026-11-23T07:15:00Z");
    assert_eq!(tried(true, why, next, DUE), (vec![], vec![says.into()], Some(at(next))));
    assert_eq!(tried(true, why, next, next), (vec![false], vec![says.into()], None));
    assert_eq!(tried(true, why, next, forced_at), (vec![true], vec![says.into()], None));
    assert_eq!(
        tried(false, None, next, forced_at),
        (vec![false], vec![], None),
        "who was never tried is evicted first"
    );
}

#[test]
fn a_cycle_has_an_end() {
    let policy = policy(|_| {});
    let many = |told| (0..=MAX_STEPS).map(|at| running(&format!("p{at:03}"), "night", told)).collect();
    let told = planned(&view(many(None)), &policy, at(DUE));
    assert_eq!((told.notes.len(), told.cut_short), (MAX_STEPS, true));
    let evicted = planned(&view(many(Some(CLOSES))), &policy, at(DUE));
    assert_eq!((evicted.evictions.len(), evicted.cut_short), (MAX_STEPS, true));
}

#[test]
fn the_audit_stops_what_the_plan_must_not_contain() {
    let usual = policy(|_| {});
    let eviction = |pod: &QueuedPod| Eviction {
        pod: pod.pod.clone(),
        uid: pod.uid.clone(),
        queue: pod.queue.clone(),
        reason: Reason::WindowExpired,
        closed_at: at(CLOSES),
        grace_seconds: 30,
        is_forced: false,
    };
    let refused = |pod: QueuedPod, policy: &Policy, now: &str, change: fn(&mut Eviction)| {
        let mut eviction = eviction(&pod);
        change(&mut eviction);
        let plan = Plan { evictions: vec![eviction], ..Plan::default() };
        audit(&view(vec![pod]), policy, &plan, at(now)).expect_err("a violation")
    };
    let night = |told| running("p", "night", told);
    let told = Some(CLOSES);
    assert!(matches!(refused(running("p", DEFAULT_QUEUE, told), &usual, DUE, |_| {}), Violation::Default(_)));
    assert!(matches!(refused(night(None), &usual, DUE, |_| {}), Violation::Early(_)));
    assert!(matches!(refused(night(told), &usual, "2026-11-23T07:04:59Z", |_| {}), Violation::Early(_)));
    assert!(matches!(refused(night(told), &usual, DUE, |it| it.is_forced = true), Violation::Early(_)));
    assert!(matches!(refused(night(told), &usual, "2026-11-23T20:00:00Z", |_| {}), Violation::Open(_)));
    let day_before = Some("2026-11-22T07:00:00Z");
    assert!(matches!(refused(night(day_before), &usual, "2026-11-23T07:01:00Z", |_| {}), Violation::Open(_)));
    assert!(matches!(refused(running("p", "other", told), &usual, DUE, |_| {}), Violation::Open(_)));
    assert!(matches!(refused(night(told), &usual, DUE, |it| it.uid = "another".into()), Violation::Unseen(_)));
    let warn = policy(mode(RuleMode::Warn));
    assert!(matches!(refused(night(told), &warn, DUE, |_| {}), Violation::NotEnforced(_)));
    let mut exempt = night(told);
    exempt.pod.namespace = "monitoring".into();
    assert!(matches!(refused(exempt, &usual, DUE, |_| {}), Violation::Ungoverned(_)));
}

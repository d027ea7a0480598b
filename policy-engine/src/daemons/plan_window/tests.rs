use std::collections::BTreeSet;

use jiff::SignedDuration;
use jiff::civil::time;

use super::audit::{Violation, audit};
use super::*;
use crate::daemons::follow::testing;
use crate::policy::ids::ProjectId;
use crate::policy::modes::RuleMode;
use crate::policy::plan::Validity;
use crate::policy::queue::Queue;
use crate::policy::quota::Quota;
use crate::policy::rule_id::RuleId;
use crate::policy::window::{Day, Schedule, Weekly, Window};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn policy(change: impl FnOnce(&mut crate::policy::Records)) -> Policy {
    let mut project = testing::project("nlp", &["nlp"]);
    project.plan = Some("gold".into());
    let mut records = testing::policy([project]).records().clone();
    let mut plan = testing::plan_record("gold", Quota::default(), Validity::default());
    plan.queues = ["night".into(), "batch".into()].into();
    records.plans.insert("gold".into(), plan);
    let nightly = Weekly { days: Day::ALL.into(), start: time(20, 0, 0, 0), end: time(8, 0, 0, 0) };
    let night = Schedule { time_zone: "Europe/Berlin".into(), windows: vec![Window::Weekly(nightly)] };
    let queue = |name: &str, schedule| Queue { name: name.into(), id: name.into(), schedule, ..Queue::fallback() };
    records.queues = [("night", Some(night)), ("batch", None), ("other", None)]
        .into_iter()
        .map(|(name, schedule)| (name.into(), queue(name, schedule)))
        .collect();
    change(&mut records);
    Policy::from(records)
}

fn waiting(namespace: &str, name: &str, queue: &str, minutes: i64) -> GatedPod {
    GatedPod {
        pod: PodName { namespace: namespace.into(), name: name.into() },
        seen: Seen { uid: format!("uid-{name}"), resource_version: "1".into() },
        since: at("2026-11-23T00:00:00Z") + SignedDuration::from_mins(minutes),
        queue: Some(queue.into()),
        starts_at: None,
        controller: None,
    }
}

fn of_workload(pod: GatedPod, name: &str) -> GatedPod {
    let text = |text: &str| text.to_owned();
    let controller = Controller {
        api_version: text("apps/v1"),
        kind: text("ReplicaSet"),
        name: text(name),
        uid: format!("u-{name}"),
    };
    GatedPod { controller: Some(controller), ..pod }
}

fn told(pod: GatedPod, at: &str) -> GatedPod {
    GatedPod { starts_at: Some(at.into()), ..pod }
}

fn notes(plan: &Plan) -> Vec<String> {
    plan.notes.iter().map(|note| note.says(true)).collect()
}

fn view(pods: Vec<GatedPod>) -> View {
    let bindings = [("nlp", "id-nlp"), ("monitoring", "id-nlp"), ("lost", "id-lost")];
    let bindings = bindings.map(|(namespace, id)| (namespace.into(), ProjectId::new(id))).into();
    View { own_namespace: "sluice-system".into(), bindings, pods, without_room: BTreeSet::new() }
}

const NOON: &str = "2026-11-23T11:00:00Z";
const NIGHT: &str = "2026-11-23T19:00:00Z";

fn said(plan: &Plan) -> Vec<String> {
    plan.releases.iter().map(ToString::to_string).chain(plan.spared.iter().map(|it| it.says(true))).collect()
}

fn planned(pods: Vec<GatedPod>, policy: &Policy, now: &str) -> Plan {
    let view = view(pods);
    let plan = plan(&view, policy, at(now));
    assert_eq!(audit(&view, policy, &plan, at(now)), Ok(()));
    plan
}

#[test]
fn who_has_waited_longest_starts_first_and_only_when_the_queue_opens() {
    let pods =
        || vec![waiting("nlp", "b", "night", 2), waiting("nlp", "a", "night", 3), waiting("nlp", "c", "night", 1)];
    let policy = policy(|_| {});
    let closed = planned(pods(), &policy, NOON);
    assert_eq!((said(&closed), closed.opens), (Vec::new(), Some(at(NIGHT))));
    let open = planned(pods(), &policy, NIGHT);
    let because = |name| format!("let pod nlp/{name} start: queue night is open");
    assert_eq!((said(&open), open.opens), (["c", "b", "a"].map(because).into(), None));
}

#[test]
fn a_gate_that_means_nothing_is_taken_away() {
    let start = |queue: &str, namespace: &str, change: fn(&mut crate::policy::Records)| {
        said(&planned(vec![waiting(namespace, "p", queue, 0)], &policy(change), NOON)).join("|")
    };
    assert_eq!(start("default", "nlp", |_| {}), "let pod nlp/p start: it is in queue default");
    assert_eq!(start("batch", "nlp", |_| {}), "let pod nlp/p start: queue batch is open");
    assert_eq!(start("night", "free", |_| {}), "let pod free/p start: its namespace is no project's");
    let not_enforced = "let pod nlp/p start: the rule plan-window is not enforced in project nlp";
    let off = |records: &mut crate::policy::Records| {
        records.platform.rule_modes.insert(RuleId::PlanWindow, RuleMode::Off);
    };
    assert_eq!(start("night", "nlp", off), not_enforced);
    let warn = |records: &mut crate::policy::Records| {
        records.platform.rule_modes.insert(RuleId::PlanWindow, RuleMode::Warn);
    };
    assert_eq!(start("night", "nlp", warn), not_enforced);
    for namespace in ["monitoring", "sluice-system", "kube-system", "lost"] {
        assert_eq!(start("default", namespace, |_| {}), "", "{namespace} is left alone");
    }
}

#[test]
fn what_waits_in_vain_is_said() {
    let vain = |queue: &str, change: fn(&mut crate::policy::Records)| {
        said(&planned(vec![waiting("nlp", "p", queue, 0)], &policy(change), NOON)).join("|")
    };
    let what = "; move it to queue default (annotation platform-go/switch-queue), or ask an admin";
    assert_eq!(vain("other", |_| {}), format!("pod nlp/p waits in vain: plan gold does not bind queue other{what}"));
    assert_eq!(vain("gone", |_| {}), format!("pod nlp/p waits in vain: plan gold does not bind queue gone{what}"));
    let ended = |records: &mut crate::policy::Records| {
        records.plans.get_mut("gold").expect("the plan").validity.until = Some(at(NOON));
    };
    assert_eq!(vain("night", ended), format!("pod nlp/p waits in vain: project nlp has no plan in force{what}"));
    let ends = |records: &mut crate::policy::Records| {
        records.plans.get_mut("gold").expect("the plan").validity.until = Some(at("2026-11-23T12:00:00Z"));
    };
    assert_eq!(vain("night", ends), format!("pod nlp/p waits in vain: queue night does not open again{what}"));
    let begins = |records: &mut crate::policy::Records| {
        records.plans.get_mut("gold").expect("the plan").validity.from = Some(at(NIGHT));
    };
    let later = planned(vec![waiting("nlp", "p", "night", 0)], &policy(begins), NOON);
    assert_eq!((said(&later), later.opens), (Vec::new(), Some(at(NIGHT))));
}

#[test]
fn those_that_wait_in_vain_are_counted_by_what_has_to_be_mended() {
    let pods =
        || vec![waiting("nlp", "p", "night", 0), waiting("nlp", "q", "night", 0), waiting("nlp", "r", "other", 0)];
    let stranded = |change: fn(&mut crate::policy::Records)| {
        planned(pods(), &policy(change), NOON).stranded.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let not_bound = "plan gold does not bind queue other, and 1 Pod waits for it in vain: 1 of project nlp; add the queue to spec.queues of the plan, or have those that queue default takes moved there (sluice switch-queue)";
    assert_eq!(stranded(|_| {}), [not_bound], "night opens again");
    let closed = stranded(|records| {
        let once = Window::Once { from: at("2026-11-01T00:00:00Z"), until: at("2026-11-02T00:00:00Z") };
        let schedule = Schedule { time_zone: "UTC".into(), windows: vec![once] };
        records.plans.get_mut("gold").expect("the plan").schedule = Some(schedule);
    });
    let begins =
        "plan gold does not open queue night again, and 2 Pods wait for it in vain: 2 of project nlp; write a window";
    assert!(closed.len() == 2 && closed[1].starts_with(begins), "{closed:?}");
    let ended = stranded(|records| {
        records.plans.get_mut("gold").expect("the plan").validity.until = Some(at(NOON));
    });
    assert!(
        ended.len() == 1 && ended[0].starts_with("plan gold has ended, and 3 Pods wait for it in vain"),
        "{ended:?}"
    );
    let without = stranded(|records| {
        records.projects.values_mut().for_each(|project| project.plan = None);
    });
    assert!(without.len() == 1 && without[0].starts_with("project nlp has no plan, and 3 Pods wait"), "{without:?}");
}

#[test]
fn a_cycle_releases_so_many_and_the_next_the_rest() {
    let count = i64::try_from(MAX_RELEASES).expect("not many") + 1;
    let pods = (0..count).map(|index| waiting("nlp", &format!("p{index}"), "batch", index)).collect();
    let plan = planned(pods, &policy(|_| {}), NOON);
    assert!(plan.cut_short && plan.releases.len() == MAX_RELEASES);
    assert_eq!(plan.releases[0].pod.name, "p0");
}

#[test]
fn who_found_no_room_is_looked_at_again_when_everybody_was() {
    let count = MAX_RELEASES + 1;
    let pods: Vec<_> = (0..count).map(|index| waiting("nlp", &format!("p{index}"), "batch", 0)).collect();
    let mut view = view(pods);
    let first = plan(&view, &policy(|_| {}), at(NOON));
    assert!(first.releases_cut_short);
    view.without_room = first.releases.into_iter().map(|release| release.seen.uid).collect();
    let second = plan(&view, &policy(|_| {}), at(NOON));
    assert!(!second.cut_short && second.releases.len() == 1, "{:?}", second.releases);
    assert!(!view.without_room.contains(&second.releases[0].seen.uid));
}

#[test]
fn the_audit_stops_what_the_plan_must_not_contain() {
    let policy = policy(|_| {});
    let view = view(vec![waiting("nlp", "p", "night", 0), waiting("monitoring", "m", "night", 0)]);
    let release = |namespace: &str, name: &str, because| Release {
        pod: PodName { namespace: namespace.into(), name: name.into() },
        seen: Seen { uid: format!("uid-{name}"), resource_version: "1".into() },
        is_told: false,
        because,
    };
    let audit = |release: Release| {
        audit(&view, &policy, &Plan { releases: vec![release], ..Plan::default() }, at(NOON)).expect_err("a violation")
    };
    assert!(matches!(audit(release("nlp", "p", Because::Open("night".into()))), Violation::Closed(_)));
    assert!(matches!(audit(release("nlp", "p", Because::Ungoverned)), Violation::Closed(_)));
    assert!(matches!(audit(release("nlp", "q", Because::Default)), Violation::Unseen(_)));
    assert!(matches!(audit(release("monitoring", "m", Because::Default)), Violation::Exempt(_)));
    let note = |namespace: &str, name: &str, at: &str| {
        let pod = PodName { namespace: namespace.into(), name: name.into() };
        let starts = Some(Start { at: self::at(at), why: String::new() });
        let note = Note { pod, uid: format!("uid-{name}"), starts };
        super::audit::audit(&view, &policy, &Plan { notes: vec![note], ..Plan::default() }, self::at(NOON))
    };
    assert_eq!(note("nlp", "p", NIGHT), Ok(()));
    assert!(matches!(note("nlp", "p", "2026-11-23T18:59:59Z"), Err(Violation::Untrue(_))), "it is not open then");
    assert!(matches!(note("nlp", "p", "2026-11-23T06:00:00Z"), Err(Violation::Untrue(_))), "that is over");
    assert!(matches!(note("nlp", "q", NIGHT), Err(Violation::NotWaiting(_))));
    assert!(matches!(note("monitoring", "m", NIGHT), Err(Violation::NotWaiting(_))));
}

#[test]
fn what_waits_says_when_it_starts_and_says_so_once() {
    let policy = policy(|_| {});
    let plan = planned(vec![waiting("nlp", "p", "night", 0)], &policy, NOON);
    let says = "pod nlp/p waits: queue night is closed until Mon 2026-11-23 20:00 Europe/Berlin (UTC+01:00), by its own windows; \
                it starts then, as far as there is room; to run it now, move it to queue default (annotation \
                platform-go/switch-queue)";
    assert_eq!(notes(&plan), [says]);
    let again = planned(vec![told(waiting("nlp", "p", "night", 0), NIGHT)], &policy, NOON);
    assert_eq!(notes(&again), [""; 0]);
    let other = planned(vec![told(waiting("nlp", "p", "night", 0), "2026-11-23T20:00:00Z")], &policy, NOON);
    assert_eq!(other.notes[0].starts.as_ref().map(|start| start.at), Some(at(NIGHT)), "it is kept true");
    let vain = planned(vec![told(waiting("nlp", "p", "other", 0), NIGHT)], &policy, NOON);
    assert_eq!(notes(&vain), ["no time is known any more at which pod nlp/p starts"]);
    let open = planned(vec![told(waiting("nlp", "p", "batch", 0), NIGHT)], &policy, NOON);
    assert!(open.notes.is_empty() && open.releases[0].is_told, "who takes off its gate takes that off, too");
}

/// The plan's windows count beside the queue's own.
#[test]
fn what_waits_for_two_windows_starts_when_both_are_open() {
    let policy = policy(|records| {
        let late = Window::Once { from: at("2026-11-23T21:00:00Z"), until: at("2026-11-23T22:00:00Z") };
        let schedule = Schedule { time_zone: "UTC".into(), windows: vec![late] };
        records.plans.get_mut("gold").expect("the plan").schedule = Some(schedule);
    });
    let plan = planned(vec![waiting("nlp", "p", "night", 0)], &policy, NOON);
    let both = "queue night is closed until Mon 2026-11-23 21:00 UTC, by the windows of plan gold and by its own";
    assert!(notes(&plan)[0].contains(both), "{:?}", notes(&plan));
    assert_eq!(plan.opens, Some(at("2026-11-23T21:00:00Z")));
}

#[test]
fn a_workload_is_told_how_many_of_its_pods_wait_when_the_last_of_them_is() {
    let policy = policy(|_| {});
    let pod = |number: i64| of_workload(waiting("nlp", &format!("p{number}"), "night", number), "owls");
    let crowds = |pods| planned(pods, &policy, NOON).crowds.iter().map(ToString::to_string).collect::<Vec<_>>();
    let until = "queue night is closed until Mon 2026-11-23 20:00 Europe/Berlin (UTC+01:00), by its own windows; they start then, \
                 as far as there is room";
    assert_eq!(crowds(vec![pod(0)]), [format!("of ReplicaSet nlp/owls, 1 Pod waits: {until}")]);
    assert_eq!(crowds(vec![told(pod(0), NIGHT)]), [""; 0]);
    let two = [format!("of ReplicaSet nlp/owls, 2 Pods wait: {until}")];
    assert_eq!(crowds(vec![told(pod(0), NIGHT), pod(1)]), two, "it has one more");
    assert_eq!(crowds(vec![waiting("nlp", "alone", "night", 0)]), [""; 0]);
    let many = i64::try_from(MAX_NOTES).expect("not many") + 1;
    let plan = planned((0..many).map(pod).collect(), &policy, NOON);
    assert_eq!(
        (plan.notes.len(), plan.crowds.len(), plan.cut_short),
        (MAX_NOTES, 0, true),
        "it is told in the next cycle"
    );
}

#[test]
fn pods_of_a_queue_of_higher_priority_start_first() {
    let policy = policy(|records| records.queues.get_mut("night").expect("the queue").priority = 7);
    let pods = vec![waiting("nlp", "a", "batch", 0), waiting("nlp", "b", "night", 1), waiting("nlp", "c", "night", 2)];
    let order: Vec<_> = planned(pods, &policy, NIGHT).releases.into_iter().map(|release| release.pod.name).collect();
    assert_eq!(order, ["b", "c", "a"]);
}

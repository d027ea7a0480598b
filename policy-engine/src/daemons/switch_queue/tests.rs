use jiff::civil::time;

use super::audit::{Violation, audit};
use super::*;
use crate::daemons::follow::testing;
use crate::daemons::plan_window::Controller;
use crate::policy::Records;
use crate::policy::ids::ProjectId;
use crate::policy::modes::RuleMode;
use crate::policy::plan::{OutsideWindow, Validity};
use crate::policy::queue::Queue;
use crate::policy::quota::Quota;
use crate::policy::rule_id::RuleId;
use crate::policy::window::{Day, Schedule, Weekly, Window};

const NOON: &str = "2026-11-23T11:00:00Z";
const NIGHT: &str = "2026-11-23T19:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

/// The plan gives `batch`, `research` and `night`, which is open from 20:00 to 08:00 in Berlin; there is `other` besides.
fn policy(change: impl FnOnce(&mut Records)) -> Policy {
    let mut project = testing::project("nlp", &["nlp"]);
    project.plan = Some("gold".into());
    let mut records = testing::policy([project]).records().clone();
    let mut plan = testing::plan_record("gold", Quota::default(), Validity::default());
    plan.queues = ["night".into(), "batch".into(), "research".into()].into();
    records.plans.insert("gold".into(), plan);
    let nightly = Weekly { days: Day::ALL.into(), start: time(20, 0, 0, 0), end: time(8, 0, 0, 0) };
    let night = Schedule { time_zone: "Europe/Berlin".into(), windows: vec![Window::Weekly(nightly)] };
    let queue = |name: &str, schedule| Queue { name: name.into(), id: name.into(), schedule, ..Queue::fallback() };
    let queues = [("night", Some(night)), ("batch", None), ("research", None), ("other", None)];
    records.queues = queues.into_iter().map(|(name, schedule)| (name.into(), queue(name, schedule))).collect();
    if let Some(research) = records.queues.get_mut("research") {
        research.preemptible = false;
    }
    change(&mut records);
    Policy::from(records)
}

fn workload(namespace: &str, queue: &str) -> Workload {
    let text = |text: &str| text.to_owned();
    let named =
        Controller { api_version: text("apps/v1"), kind: text("Deployment"), name: text("web"), uid: text("u-web") };
    Workload { namespace: text(namespace), named, queue: text(queue) }
}

fn pod(name: &str, queue: &str) -> Member {
    Member {
        pod: PodName { namespace: "nlp".into(), name: name.into() },
        seen: Seen { uid: format!("uid-{name}"), resource_version: "1".into() },
        workload: "u-web".into(),
        queue: queue.into(),
        asks: None,
        waits: false,
        has_gpus: false,
        model: None,
        room_made_in: None,
    }
}

fn view(to: &str, pods: Vec<Member>) -> View {
    let bindings = [("nlp", "id-nlp"), ("monitoring", "id-nlp"), ("lost", "id-lost")];
    View {
        own_namespace: "sluice-system".into(),
        bindings: bindings.map(|(namespace, id)| (namespace.into(), ProjectId::new(id))).into(),
        workloads: [("u-web".into(), workload("nlp", to))].into(),
        pods,
    }
}

fn planned(view: &View, policy: &Policy, now: &str) -> Plan {
    let plan = plan(view, policy, at(now));
    assert_eq!(audit(view, policy, &plan, at(now)), Ok(()));
    plan
}

fn said(plan: &Plan) -> Vec<String> {
    plan.moves.iter().map(ToString::to_string).chain(plan.spared.iter().map(ToString::to_string)).collect()
}

#[test]
fn all_pods_of_a_workload_follow_it_once() {
    let policy = policy(|_| {});
    let mut view = view("research", vec![pod("b", "batch"), pod("a", "default"), pod("there", "research")]);
    let plan = planned(&view, &policy, NOON);
    let why = "as Deployment nlp/web was (annotation platform-go/switch-queue)";
    let moves = [
        format!("move pod nlp/a from queue default to research, {why}"),
        format!("move pod nlp/b from queue batch to research, {why}"),
    ];
    assert_eq!(said(&plan), moves);
    assert!(plan.moves.iter().all(|one| !one.preemptible) && plan.crowds.is_empty() && plan.opens.is_none());
    view.pods.iter_mut().for_each(|pod| pod.queue = "research".into());
    assert!(said(&planned(&view, &policy, NOON)).is_empty(), "a plan that was carried out leaves nothing");
}

#[test]
fn a_pod_for_which_others_were_evicted_stays_preemptible_where_it_moves() {
    let made_in = |queue: &str| Member { room_made_in: Some(queue.into()), ..pod(queue, "batch") };
    let view = view("research", vec![pod("a", "batch"), made_in("batch"), made_in("research")]);
    let plan = plan(&view, &policy(|_| {}), at(NOON));
    let says: Vec<_> = plan.moves.iter().map(|one| (one.pod.name.as_str(), one.preemptible)).collect();
    assert_eq!(says, [("a", false), ("batch", true), ("research", false)]);
}

#[test]
fn a_pod_that_runs_enters_no_closed_queue_until_it_opens_and_one_that_waits_does() {
    let policy = policy(|_| {});
    let view = view("night", vec![pod("runs", "batch"), Member { waits: true, ..pod("waits", "batch") }]);
    let plan = planned(&view, &policy, NOON);
    let [moves, stays] = &said(&plan)[..] else { panic!("one moves and one stays: {:?}", said(&plan)) };
    assert!(moves.starts_with("move pod nlp/waits from queue batch to night"), "{moves}");
    let why = "pod nlp/runs stays in queue batch, though Deployment nlp/web was moved to night: queue night is closed";
    assert!(stays.starts_with(why) && stays.ends_with("and this one does when it opens"), "{stays}");
    assert_eq!(plan.opens, Some(at(NIGHT)));
    let [crowd] = &plan.crowds[..] else { panic!("one workload: {:?}", plan.crowds) };
    let says =
        "of Deployment nlp/web, which was moved to queue night, 1 Pod stays where it is: runs: queue night is closed";
    assert!(crowd.to_string().starts_with(says), "{crowd}");
    assert_eq!(planned(&view, &policy, NIGHT).moves.len(), 2, "both, when it is open");
}

#[test]
fn a_plan_that_refuses_pods_outside_of_its_windows_moves_none_there() {
    let policy = policy(|records| {
        if let Some(plan) = records.plans.get_mut("gold") {
            plan.outside_window = OutsideWindow::Deny;
        }
    });
    let view = view("night", vec![Member { waits: true, ..pod("waits", "batch") }]);
    let plan = planned(&view, &policy, NOON);
    assert!(plan.moves.is_empty() && matches!(plan.spared[0].because, Stays::Closed { opens: true, .. }), "{plan:?}");
}

#[test]
fn what_a_plan_does_not_give_is_given_by_no_annotation() {
    let view = |to: &str| view(to, vec![pod("a", "batch")]);
    let because = |to: &str, policy: &Policy| {
        let plan = planned(&view(to), policy, NOON);
        assert!(plan.moves.is_empty(), "{:?}", plan.moves);
        plan.spared[0].because.to_string()
    };
    assert!(because("other", &policy(|_| {})).starts_with("plan gold does not bind that queue; move the workload"));
    assert!(because("lost", &policy(|_| {})).starts_with("there is no such queue"));
    let planless = policy(|records| records.plans.clear());
    assert!(because("research", &planless).starts_with("project nlp has no plan in force, which leaves default"));
    assert_eq!(planned(&view("default"), &planless, NOON).moves.len(), 1, "default is everybody's");
}

#[test]
fn the_annotation_of_a_pod_goes_before_that_of_its_workload() {
    let policy = policy(|_| {});
    let of = |asks: &str| view("research", vec![Member { asks: Some(asks.into()), ..pod("a", "batch") }]);
    let stays = planned(&of("batch"), &policy, NOON);
    assert_eq!((stays.moves.len(), &stays.spared[0].because), (0, &Stays::ByItself));
    // What was asked when the Pod was made has moved nothing.
    assert_eq!(planned(&of("night"), &policy, NOON).moves.len(), 1);
}

#[test]
fn gpus_go_into_no_queue_that_does_not_take_them() {
    let policy = policy(|records| {
        if let Some(research) = records.queues.get_mut("research") {
            research.gpu_models = ["h100".into()].into();
        }
    });
    let with = Member { has_gpus: true, model: Some("rtx-5090".into()), ..pod("with", "batch") };
    let plan = planned(&view("research", vec![with, pod("without", "batch")]), &policy, NOON);
    assert_eq!(plan.moves.iter().map(|one| one.pod.name.as_str()).collect::<Vec<_>>(), ["without"]);
    let says = "its GPUs are of rtx-5090, which queue research does not take; end the Pod to have it made anew there";
    assert_eq!(plan.spared[0].because.to_string(), says);
}

#[test]
fn where_the_rules_only_warn_everything_moves_and_where_they_are_off_nothing() {
    let in_mode = |mode| {
        policy(|records| {
            let modes = &mut records.platform.rule_modes;
            modes.insert(RuleId::Queue, mode);
            modes.insert(RuleId::PlanWindow, mode);
        })
    };
    for (to, moves) in [("other", 1), ("night", 1), ("lost", 0)] {
        let view = view(to, vec![pod("a", "batch")]);
        assert_eq!(planned(&view, &in_mode(RuleMode::Warn), NOON).moves.len(), moves, "{to}");
        assert!(said(&planned(&view, &in_mode(RuleMode::Off), NOON)).is_empty(), "{to}");
    }
}

#[test]
fn what_is_no_projects_is_left_alone() {
    let policy = policy(|_| {});
    for namespace in ["monitoring", "lost", "free"] {
        let mut view = view("research", vec![pod("a", "batch")]);
        view.pods[0].pod.namespace = namespace.into();
        view.workloads.insert("u-web".into(), workload(namespace, "research"));
        assert!(said(&planned(&view, &policy, NOON)).is_empty(), "{namespace}");
    }
}

#[test]
fn a_cycle_moves_so_many_and_says_that_there_are_more() {
    let pods = (0..=MAX_MOVES).map(|number| pod(&format!("p{number:03}"), "batch")).collect();
    let plan = planned(&view("research", pods), &policy(|_| {}), NOON);
    assert_eq!((plan.moves.len(), plan.cut_short), (MAX_MOVES, true));
}

#[test]
fn the_audit_stops_what_must_never_happen() {
    let policy = policy(|_| {});
    let seen = view("research", vec![pod("a", "batch")]);
    let planned = planned(&seen, &policy, NOON);
    let one = &planned.moves[0];
    let judged = |view: &View, moves: Vec<Move>, policy: &Policy| {
        audit(view, policy, &Plan { moves, ..Plan::default() }, at(NOON))
    };
    let twice = judged(&seen, vec![one.clone(), one.clone()], &policy);
    assert!(matches!(twice, Err(Violation::Unseen(_))), "{twice:?}");
    let elsewhere = judged(&seen, vec![Move { to: "batch".into(), ..one.clone() }], &policy);
    assert!(matches!(elsewhere, Err(Violation::Elsewhere(_))), "{elsewhere:?}");
    let of_another =
        Move { with: Workload { queue: "night".into(), ..one.with.clone() }, to: "night".into(), ..one.clone() };
    assert!(matches!(judged(&seen, vec![of_another], &policy), Err(Violation::Elsewhere(_))));
    for (to, wanted) in [("other", "not its plan's"), ("night", "closed queue")] {
        let view = view(to, vec![pod("a", "batch")]);
        let moves = vec![Move { to: to.into(), with: workload("nlp", to), ..one.clone() }];
        let violation = judged(&view, moves, &policy).expect_err("a violation").to_string();
        assert!(violation.contains(wanted), "{violation}");
    }
}

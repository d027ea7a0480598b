//! From what was seen to what is said: a platform that works, and each thing that can be broken.

mod webhooks;

use std::time::Duration;

use cluster::standing::{Entry, Lease, Part, Troubled, Unread};
use jiff::{SignedDuration, Timestamp};
use records::Kind;
use records::daemon::{Alarms, CycleEnd, DaemonStatus, Waiting, WaitsFor};
use serde_json::{Value, json};

use super::daemons::State;
use super::finding::What;
use super::seen::Policy;
use super::*;
use crate::question::Heard;

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().expect("an instant")
}

fn ago(seconds: i64) -> String {
    (now() - SignedDuration::from_secs(seconds)).to_string()
}

/// The chart's entries, as the platform works with them.
fn entries(kind: &str) -> Vec<Entry> {
    let rendered = chart::entries(kind).into_iter();
    let with_ca = rendered.map(|mut entry| {
        entry["clientConfig"]["caBundle"] = "b3Vycw==".into();
        entry
    });
    with_ca.map(Entry::of).collect()
}

fn listed<T>(part: &mut Part<Option<Vec<T>>>) -> &mut Vec<T> {
    part.as_mut().expect("it was read").as_mut().expect("it is there")
}

const MUTATING: &str = "MutatingWebhookConfiguration";
const VALIDATING: &str = "ValidatingWebhookConfiguration";

fn told(name: &str) -> DaemonStatus {
    DaemonStatus {
        name: name.to_owned(),
        holder: "sluice-a".to_owned(),
        lease: reapers::LEASE.to_owned(),
        observed_at: ago(20),
        last_cycle: Some(ago(22)),
        last_end: Some(CycleEnd::Done),
        last_success: Some(ago(22)),
        took_millis: Some(3),
        view_age_seconds: Some(5),
        ..DaemonStatus::default()
    }
}

/// A platform that works.
fn well() -> Seen {
    let lease =
        Lease { holder: Some("sluice-a".to_owned()), renewed: ago(1).parse().ok(), lasts: Duration::from_secs(15) };
    Seen {
        place: Where { namespace: "sluice-system".to_owned(), configuration: "sluice".to_owned() },
        now: now(),
        policy: Ok(Some(Policy {
            problems: Vec::new(),
            enforces: true,
            enforces_elsewhere: false,
            listed_names: ["kube-public", "kube-node-lease"].map(Into::into).into(),
            listed_kinds: Vec::new(),
            daemons: reapers::names().map(told).collect(),
        })),
        heard: Heard::Answered,
        mutating: Ok(Some(entries(MUTATING))),
        validating: Ok(Some(entries(VALIDATING))),
        static_policies: Ok(chart::documents("ValidatingAdmissionPolicy")),
        bindings: Ok(chart::documents("ValidatingAdmissionPolicyBinding")),
        leases: [(reapers::LEASE.to_owned(), Ok(Some(lease)))].into(),
        records: vec![(Kind::Project, Ok(Vec::new()))],
    }
}

/// What is said of a platform that works but for this.
fn but_for(broken: impl FnOnce(&mut Seen)) -> (Status, Ending) {
    let mut seen = well();
    broken(&mut seen);
    let status = Status::of(&seen);
    let ending = status.ending();
    (status, ending)
}

/// The same, of the policy that was seen.
fn of_policy(broken: impl FnOnce(&mut Policy)) -> (Status, Ending) {
    but_for(|seen| broken(seen.policy.as_mut().expect("it was read").as_mut().expect("it is there")))
}

fn of_daemon(name: &str, broken: impl FnOnce(&mut DaemonStatus)) -> (Status, Ending) {
    of_policy(|policy| broken(policy.daemons.iter_mut().find(|it| it.name == name).expect("a daemon")))
}

/// It is all that is found, and the verdict says it; what to do is said, too.
#[track_caller]
fn assert_found((status, ending): (Status, Ending), what: What, says: &str, expected: Ending) {
    let found: Vec<_> = status.findings.iter().map(|it| it.what).collect();
    assert_eq!(found, [what], "{:?}", status.findings);
    let finding = &status.findings[0];
    assert!(finding.says.contains(says), "{}", finding.says);
    assert!(!finding.what_to_do.is_empty());
    assert_eq!(ending, expected);
    if expected == Ending::Denied {
        assert!(!status.works && status.verdict.contains(&finding.says), "{}", status.verdict);
    }
}

fn state(status: &Status, name: &str) -> State {
    status.daemons.iter().find(|row| row.name == name).expect("a daemon").state
}

#[test]
fn a_platform_that_works_is_said_to_in_three_words() {
    let (status, ending) = but_for(|_| {});
    assert_eq!((status.verdict.as_str(), status.works, ending), ("Sluice works.", true, Ending::Fine));
    assert!(status.findings.is_empty() && status.unread.is_empty());
    assert_eq!(status.daemons.len(), reapers::names().count());
    assert!(status.daemons.iter().all(|row| row.state == State::Works && row.led_by.as_deref() == Some("sluice-a")));
}

#[test]
fn webhooks_that_are_gone_are_said_to_be() {
    let removed = but_for(|seen| {
        (seen.mutating, seen.validating, seen.heard) = (Ok(None), Ok(None), Heard::Unheard);
    });
    assert_eq!(removed.0.verdict.split(':').next(), Some("Sluice does not decide"));
    assert_found(removed, What::WebhooksRemoved, "both webhook configurations sluice are gone", Ending::Denied);
    let one = but_for(|seen| seen.validating = Ok(None));
    assert_eq!(one.0.verdict.split(':').next(), Some("Sluice does not decide everything as it should"));
    assert_found(one, What::WebhooksMissing, "the ValidatingWebhookConfiguration sluice is gone", Ending::Denied);
    // The one that is gone says why nobody answers.
    let unheard = but_for(|seen| (seen.mutating, seen.heard) = (Ok(Some(Vec::new())), Heard::Unheard));
    assert_found(unheard, What::WebhooksMissing, "the MutatingWebhookConfiguration sluice is gone", Ending::Denied);
    let (misnamed, _) = but_for(|seen| {
        seen.place.configuration = "nope".to_owned();
        (seen.mutating, seen.validating) = (Ok(None), Ok(None));
    });
    let does = &misnamed.findings[0].what_to_do;
    assert!(
        does.starts_with("see that --webhook-configuration names what is there: the chart calls both sluice"),
        "{does}"
    );
}

#[test]
fn nobody_who_answers_is_told_from_one_who_cannot_decide_yet() {
    let heard = |heard| but_for(|seen| seen.heard = heard);
    let silent = heard(Heard::Silent("failed calling webhook: connection refused".to_owned()));
    assert!(silent.0.findings[0].what_to_do.contains("logs deploy/sluice"));
    assert_found(silent, What::NoAnswer, "connection refused", Ending::Denied);
    assert_found(heard(Heard::Unheard), What::NoAnswer, "asked nobody", Ending::Denied);
    assert_found(
        heard(Heard::Retry("the caches are not filled yet".to_owned())),
        What::Retry,
        "not filled yet",
        Ending::Denied,
    );
    let kinds = but_for(|seen| (seen.heard, seen.policy) = (Heard::NotServed, Ok(None)));
    let found: Vec<_> = kinds.0.findings.iter().map(|it| it.what).collect();
    assert!(found.starts_with(&[What::NotInstalled, What::NoPolicy]), "{found:?}");
}

#[test]
fn a_policy_that_is_gone_or_cannot_be_read_is_said_to_be() {
    let (gone, ending) = but_for(|seen| seen.policy = Ok(None));
    assert_eq!((gone.findings[0].what, ending), (What::NoPolicy, Ending::Denied));
    assert!(gone.findings.iter().all(|it| it.what != What::Untold), "that nothing is told follows from it");
    let problems = vec!["spec.hostPaths: /x/../y is no path.".to_owned(), "spec.grace: x".to_owned()];
    let unreadable = of_policy(|policy| policy.problems = problems);
    assert_found(unreadable, What::PolicyUnreadable, "/x/../y is no path, and 1 more", Ending::Denied);
}

#[test]
fn who_does_not_lead_any_more_is_named_and_of_its_daemons_nothing_else_is_said() {
    let lease = |change: fn(&mut Lease)| {
        but_for(|seen| {
            let Some(Ok(Some(lease))) = seen.leases.get_mut(reapers::LEASE) else { panic!("it was read") };
            change(lease);
            let daemons = &mut seen.policy.as_mut().expect("it was read").as_mut().expect("it is there").daemons;
            daemons.iter_mut().for_each(|daemon| daemon.observed_at = ago(400));
        })
    };
    let expired = lease(|lease| lease.renewed = ago(16).parse().ok());
    assert_eq!(state(&expired.0, "follow"), State::Unled);
    assert_found(
        expired,
        What::LeaseExpired,
        "sluice-a holds the Lease sluice-reapers and has not renewed it for its 15 s",
        Ending::Denied,
    );
    assert_found(lease(|lease| lease.holder = None), What::Unled, "nobody holds the Lease", Ending::Denied);
    let absent = but_for(|seen| drop(seen.leases.insert(reapers::LEASE.to_owned(), Ok(None))));
    assert_found(absent, What::Unled, "there is no Lease sluice-reapers in namespace sluice-system", Ending::Denied);
}

#[test]
fn a_daemon_that_is_silent_waits_fails_or_hangs_is_said_to() {
    let silent = of_daemon("counts", |told| told.observed_at = ago(91));
    assert_eq!(state(&silent.0, "counts"), State::Silent);
    assert_found(silent, What::Silent, "counts last said at 2026-11-23T09:58:29Z", Ending::Denied);
    let untold = of_policy(|policy| policy.daemons.retain(|told| told.name != "nudge"));
    assert_found(untold, What::Untold, "nothing is known of nudge", Ending::Denied);

    let waits = Waiting { because: WaitsFor::Database, says: "the ledger could not be asked: no answer".to_owned() };
    let waiting = of_policy(|policy| {
        for told in policy.daemons.iter_mut().filter(|it| ["preemption", "ledger"].contains(&it.name.as_str())) {
            told.waits_for = Some(waits.clone());
        }
    });
    assert_eq!((state(&waiting.0, "ledger"), state(&waiting.0, "follow")), (State::Waits, State::Works));
    assert!(waiting.0.findings[0].what_to_do.contains("the database answers"));
    assert_found(waiting, What::Waits, "preemption, ledger wait: the ledger could not be asked", Ending::Denied);

    let failed =
        |times| of_daemon("follow", |told| (told.cycles_in_vain, told.last_end) = (times, Some(CycleEnd::Failed)));
    assert_eq!(failed(2).1, Ending::Fine, "it is tried again");
    assert_found(failed(3), What::CyclesFail, "the last 3 cycles of follow failed (Failed)", Ending::Denied);
    let stuck = of_daemon("ledger", |told| told.last_cycle = Some(ago(120)));
    assert_found(stuck, What::Stuck, "ledger has not ended a cycle for more than 90 s: the last at", Ending::Denied);
}

#[test]
fn records_with_problems_and_alarms_want_attention_and_break_nothing() {
    let troubled = |name: &str| Troubled {
        name: name.to_owned(),
        says: ["spec.plan: ResourcePlan lost does not exist.", "spec.group: Group gone does not exist"]
            .map(Into::into)
            .into(),
    };
    let records = but_for(|seen| seen.records = vec![(Kind::Project, Ok(["a", "b", "c", "d"].map(troubled).into()))]);
    assert_eq!(records.0.verdict, "Sluice works; 1 thing wants attention.");
    assert_found(
        records,
        What::Records,
        "4 Projects are not in order: a: spec.plan: ResourcePlan lost does not exist; spec.group: Group gone does not exist; and so are b, c, d",
        Ending::Warned,
    );
    let alarm = |at: String| {
        of_daemon("ledger", |told| told.alarms = Some(Alarms { count: 2, last: "held-twice".to_owned(), last_at: at }))
    };
    assert_found(
        alarm(ago(3600)),
        What::LedgerAlarm,
        "the ledger has raised 2 alarms, the last (held-twice)",
        Ending::Warned,
    );
    assert_eq!(alarm(ago(25 * 3600)).1, Ending::Fine, "somebody has looked since");
}

#[test]
fn a_plan_that_cannot_serve_its_projects_wants_attention() {
    let vain = of_daemon("plan-window", |told| {
        let sentence = "plan nights does not open queue night again, and 2 Pods wait for it in vain: 2 of project lab; write a window";
        told.attention = vec![sentence.to_owned()];
    });
    assert_eq!(vain.0.findings[0].what_to_do, "write a window");
    assert_found(
        vain,
        What::WaitInVain,
        "plan nights does not open queue night again, and 2 Pods wait for it in vain: 2 of project lab",
        Ending::Warned,
    );
}

#[test]
fn a_listed_kind_that_sluice_may_not_read_wants_attention() {
    let unread = of_daemon("switch-queue", |told| {
        told.attention = vec![
            "spec.workloadKinds lists widgets.apps, which Sluice has no right to read; list it in the chart".to_owned(),
        ];
    });
    assert_eq!(unread.0.findings[0].what_to_do, "list it in the chart");
    let says = "spec.workloadKinds lists widgets.apps, which Sluice has no right to read";
    assert_found(unread, What::DaemonAsks, says, Ending::Warned);
}

#[test]
fn what_somebody_may_not_read_is_named_and_is_nobodys_failure() {
    let may_not = || Unread::Forbidden("User \"bob\" cannot get resource".to_owned());
    let (status, ending) = but_for(|seen| {
        (seen.mutating, seen.validating) = (Err(may_not()), Err(may_not()));
        (seen.static_policies, seen.bindings) = (Err(may_not()), Err(may_not()));
        drop(seen.leases.insert(reapers::LEASE.to_owned(), Err(may_not())));
        seen.records = vec![(Kind::User, Err(may_not()))];
        seen.heard = Heard::Unasked("it is forbidden".to_owned());
    });
    assert_eq!((status.verdict.as_str(), ending), ("Sluice works, as far as you may see.", Ending::Fine));
    let what: Vec<_> = status.unread.iter().map(|it| it.what.as_str()).collect();
    let expected = [
        "the MutatingWebhookConfiguration sluice",
        "the ValidatingWebhookConfiguration sluice",
        "the ValidatingAdmissionPolicies",
        "the ValidatingAdmissionPolicyBindings",
        "whether a question is answered",
        "the Lease sluice-reapers in namespace sluice-system",
        "the records of kind User",
    ];
    assert_eq!(what, expected);
    assert_eq!(status.daemons[0].led_by.as_deref(), Some("sluice-a"), "as the daemon says");
    let (unread, ending) = but_for(|seen| seen.policy = Err(may_not()));
    assert_eq!((unread.findings.len(), ending), (0, Ending::Fine));
}

#[test]
fn the_worst_is_the_verdict_and_everything_is_one_screen() {
    let (mut status, _) = but_for(|seen| {
        seen.records =
            vec![(Kind::Project, Ok(vec![Troubled { name: "ours".to_owned(), says: vec!["x".to_owned()] }]))];
        seen.validating = Ok(None);
        seen.heard = Heard::Silent("connection refused.\nmore".to_owned());
    });
    status.daemons.truncate(1);
    let text = anstream::adapter::strip_str(&text::render(&status)).to_string();
    let expected = "\
Sluice does not decide: nobody answers the API server's webhook: connection refused.

  broken: nobody answers the API server's webhook: connection refused
    do: look at kubectl -n sluice-system get pods, and kubectl -n sluice-system logs deploy/sluice
  broken: the ValidatingWebhookConfiguration sluice is gone or empty, so that not everything is asked
    do: if that was break-glass and it is over, run helm upgrade with the values that you installed with, then sluice audit
  look: 1 Project is not in order: ours: x
    do: mend the record: kubectl edit project ours; its conditions say the same

Daemons
  DAEMON  LED BY    STATE  LAST CYCLE  LAST SUCCESS  TOOK  PLAN  DONE  REFUSED  FAILED  VIEW
  follow  sluice-a  works  22s ago     22s ago       3 ms  0     0     0        0       5s old
";
    assert_eq!(text, expected);
}

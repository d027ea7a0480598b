//! What accounts may have while a plan is closed.

use proptest::prelude::*;

use super::*;
use crate::daemons::follow::testing;
use crate::ledger::Resource;
use crate::policy::ids::ProjectId;
use crate::policy::plan::Validity;
use crate::policy::window::{Schedule, Window};

const CLOSED: &str = "2026-11-23T07:59:59Z";
const OPEN: &str = "2026-11-23T08:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn gpu(most: u64) -> Quota {
    Quota { milli_gpu: Some(most), ..Quota::default() }
}

/// Project `nlp` and `below` it `nlp-below`, both of plan `gold`, which is open for an hour.
fn policy(quota: Quota, outside: Quota, mode: RuleMode) -> Policy {
    let mut nlp = testing::project("nlp", &[]);
    nlp.plan = Some("gold".into());
    let mut below = testing::project("nlp-below", &[]);
    below.parent = Some("nlp".into());
    let mut records = testing::policy([nlp, below]).records().clone();
    let mut plan = testing::plan_record("gold", quota, Validity::default());
    plan.outside_window_quota = outside;
    let hour = Window::Once { from: at(OPEN), until: at("2026-11-23T09:00:00Z") };
    plan.schedule = Some(Schedule { time_zone: "UTC".into(), windows: vec![hour] });
    records.plans.insert("gold".into(), plan);
    records.platform.rule_modes.insert(RuleId::PlanWindow, mode);
    Policy::from(records)
}

fn project<'a>(policy: &'a Policy, name: &str) -> &'a Project {
    &policy.records().projects[name]
}

#[test]
fn while_a_plan_is_closed_its_projects_have_what_it_grants_then() {
    let policy = policy(gpu(8000), gpu(2000), RuleMode::Enforce);
    let now = |at_hand: &str| limits_now(&policy, project(&policy, "nlp"), at(at_hand)).0;
    assert_eq!((now(CLOSED), now(OPEN)), (gpu(2000), gpu(8000)));
    let payers = payers(&policy, project(&policy, "nlp"), Some(UserId::new("bob")), at(CLOSED));
    let nlp = Account::Project(ProjectId::new("id-nlp"));
    assert_eq!(payers.0[&nlp], gpu(2000));
    let open = payers_while_open(&policy, project(&policy, "nlp"), None, at(CLOSED));
    assert_eq!(open.0[&nlp], gpu(8000), "what could ever run");
    let below = super::payers(&policy, project(&policy, "nlp-below"), None, at(CLOSED));
    assert_eq!(below.0[&nlp], gpu(8000), "what is below has a plan of its own, or none");
}

#[test]
fn a_plan_grants_its_quota_outside_of_windows_unless_it_says_less_and_windows_are_heeded() {
    let gold = |outside, mode| {
        let policy = policy(gpu(8000), outside, mode);
        limits_now(&policy, project(&policy, "nlp"), at(CLOSED)).0
    };
    assert_eq!(gold(Quota::default(), RuleMode::Enforce), gpu(8000));
    assert_eq!(gold(gpu(9000), RuleMode::Enforce), gpu(8000), "never more");
    assert_eq!(gold(gpu(2000), RuleMode::Warn), gpu(8000));
    assert_eq!(gold(gpu(2000), RuleMode::Off), gpu(8000));
}

fn quota() -> impl Strategy<Value = Quota> {
    let limit = || proptest::option::of(0_u64..4);
    (limit(), limit(), limit(), limit()).prop_map(|(milli_gpu, devices, milli_cpu, memory_bytes)| Quota {
        milli_gpu,
        devices,
        milli_cpu,
        memory_bytes,
    })
}

proptest! {
    /// A closed plan takes nothing from what it grants while it is open, and adds nothing at any time.
    #[test]
    fn what_a_plan_grants_outside_of_its_windows_is_never_more(quota in quota(), outside in quota(), open: bool) {
        let policy = policy(quota, outside, RuleMode::Enforce);
        let now = at(if open { OPEN } else { CLOSED });
        let (limits, _) = limits_now(&policy, project(&policy, "nlp"), now);
        for resource in Resource::ALL {
            let (has, of_plan) = (resource.limit(&limits), resource.limit(&quota));
            let of_outside = resource.limit(&outside).filter(|_| !open);
            prop_assert_eq!(has, of_plan.into_iter().chain(of_outside).min());
        }
    }
}

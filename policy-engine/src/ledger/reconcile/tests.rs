use super::*;
use crate::ledger::{Account, Amounts, ChargeKey, Limits, REQUEST_TIMEOUT};
use crate::policy::ids::{ProjectId, UserId};
use crate::policy::quota::Quota;

fn charged(made_for: Option<ForPod>) -> Charge {
    Charge {
        key: ChargeKey::of("claim"),
        place: ObjectName::claim("detector", "train", &Limits::default(), false),
        amounts: Amounts { milli_gpu: 1000, devices: 1, ..Amounts::NOTHING },
        payers: Limits::default(),
        bound: true,
        seen: true,
        raised_at: Timestamp::UNIX_EPOCH,
        ticket: Charge::CONFIRMED,
        made_for,
        claim: None,
        tags: Some(Tags::default()),
    }
}

fn pod(life: Life, wanted: Use) -> LivePod {
    let names = ("pod".to_owned(), "detector".to_owned(), "owl".to_owned());
    let (uid, namespace, name) = names;
    LivePod { charge: AdmitPod { uid, namespace, name, uses: vec![wanted], ..AdmitPod::default() }, life }
}

fn view(pod: LivePod, claims: Vec<LiveClaim>) -> View {
    let claims = claims.into_iter().map(|claim| (claim.charge.uid.clone(), claim));
    View {
        pods: [(pod.charge.uid.clone(), pod)].into(),
        claims: claims.collect(),
        at: Timestamp::UNIX_EPOCH + REQUEST_TIMEOUT,
        ..View::default()
    }
}

fn another(bound: bool, for_pod: Option<ForPod>) -> LiveClaim {
    let charge = ClaimMade {
        uid: "another".into(),
        namespace: "detector".into(),
        name: "train".into(),
        for_pod,
        ..ClaimMade::default()
    };
    LiveClaim { charge, bound: bound.then(Tags::default), got: None }
}

/// The claim, if it is charged on; and whether it is said, or to be asked, to be gone.
fn held(made_for: Option<ForPod>, view: &View) -> (Option<String>, bool) {
    let found = reconcile(&[charged(made_for)], view, &["claim".to_owned()].into());
    let gone = found.steps.iter().any(|step| matches!(step, Entry::Observe(Sight::ClaimGone { .. })));
    (found.held.into_iter().next().map(|held| held.pod), gone)
}

#[test]
fn class_held_not_owned_a_claim_that_is_gone_is_charged_until_its_pod_has_ended() {
    let unborn = || Use::Unborn { name: "train".into() };
    let owl = (Some("owl".to_owned()), false);
    assert_eq!(held(None, &view(pod(Life::Scheduled, unborn()), vec![])), owl);
    for life in [Life::Finished, Life::Waiting, Life::Gated] {
        assert_eq!(held(None, &view(pod(life, unborn()), vec![])), (None, true), "{life:?}");
    }
    let other = Use::Unborn { name: "other".into() };
    assert_eq!(held(None, &view(pod(Life::Scheduled, other), vec![])), (None, true));
}

#[test]
fn class_held_not_owned_another_claim_of_the_name_stands_for_it_once_it_is_allocated() {
    let named = || Use::Claim {
        name: "train".into(),
        uid: "another".into(),
        price: Amounts::NOTHING,
        payers: Limits::default(),
        shared: false,
    };
    let scheduled = |bound| view(pod(Life::Scheduled, named()), vec![another(bound, None)]);
    assert_eq!(held(None, &scheduled(false)), (Some("owl".into()), false), "the Pod was scheduled with the other");
    assert_eq!(held(None, &scheduled(true)), (None, true));
}

#[test]
fn class_held_not_owned_a_claim_that_was_made_for_a_pod_is_charged_until_that_has_ended() {
    let own = || ForPod { uid: "pod".into(), reference: "gpu".into() };
    let inline = || Use::Inline { reference: "gpu".into(), price: Amounts::NOTHING };
    assert_eq!(held(Some(own()), &view(pod(Life::Scheduled, inline()), vec![])), (Some("owl".into()), false));
    assert_eq!(held(Some(own()), &view(pod(Life::Finished, inline()), vec![])), (None, true));
    let made_anew = vec![another(true, Some(own()))];
    assert_eq!(held(Some(own()), &view(pod(Life::Scheduled, inline()), made_anew)), (None, true));
}

#[test]
fn class_held_not_owned_a_claim_that_never_came_is_not_held_by_who_names_it() {
    let view = view(pod(Life::Scheduled, Use::Unborn { name: "train".into() }), vec![]);
    let found = reconcile(&[Charge { seen: false, bound: false, ..charged(None) }], &view, &BTreeSet::new());
    assert_eq!((found.held, found.look_for.len()), (vec![], 1), "it is looked for, and given back");
}

#[test]
fn class_held_not_owned_nobody_pays_for_a_claim_of_theirs_because_a_colleagues_pod_holds_one_of_its_name() {
    let payers = |user: &str| {
        let (project, user) = (ProjectId::new("detector"), UserId::new(user));
        [(Account::User { project, user }, Quota::default())].into_iter().collect::<Limits>()
    };
    let mut bobs = pod(Life::Scheduled, Use::Unborn { name: "train".into() });
    bobs.charge.payers = payers("bob");
    let view = view(bobs, vec![]);
    let of = |user: &str, shared, bound| {
        let place = ObjectName::claim("detector", "train", &payers(user), shared);
        let charge = Charge { place, payers: payers(user), bound, ..charged(None) };
        reconcile(&[charge], &view, &["claim".to_owned()].into()).held.len()
    };
    assert_eq!(of("alice", false, false), 0, "the Pod never had it");
    assert_eq!(of("alice", true, false), 1, "whoever names it may use it");
    assert_eq!(of("alice", false, true), 1, "it was seen to be held");
    assert_eq!(of("bob", false, false), 1, "it is his own");
}

/// Whoever creates a name that is taken is charged under a UID that never comes.
#[test]
fn what_nobody_has_seen_after_an_ordinary_requests_time_is_doubted_until_no_request_can_be_on_its_way() {
    let unseen = Charge { seen: false, bound: false, ..charged(None) };
    let asked = |seconds| {
        let view = View { at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds), ..View::default() };
        let found = reconcile(std::iter::once(&unseen), &view, &BTreeSet::new());
        assert_eq!(found.steps, []);
        (found.doubtful.len(), found.look_for.len())
    };
    assert_eq!([2, 3, 59, 60].map(asked), [(0, 0), (1, 0), (1, 0), (0, 1)]);
}

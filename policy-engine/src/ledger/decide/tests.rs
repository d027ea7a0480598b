use jiff::Timestamp;

use super::*;
use crate::ledger::{AdmitPod, ClaimMade, Got, Tags, Use};
use crate::policy::ids::ProjectId;
use crate::policy::quota::Quota;

fn cores(count: u64) -> Amounts {
    Amounts { milli_cpu: count * 1000, ..Amounts::NOTHING }
}

/// The project pays, and may have so many cores.
fn payers(limit: u64) -> Limits {
    let quota = Quota { milli_cpu: Some(limit * 1000), ..Quota::default() };
    [(Account::Project(ProjectId::new("detector")), quota)].into_iter().collect()
}

fn pod(name: &str, count: u64) -> Request {
    let (uid, namespace) = (format!("uid-of-{name}"), "detector".to_owned());
    let (name, amounts, payers) = (name.to_owned(), cores(count), payers(4));
    Request::AdmitPod(AdmitPod { uid, namespace, name, amounts, payers, ..AdmitPod::default() })
}

fn seen(name: &str, count: u64, limit: u64, bound: bool) -> Entry {
    let (uid, amounts, payers) = (format!("uid-of-{name}"), cores(count), payers(limit));
    Entry::Observe(Sight::Pod { uid, bound, amounts, payers, at: Timestamp::UNIX_EPOCH })
}

/// What the project has with this step and may have, in cores, where the step takes it further over its limit.
fn over(books: &mut Books, step: Entry) -> Option<(u64, u64)> {
    let said = decide(books, &step, Stamp { now: Timestamp::UNIX_EPOCH, ticket: 1 }).over;
    assert!(said.len() <= 1, "{said:?}");
    said.first().map(|it| ((it.used + it.reserved + it.asked) / 1000, it.limit / 1000))
}

#[test]
fn class_held_not_owned_who_adopts_over_a_limit_says_so_once() {
    let mut books = Books::default();
    assert_eq!(over(&mut books, Entry::Adopt(pod("owl", 3))), None, "it fits");
    assert_eq!(over(&mut books, Entry::Adopt(pod("cat", 3))), Some((6, 4)));
    assert_eq!(over(&mut books, Entry::Adopt(pod("cat", 3))), None, "it adds nothing");
    assert_eq!(over(&mut books, seen("cat", 3, 4, true)), None, "what was reserved is used");
    assert_eq!(over(&mut books, Entry::Adopt(pod("dog", 1))), Some((7, 4)), "it goes further");
}

#[test]
fn class_held_not_owned_what_is_seen_to_have_grown_over_a_limit_is_said_once() {
    let mut books = Books::default();
    assert_eq!(over(&mut books, Entry::Reserve(pod("owl", 3))), None);
    assert_eq!(over(&mut books, seen("owl", 5, 8, true)), None, "the plan allows more by now");
    assert_eq!(over(&mut books, seen("owl", 9, 8, true)), Some((9, 8)));
    assert_eq!(over(&mut books, seen("owl", 9, 8, true)), None, "it adds nothing");
    assert_eq!(over(&mut books, seen("owl", 9, 2, true)), None, "a plan that allows less is an Admin's doing");
    assert_eq!(
        over(&mut books, Entry::Observe(Sight::PodGone { uid: "uid-of-owl".into(), at: Timestamp::UNIX_EPOCH })),
        None
    );
}

/// Whoever pays since an Admin said so, and whatever an Admin made dearer, was admitted.
#[test]
fn what_an_admin_changes_is_no_alarm() {
    let mut books = Books::default();
    let request = Request::ClaimMade(ClaimMade {
        uid: "uid-of-train".into(),
        namespace: "detector".into(),
        name: "train".into(),
        price: cores(4),
        payers: payers(4),
        ..ClaimMade::default()
    });
    assert_eq!(over(&mut books, Entry::Reserve(request)), None);
    let seen = |cpu: u64, payers: Limits, bound: bool| {
        let place = ObjectName::claim("detector", "train", &payers, false);
        let (uid, price, bound) = ("uid-of-train".to_owned(), cores(cpu), bound.then(Tags::default));
        Entry::Observe(Sight::Claim { uid, bound, price, got: None, payers, place, at: Timestamp::UNIX_EPOCH })
    };
    let parent = (Account::Project(ProjectId::new("parent")), Quota { milli_cpu: Some(1000), ..Quota::default() });
    let both = || payers(4).0.into_iter().chain([parent.clone()]).collect::<Limits>();
    assert_eq!(over(&mut books, seen(4, payers(2), true)), Some((4, 2)), "it is held, and nobody was asked");
    assert_eq!(over(&mut books, seen(4, both(), true)), None, "the parent pays from now on");
    assert_eq!(over(&mut books, seen(6, both(), true)), None, "it has become dearer");
    assert_eq!(books.balance(&parent.0).total(), cores(6), "it is charged all the same");
}

#[test]
fn who_is_refused_goes_over_no_limit() {
    let mut books = Books::default();
    assert_eq!(over(&mut books, Entry::Adopt(pod("owl", 5))), Some((5, 4)));
    for step in [Entry::Reserve(pod("cat", 1)), Entry::Try(pod("cat", 1))] {
        let said = decide(&mut books, &step, Stamp { now: Timestamp::UNIX_EPOCH, ticket: 2 });
        assert!(matches!(said, Verdict { outcome: Outcome::Refused(_), over, .. } if over.is_empty()), "{step:?}");
    }
}

/// A claim with a choice is reserved at its dearest. What it got counts while nobody names it who could start with another.
#[test]
fn a_claim_is_charged_what_it_got_while_only_its_holders_name_it() {
    let mut books = Books::default();
    let owner = payers(4);
    let place = ObjectName::claim("detector", "train", &owner, false);
    let named = |pod: &str| {
        let wanted = Use::Claim {
            name: "train".into(),
            uid: "uid-of-train".into(),
            price: cores(4),
            payers: owner.clone(),
            shared: false,
        };
        let (uid, namespace, name) = (format!("uid-of-{pod}"), "detector".into(), pod.into());
        Request::AdmitPod(AdmitPod {
            uid,
            namespace,
            name,
            payers: owner.clone(),
            uses: vec![wanted],
            ..AdmitPod::default()
        })
    };
    let got = |holders: &[&str]| {
        let holders = holders.iter().map(|pod| format!("uid-of-{pod}")).collect();
        let got = Some(Got { price: cores(1), holders });
        let (uid, bound, payers, place) = ("uid-of-train".into(), Some(Tags::default()), owner.clone(), place.clone());
        Entry::Observe(Sight::Claim { uid, bound, price: cores(4), got, payers, place, at: Timestamp::UNIX_EPOCH })
    };
    let account = Account::Project(ProjectId::new("detector"));
    let mut take = |step: Entry| {
        let outcome = decide(&mut books, &step, Stamp { now: Timestamp::UNIX_EPOCH, ticket: 1 }).outcome;
        (outcome, books.balance(&account).total())
    };
    assert_eq!(take(Entry::Reserve(named("owl"))), (Outcome::Reserved, cores(4)), "it may get its dearest");
    assert_eq!(take(got(&["owl"])), (Outcome::Reserved, cores(1)), "it got its cheapest");
    assert_eq!(take(Entry::Reserve(pod("dog", 3))), (Outcome::Reserved, cores(4)), "what it did not get is free");
    let (outcome, total) = take(Entry::Reserve(named("cat")));
    assert!(matches!(outcome, Outcome::Refused(_)), "cat may be who gets its dearest: {outcome:?}");
    assert_eq!(total, cores(4));
    assert_eq!(
        take(Entry::Observe(Sight::PodGone { uid: "uid-of-dog".into(), at: Timestamp::UNIX_EPOCH })).1,
        cores(1)
    );
    assert_eq!(take(Entry::Reserve(named("cat"))), (Outcome::Reserved, cores(4)));
    assert_eq!(take(got(&["owl"])).1, cores(4), "cat may be on its way, and start when owl has ended");
    assert_eq!(take(got(&["owl", "cat"])).1, cores(1));
}

//! What holds for every plan, whatever the cluster.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::daemons::preemption::audit::audit;
use crate::daemons::preemption::why::{Because, Spared, WhyNot};
use crate::daemons::preemption::{Plan, plan};

use super::oracle::{Oracle, less};
use super::random::a_cluster;
use super::rehearsal::{begun, carried_out, overfull, scheduled};
use super::world::now;

fn victims(plan: &Plan) -> Vec<&str> {
    plan.preemptions.iter().flat_map(|it| &it.victims).map(|it| it.uid.as_str()).collect()
}

/// The other tests here say something only of clusters in which something happens.
#[test]
fn the_clusters_are_various() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = |what, holds: bool| *seen.entry(what).or_default() += usize::from(holds);
    for _ in 0..2000 {
        let (view, policy) = a_cluster(8, 4, true).new_tree(&mut runner).expect("a cluster").current();
        let plan = plan(&view, &policy, now());
        let (waits, takes) = (|is: fn(&WhyNot) -> bool| plan.waiting.iter().any(|it| is(&it.why)), &plan.preemptions);
        count("fits", waits(|why| matches!(why, WhyNot::Fits(_))));
        count("ending", waits(|why| matches!(why, WhyNot::Ending { .. })));
        count("missing", waits(|why| matches!(why, WhyNot::Missing(_))));
        count("would take", waits(|why| matches!(why, WhyNot::WouldTake { .. })));
        count("gang incomplete", waits(|why| matches!(why, WhyNot::GangIncomplete { .. })));
        count("several preemptions", takes.len() > 1);
        count("one victim", takes.iter().any(|it| it.victims.len() == 1));
        count("two victims", takes.iter().any(|it| it.victims.len() == 2));
        count("three victims", takes.iter().any(|it| it.victims.len() > 2));
        count("a gang", takes.iter().any(|it| it.placements.len() > 1));
        let victims = || takes.iter().flat_map(|it| &it.victims);
        count("against a budget", victims().any(|it| it.budget.is_some()));
        count("reclaimed", victims().any(|it| matches!(it.because, Because::Above { .. })));
        let spared = |is: fn(&Spared) -> bool| takes.iter().flat_map(|it| &it.spared).any(|it| is(&it.because));
        count("spared by a floor", spared(|why| matches!(why, Spared::Floor { .. })));
        let parts = takes.iter().flat_map(|it| &it.placements).flat_map(|it| &it.devices).any(|it| it.takes.is_some());
        count("parts of a device", parts);
    }
    let rare: Vec<_> = seen.iter().filter(|(_, count)| **count < 8).collect();
    println!("of 2000: {seen:?}");
    assert_eq!(rare, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Everything is tried: no smaller set suffices, none where the plan says so, and nobody ends for whom nobody has to.
    #[test]
    fn no_other_set_is_better((view, policy) in a_cluster(6, 1, false)) {
        let plan = plan(&view, &policy, now());
        prop_assert_eq!(audit(&view, &policy, &plan), Ok(()));
        let pod = view.pods.last().expect("who waits");
        let ending = view.pods.iter().filter(|pod| pod.ending).map(|pod| pod.uid.clone());
        let ended = Oracle { view: &view, policy: &policy, gone: Some(ending.collect()) };
        let why = plan.waiting.first().map(|it| &it.why);
        if pod.pod.namespace == "lax" {
            prop_assert!(matches!(why, Some(WhyNot::NotEnforced(_))), "{:?}", plan);
        } else if (Oracle { gone: None, ..ended }).fits(pod) {
            prop_assert!(matches!(why, Some(WhyNot::Fits(_))), "{:?}", plan);
        } else if ended.fits(pod) {
            prop_assert!(matches!(why, Some(WhyNot::Ending { .. })), "{:?}", plan);
        } else {
            let sets = ended.sets(pod, false);
            let best = sets.iter().reduce(|best, other| if less(other, best) { other } else { best });
            match best {
                Some(best) => prop_assert_eq!(&ended.price_of(&victims(&plan)), best, "{:?}", plan),
                None if ended.sets(pod, true).is_empty() => {
                    prop_assert!(matches!(why, Some(WhyNot::Missing(_))), "{:?}", plan);
                }
                None => prop_assert!(matches!(why, Some(WhyNot::WouldTake { .. })), "{:?}", plan),
            }
        }
    }

    /// Turn after turn, with the victims coming back, until there is nothing to do: no two Pods take the same place in turn.
    #[test]
    fn repeated_turns_come_to_an_end((view, policy) in a_cluster(8, 4, true)) {
        let mut view = view;
        let mut said = Vec::new();
        for _ in 0..40 {
            view = scheduled(view, &policy);
            prop_assert_eq!(overfull(&view), None);
            let plan = plan(&view, &policy, now());
            prop_assert_eq!(audit(&view, &policy, &plan), Ok(()));
            if plan.preemptions.is_empty() && view.pods.iter().all(|pod| !pod.ending) {
                return Ok(());
            }
            view = carried_out(&view, &plan);
            prop_assert_eq!(overfull(&view), None, "{:?}", plan);
            said.push(plan.preemptions);
        }
        prop_assert!(false, "no end: {:?}", said);
    }

    /// While a plan is carried out, nobody is evicted again, and for nobody room is made twice.
    #[test]
    fn what_is_begun_is_not_begun_again((view, policy) in a_cluster(8, 4, true)) {
        let first = plan(&view, &policy, now());
        let meanwhile = begun(&view, &first);
        let second = plan(&meanwhile, &policy, now());
        prop_assert_eq!(audit(&meanwhile, &policy, &second), Ok(()));
        let (ended, more): (BTreeSet<_>, _) = (victims(&first).into_iter().collect(), victims(&second));
        prop_assert!(more.iter().all(|uid| !ended.contains(uid)), "{:?} {:?}", first, second);
        for placement in first.preemptions.iter().flat_map(|it| &it.placements) {
            let says = second.waiting.iter().find(|it| it.uid == placement.uid).map(|it| &it.why);
            prop_assert_eq!(says, Some(&WhyNot::UnderWay(placement.node.clone())));
        }
    }

    /// In whatever order things are listed.
    #[test]
    fn the_order_of_lists_does_not_matter((view, policy) in a_cluster(8, 4, true)) {
        let mut other = view.clone();
        other.nodes.reverse();
        other.devices.reverse();
        other.claims.reverse();
        other.pods.reverse();
        other.budgets.reverse();
        prop_assert_eq!(plan(&view, &policy, now()), plan(&other, &policy, now()));
    }

    /// Pods that need each other get room together, as many as are needed, or none of them does.
    #[test]
    fn a_gang_gets_all_or_nothing((view, policy) in a_cluster(8, 4, true)) {
        let plan = plan(&view, &policy, now());
        let member = |uid: &str| view.pods.iter().find(|pod| pod.uid == uid && pod.gang.is_some());
        let waiting = view.pods.iter().filter(|pod| pod.gang.is_some() && pod.pod.namespace == "nlp");
        let members: Vec<_> = waiting.collect();
        let size = members.first().and_then(|pod| pod.gang.as_ref()).map_or(0, |gang| gang.size as usize);
        let placed = plan.preemptions.iter().map(|it| it.placements.iter().filter(|it| member(&it.uid).is_some()).count());
        let placed: Vec<_> = placed.filter(|count| *count > 0).collect();
        // Those beyond the size of the gang have room made for them one by one.
        let singles = placed.iter().filter(|count| **count != size).collect::<Vec<_>>();
        prop_assert!(members.len() >= size || placed.is_empty(), "{:?}", plan);
        prop_assert!(singles.iter().all(|count| **count == 1), "{:?}", plan);
        prop_assert!(singles.len() <= members.len().saturating_sub(size), "{:?}", plan);
        let after = carried_out(&view, &plan);
        prop_assert_eq!(overfull(&after), None, "{:?}", plan);
    }
}

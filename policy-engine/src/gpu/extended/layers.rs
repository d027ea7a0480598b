//! Kubernetes' arithmetic of what the containers of a Pod ask of one resource, as requests of a claim.
//!
//! App containers and sidecars run beside each other: each has devices of its own. Any other init container runs before those that
//! come after it, and uses their devices; what it asks beyond them is there for init containers alone. It uses none of a sidecar that
//! was started before it and runs on. So a Pod has as many devices as Kubernetes counts for it: the sum of those that run beside
//! each other, or, if that is more, what an init container asks with the sidecars before it.
//!
//! Devices are handed out by requests. So they lie in two rows, of which each init container takes the beginning: the devices of
//! containers, the app containers' first and then the sidecars', the last first; and those that are there for init containers.
//! Wherever one of them ends, a request does.

use std::collections::BTreeSet;

use super::Asked;

/// The requests, and who uses them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layers {
    pub(super) requests: Vec<Layer>,
    /// For each that asked, in the same order, the places of its requests.
    pub(super) uses: Vec<Vec<usize>>,
}

/// One request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) count: u64,
}

/// What asks for a resource: what it is called, how many, and whether it has ended before the next one begins.
#[derive(Debug)]
pub(super) struct Ask {
    name: String,
    count: u64,
    is_init: bool,
    is_app: bool,
}

impl Ask {
    pub(super) fn of(asked: &Asked<'_>) -> Option<Self> {
        let count = *asked.count.as_ref().ok()?;
        Some(Self { name: asked.request_name(), count, is_init: asked.before, is_app: asked.list == "containers" })
    }
}

/// As many devices as Kubernetes counts for these, which stand in the order in which they begin.
pub(super) fn total(asks: &[Ask]) -> u64 {
    let (mut beside, mut most) = (0_u64, 0_u64);
    for ask in asks {
        let with_those = beside.saturating_add(ask.count);
        if !ask.is_init {
            beside = with_those;
        }
        most = most.max(with_those);
    }
    most
}

/// The requests for these, which stand in the order in which they begin. `for_init` is what those are called that are there for init
/// containers alone.
pub(super) fn of(asks: &[Ask], for_init: &str) -> Layers {
    let apps = asks.iter().enumerate().filter(|(_, it)| it.is_app);
    let sidecars = asks.iter().enumerate().rev().filter(|(_, it)| !it.is_app && !it.is_init);
    let mut end = 0;
    let row: Vec<(usize, u64, u64)> = apps
        .chain(sidecars)
        .map(|(owner, it)| {
            let begin = end;
            end += it.count;
            (owner, begin, end)
        })
        .collect();
    // How much of both rows each init container takes.
    let taken: Vec<(u64, u64)> = asks
        .iter()
        .enumerate()
        .map(|(at, it)| {
            let after =
                row.iter().filter(|(owner, ..)| asks[*owner].is_app || *owner > at).map(|(_, _, end)| *end).max();
            let of_others = it.count.min(after.unwrap_or_default());
            if it.is_init { (of_others, it.count - of_others) } else { (0, 0) }
        })
        .collect();
    let mut layers = Layers { requests: Vec::new(), uses: vec![Vec::new(); asks.len()] };
    for (owner, begin, end) in &row {
        let inside = taken.iter().map(|(of_others, _)| *of_others).filter(|cut| begin < cut && cut < end);
        let cuts: BTreeSet<u64> = inside.chain([*end]).collect();
        layers.add(&asks[*owner].name, *begin, &cuts, |end, users| {
            users.push(*owner);
            users.extend((0..asks.len()).filter(|at| taken[*at].0 >= end));
        });
    }
    let cuts: BTreeSet<u64> = taken.iter().map(|(_, beyond)| *beyond).filter(|it| *it > 0).collect();
    layers.add(for_init, 0, &cuts, |end, users| users.extend((0..asks.len()).filter(|at| taken[*at].1 >= end)));
    layers
}

impl Layers {
    /// A request from each cut to the next. `used` says by whom what ends at a cut is used.
    fn add(&mut self, name: &str, mut begin: u64, cuts: &BTreeSet<u64>, used: impl Fn(u64, &mut Vec<usize>)) {
        for (nth, cut) in cuts.iter().enumerate() {
            let name = if nth == 0 { name.to_owned() } else { format!("{name}-more-{nth}") };
            let mut users = Vec::new();
            used(*cut, &mut users);
            users.into_iter().for_each(|user| self.uses[user].push(self.requests.len()));
            self.requests.push(Layer { name, count: cut - begin });
            begin = *cut;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const APP: char = 'a';
    const SIDECAR: char = 's';

    /// `i2 s1 a3`: an init container, a sidecar and an app container.
    fn asks(text: &str) -> Vec<Ask> {
        let ask = |(at, word): (usize, &str)| {
            let (kind, count) = word.split_at(1);
            let kind = kind.chars().next().expect("a letter");
            Ask {
                name: format!("{kind}-{at}"),
                count: count.parse().expect("a number"),
                is_init: ![APP, SIDECAR].contains(&kind),
                is_app: kind == APP,
            }
        };
        text.split(' ').enumerate().map(ask).collect()
    }

    fn counts(text: &str) -> Vec<u64> {
        of(&asks(text), "init").requests.iter().map(|it| it.count).collect()
    }

    fn uses(text: &str) -> Vec<Vec<usize>> {
        of(&asks(text), "init").uses
    }

    #[test]
    fn each_that_runs_beside_others_has_its_own() {
        assert_eq!((counts("a2 a1"), uses("a2 a1")), (vec![2, 1], vec![vec![0], vec![1]]));
        assert_eq!((counts("s1 a3"), uses("s1 a3")), (vec![3, 1], vec![vec![1], vec![0]]));
    }

    #[test]
    fn an_init_container_uses_what_those_after_it_have() {
        assert_eq!((counts("i2 i2 a1"), uses("i2 i2 a1")), (vec![1, 1], vec![vec![0, 1], vec![0, 1], vec![0]]));
        assert_eq!((counts("i1 a4"), uses("i1 a4")), (vec![1, 3], vec![vec![0], vec![0, 1]]));
        assert_eq!((counts("i1 s1"), uses("i1 s1")), (vec![1], vec![vec![0], vec![0]]));
    }

    #[test]
    fn it_uses_nothing_of_a_sidecar_that_runs_already() {
        assert_eq!((counts("s1 i1"), uses("s1 i1")), (vec![1, 1], vec![vec![0], vec![1]]));
        assert_eq!(counts("s2 i2").iter().sum::<u64>(), 4);
    }

    proptest! {
        #[test]
        fn as_many_as_kubernetes_counts_and_each_has_as_many_as_it_asked(
            init in proptest::collection::vec((any::<bool>(), 1..5_u64), 0..6),
            apps in proptest::collection::vec(1..5_u64, 0..4),
        ) {
            let word = |(sidecar, count): &(bool, u64)| format!("{}{count}", if *sidecar { SIDECAR } else { 'i' });
            let words: Vec<_> = init.iter().map(word).chain(apps.iter().map(|it| format!("{APP}{it}"))).collect();
            prop_assume!(!words.is_empty());
            let asks = asks(&words.join(" "));
            let layers = of(&asks, "init");
            let (mut before, mut most) = (0, 0);
            for (sidecar, count) in &init {
                most = most.max(before + count);
                before += if *sidecar { *count } else { 0 };
            }
            let all: u64 = layers.requests.iter().map(|it| it.count).sum();
            prop_assert_eq!(all, most.max(before + apps.iter().sum::<u64>()));
            prop_assert_eq!(all, total(&asks));
            for (ask, uses) in asks.iter().zip(&layers.uses) {
                prop_assert_eq!(uses.iter().map(|at| layers.requests[*at].count).sum::<u64>(), ask.count);
            }
            // Two that run at the same time share no device.
            for (one, ask) in asks.iter().enumerate() {
                for (other, beside) in asks.iter().enumerate().skip(one + 1) {
                    if !ask.is_init && (!beside.is_init || !ask.is_app) {
                        prop_assert!(layers.uses[one].iter().all(|it| !layers.uses[other].contains(it)), "{:?}", layers);
                    }
                }
            }
            let mut names: Vec<_> = layers.requests.iter().map(|it| &it.name).collect();
            names.dedup();
            prop_assert_eq!(names.len(), layers.requests.len());
        }
    }
}

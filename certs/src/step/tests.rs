//! Replicas, a keep, a configuration and API servers, driven through time in any order.

use std::collections::VecDeque;

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;
use crate::testing::{NAME, names, now, without_authority};
use crate::{Leaf, issue_all};

const REPLICAS: usize = 3;
const SETTLE: u64 = 30;
const OVERLAP: u64 = 600;
/// A replica that lives is never longer without a step than this, so that all have gone on before an overlap ends.
const SLOWEST: u64 = 60;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Event {
    /// A replica reads the configuration.
    Look(usize),
    /// A replica reads what is kept, decides, and does what it decided with what it had read.
    Act(usize),
    /// A replica is killed; the next `Look` is a new process.
    Kill(usize),
    Wait(u64),
    /// A replica's clock goes wrong, by hours.
    Clock(usize, i64),
    AskAuthority,
    AskLeaf,
    /// Somebody else issues anew, where that is so.
    Foreign,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let replica = 0..REPLICAS;
    let event = prop_oneof![
        6 => replica.clone().prop_map(Event::Look),
        12 => replica.clone().prop_map(Event::Act),
        1 => replica.clone().prop_map(Event::Kill),
        4 => (1..SLOWEST).prop_map(Event::Wait),
        1 => (replica, -24 * 365 * 9..24 * 365 * 9_i64).prop_map(|(replica, hours)| Event::Clock(replica, hours)),
        1 => Just(Event::AskAuthority),
        1 => Just(Event::AskLeaf),
        1 => Just(Event::Foreign),
    ];
    prop::collection::vec(event, 40..160)
}

#[derive(Default)]
struct Replica {
    memory: Memory,
    born: u64,
    stepped: u64,
    skew: i64,
    looked: Option<Observed>,
}

struct World {
    at: u64,
    external: bool,
    /// What is kept, and how often it was written.
    kept: (Option<KeyMaterial>, u64),
    request: Option<Request>,
    bundle: String,
    generation: i64,
    /// What API servers may still have: each bundle with the time when it was replaced.
    cached: VecDeque<(String, u64)>,
    replicas: [Replica; REPLICAS],
}

impl World {
    fn new(external: bool) -> Self {
        let material = external.then(|| without_authority(issue_all(&names(&[NAME]), now(), &[]).unwrap()));
        let replicas = Default::default();
        let (bundle, cached) = (String::new(), VecDeque::new());
        Self { at: 0, external, kept: (material, 0), request: None, bundle, generation: 1, cached, replicas }
    }

    fn observed(&self) -> Observed {
        Observed { bundles: [self.bundle.clone()].into(), generations: vec![Some(self.generation)] }
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Look(index) => {
                let observed = self.observed();
                self.replicas[index].looked.get_or_insert(observed);
            }
            Event::Act(index) => {
                self.act(index);
            }
            Event::Kill(index) => {
                let (born, skew) = (self.at, self.replicas[index].skew);
                self.replicas[index] = Replica { born, stepped: born, skew, ..Replica::default() };
            }
            Event::Wait(seconds) => self.wait(seconds),
            Event::Clock(index, hours) => self.replicas[index].skew = hours,
            Event::AskAuthority => {
                let authority = self.kept.0.as_ref().and_then(|kept| kept.authority.as_ref());
                self.request = authority.map(|it| Request::Authority(it.fingerprint())).or(self.request.take());
            }
            Event::AskLeaf => {
                self.request = self.kept.0.as_ref().map(|it| Request::Leaf(it.leaf.fingerprint()));
            }
            Event::Foreign if self.external => {
                let material = without_authority(issue_all(&names(&[NAME]), now(), &[]).unwrap());
                // Faster than overlaps end nobody could follow, and a bundle holds so many CAs.
                let settled = CaBundle::read(self.bundle.as_bytes()).is_ok_and(|it| it.certificates().len() == 1);
                if settled && self.all_serve() {
                    self.kept = (Some(material), self.kept.1 + 1);
                }
            }
            Event::Foreign => {}
        }
    }

    /// Time passes, and nobody who lives sleeps through it.
    fn wait(&mut self, seconds: u64) {
        self.at += seconds;
        for index in 0..REPLICAS {
            if self.at - self.replicas[index].stepped >= SLOWEST {
                self.pass(index);
            }
        }
        while self.cached.front().is_some_and(|(_, replaced)| replaced + SETTLE <= self.at) {
            self.cached.pop_front();
        }
    }

    fn pass(&mut self, index: usize) {
        // Whatever it looked at before may be long ago.
        self.act(index);
        for _ in 0..16 {
            self.happen(&Event::Look(index));
            if self.act(index) {
                return;
            }
        }
    }

    /// Whether there is nothing more to do now.
    fn act(&mut self, index: usize) -> bool {
        let at = self.at;
        let Some(observed) = self.replicas[index].looked.take() else { return false };
        let replica = &mut self.replicas[index];
        replica.stepped = at;
        let pace = Pace { settle: Duration::from_secs(SETTLE), overlap: Duration::from_secs(OVERLAP) };
        let terms = Terms { names: names(&[NAME]), issues: !self.external, publishes: true, pace };
        let read = Read {
            observed: &observed,
            material: self.kept.0.as_ref(),
            request: self.request.as_ref(),
            now: now() + SignedDuration::from_secs(at.cast_signed()) + SignedDuration::from_hours(replica.skew),
            uptime: Duration::from_secs(at - replica.born),
        };
        match replica.memory.step(&terms, read).unwrap() {
            Step::Store(_, new) => self.kept = (Some(*new), self.kept.1 + 1),
            Step::Publish(bundle) if observed.generations == [Some(self.generation)] => {
                self.cached.push_back((std::mem::replace(&mut self.bundle, bundle.pem().to_owned()), at));
                self.generation += 1;
            }
            Step::Publish(_) => {}
            Step::Rest(_) => return true,
        }
        false
    }

    fn served(&self) -> impl Iterator<Item = &Leaf> {
        self.replicas.iter().filter_map(|replica| replica.memory.served.as_ref().map(|(leaf, _)| leaf))
    }

    fn all_serve(&self) -> bool {
        let kept = self.kept.0.as_ref().map(|kept| &kept.leaf);
        self.served().all(|leaf| Some(leaf) == kept)
    }

    /// Whoever calls any replica, with any bundle that it may still have, is content.
    fn check(&self) -> Result<(), TestCaseError> {
        let instant = now() + SignedDuration::from_secs(self.at.cast_signed());
        let bundles = self.cached.iter().map(|(pem, _)| pem).chain([&self.bundle]).filter(|pem| !pem.is_empty());
        for bundle in bundles {
            let bundle = CaBundle::read(bundle.as_bytes()).unwrap();
            prop_assert!(bundle.certificates().len() <= MAX_AUTHORITIES);
            for leaf in self.served() {
                prop_assert!(trust::trusted(leaf, &bundle.roots(), instant), "{:?} at {}", leaf, self.at);
            }
        }
        Ok(())
    }
}

fn live(external: bool, events: &[Event]) -> Result<(), TestCaseError> {
    let mut world = World::new(external);
    world.pass(0);
    for event in events {
        world.happen(event);
        world.check()?;
    }
    // Left alone, with clocks that are right again, everything comes to rest at one CA and one certificate.
    for replica in &mut world.replicas {
        replica.skew = 0;
    }
    for _ in 0..40 {
        world.wait(SLOWEST);
        world.check()?;
    }
    let kept = world.kept.0.clone().unwrap();
    prop_assert_eq!(kept.bundle.certificates().len(), 1);
    prop_assert_eq!(&world.bundle, kept.bundle.pem());
    prop_assert!(kept.next.is_none() && world.served().count() == REPLICAS && world.all_serve());
    if let Some(request) = &world.request {
        prop_assert!(external || request.is_done(&kept));
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 12, ..Config::default() })]

    #[test]
    fn every_replica_is_trusted_by_every_api_server_at_every_moment(events in events()) {
        live(false, &events)?;
    }

    #[test]
    fn and_also_where_somebody_else_issues(events in events()) {
        live(true, &events)?;
    }
}

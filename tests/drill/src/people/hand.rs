//! The dice of one person: what they ask, dealt from a seed and never from an answer.

use super::project::PEOPLE;
use fastrand::Rng;
use std::time::Duration;

/// Requests of one burst, at most.
const BURST: usize = 12;
/// Names of a kind that a person alone uses, and that all use.
const OWN: usize = 3;
const COMMON: usize = 2;

pub(super) struct Hand {
    rng: Rng,
    pub(super) who: &'static str,
    /// Whole bursts are about one name, so that its makers and enders meet.
    focus: Option<String>,
}

impl Hand {
    pub(super) fn deal(seed: u64, who: &'static str) -> Self {
        let place = PEOPLE.iter().position(|person| *person == who).unwrap_or_default();
        let mut seeds = Rng::with_seed(seed);
        let own = (0..=place).map(|_| seeds.u64(..)).last().unwrap_or(seed);
        Self { rng: Rng::with_seed(own), who, focus: None }
    }

    /// What is sent at once, and how long there is peace after it.
    pub(super) fn burst<T>(&mut self, act: fn(&mut Self) -> T) -> (Vec<T>, Duration) {
        self.focus = None;
        if self.one_in(3) {
            self.focus = Some(self.suffix());
        }
        let count = self.rng.usize(1..=BURST);
        let burst = (0..count).map(|_| act(self)).collect();
        (burst, Duration::from_millis(self.rng.u64(30..300)))
    }

    /// Which of these, each as often as it weighs.
    pub(super) fn weighed(&mut self, weights: &[u32]) -> usize {
        let mut at = self.rng.u32(..weights.iter().sum::<u32>());
        let is_it = |weight: &u32| {
            let found = at < *weight;
            at = at.saturating_sub(*weight);
            found
        };
        weights.iter().position(is_it).unwrap_or_default()
    }

    pub(super) fn one_in(&mut self, count: u32) -> bool {
        self.rng.u32(..count) == 0
    }

    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.rng.usize(..all.len())]
    }

    /// Of an object: one's own most often, one that all use, or a colleague's.
    pub(super) fn name(&mut self, kind: &str) -> String {
        let suffix = match &self.focus {
            Some(focus) => focus.clone(),
            None => self.suffix(),
        };
        format!("{kind}-{suffix}")
    }

    fn suffix(&mut self) -> String {
        match self.rng.u32(..10) {
            0..6 => format!("{}-{}", self.who, self.rng.usize(..OWN)),
            6..9 => self.rng.usize(..COMMON).to_string(),
            _ => format!("{}-{}", self.of(&PEOPLE), self.rng.usize(..OWN)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::acts::any;
    use super::*;

    fn asks(seed: u64, who: &'static str) -> Vec<String> {
        let mut hand = Hand::deal(seed, who);
        (0..20).flat_map(|_| hand.burst(any).0).map(|ask| format!("{ask:?}")).collect()
    }

    #[test]
    fn a_seed_deals_each_person_the_same_again_and_another_seed_something_else() {
        assert_eq!(asks(7, "bob"), asks(7, "bob"));
        assert_ne!(asks(7, "bob"), asks(7, "carol"));
        assert_ne!(asks(7, "bob"), asks(8, "bob"));
    }
}

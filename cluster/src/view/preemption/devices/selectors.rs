//! Which devices pass which selectors. Found out once, for devices that a selector cannot tell apart together.

use std::collections::HashMap;
use std::hash::Hash;

use policy_engine::claims::{Mentions, Whole, passing};
use policy_engine::daemons::preemption::view::devices::Matching;

/// So many expressions are remembered, and so many verdicts of them.
const MOST_REMEMBERED: usize = 4096;
pub(super) const MOST_VERDICTS: usize = 100_000;

/// So many steps of expressions are taken in a turn: some tenths of a second. What is not known then passes nothing, and is
/// found out in a later turn.
const STEPS_OF_A_TURN: u64 = 5_000_000;

/// What reading an expression counts for.
const STEPS_TO_READ: u64 = 1_000;

/// What was found out of CEL expressions, from turn to turn.
#[derive(Debug, Default)]
pub struct Selectors {
    known: HashMap<String, Known>,
    verdicts: usize,
}

#[derive(Debug)]
struct Known {
    mentions: Mentions,
    /// By what is mentioned of a device.
    verdicts: HashMap<String, bool>,
}

impl Selectors {
    pub(super) fn begin<'w>(&mut self) -> Asked<'_, 'w> {
        if self.known.len() > MOST_REMEMBERED || self.verdicts > MOST_VERDICTS {
            *self = Self::default();
        }
        Asked { selectors: self, expressions: Numbered::default(), lists: Numbered::default() }
    }

    #[cfg(test)]
    pub(super) fn verdicts(&self) -> usize {
        self.verdicts
    }

    #[cfg(test)]
    pub(super) fn count(&mut self, verdicts: usize) {
        self.verdicts = verdicts;
    }

    /// What an expression mentions; `None` while it was not read.
    fn mentions(&mut self, expression: &str, steps: &mut u64) -> Option<Mentions> {
        if let Some(known) = self.known.get(expression) {
            return Some(known.mentions.clone());
        }
        *steps = steps.checked_sub(STEPS_TO_READ)?;
        let mentions = Mentions::of(expression);
        self.known.insert(expression.to_owned(), Known { mentions: mentions.clone(), verdicts: HashMap::new() });
        Some(mentions)
    }

    /// Whether each of these devices passes an expression, which are told apart by these texts.
    fn passes(&mut self, expression: &str, alike: &Alike<'_>, steps: &mut u64) -> Vec<bool> {
        let Some(known) = self.known.get_mut(expression) else { return vec![false; alike.samples.len()] };
        let texts = || alike.texts.of.iter();
        let new: Vec<_> = texts().zip(&alike.samples).filter(|(text, _)| !known.verdicts.contains_key(*text)).collect();
        if !new.is_empty() {
            let samples: Vec<_> = new.iter().map(|(_, sample)| **sample).collect();
            let verdicts = new.iter().zip(passing(expression, &samples, steps));
            let verdicts: Vec<_> = verdicts.filter_map(|((text, _), it)| Some(((*text).clone(), it?))).collect();
            self.verdicts += verdicts.len();
            known.verdicts.extend(verdicts);
        }
        texts().map(|text| known.verdicts.get(text).copied().unwrap_or_default()).collect()
    }
}

/// Values in the order in which they were first named.
struct Numbered<T> {
    of: Vec<T>,
    numbers: HashMap<T, usize>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { of: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Hash + Eq + Clone> Numbered<T> {
    /// The number of a value, and whether it is new.
    fn number<Q>(&mut self, value: &Q) -> (usize, bool)
    where
        Q: Hash + Eq + ToOwned<Owned = T> + ?Sized,
        T: std::borrow::Borrow<Q>,
    {
        if let Some(number) = self.numbers.get(value) {
            return (*number, false);
        }
        self.of.push(value.to_owned());
        self.numbers.insert(value.to_owned(), self.of.len() - 1);
        (self.of.len() - 1, true)
    }
}

/// Devices that are alike, one of each sort.
struct Alike<'d> {
    /// What tells them apart.
    texts: Numbered<String>,
    samples: Vec<Whole<'d>>,
    /// The sort of each.
    sorts: Vec<usize>,
}

impl<'d> Alike<'d> {
    fn by(mentions: &Mentions, devices: &[Whole<'d>]) -> Self {
        let mut alike =
            Self { texts: Numbered::default(), samples: Vec::new(), sorts: Vec::with_capacity(devices.len()) };
        let mut text = String::new();
        for device in devices {
            text.clear();
            mentions.write(*device, &mut text);
            let (sort, is_new) = alike.texts.number(text.as_str());
            alike.samples.extend(is_new.then_some(*device));
            alike.sorts.push(sort);
        }
        alike
    }
}

/// The selectors of a moment.
pub(super) struct Asked<'s, 'w> {
    selectors: &'s mut Selectors,
    expressions: Numbered<&'w str>,
    /// The expressions of each selector, all of which a device must pass.
    lists: Numbered<Vec<usize>>,
}

impl<'w> Asked<'_, 'w> {
    /// The number of a selector that is all of these expressions.
    pub(super) fn number(&mut self, expressions: &[&'w str]) -> usize {
        let expressions: Vec<_> = expressions.iter().map(|it| self.expressions.number::<&'w str>(it).0).collect();
        self.lists.number::<Vec<usize>>(&expressions).0
    }

    /// The kind of each device, and which kinds pass which selectors. Devices that pass the same are of one kind.
    pub(super) fn matching(self, devices: &[Whole<'_>]) -> (Vec<usize>, Matching) {
        let Self { selectors, expressions, lists } = self;
        let mut steps = STEPS_OF_A_TURN;
        let mut together = Mentions::default();
        let mut by_mentions: HashMap<Mentions, Vec<usize>> = HashMap::new();
        for (number, expression) in expressions.of.iter().enumerate() {
            if let Some(mentions) = selectors.mentions(expression, &mut steps) {
                together.add(&mentions);
                by_mentions.entry(mentions).or_default().push(number);
            }
        }
        let all = Alike::by(&together, devices);
        // Expression by expression, and sort by sort.
        let mut passes = vec![vec![false; all.samples.len()]; expressions.of.len()];
        for (mentions, numbers) in by_mentions {
            let alike = Alike::by(&mentions, &all.samples);
            for number in numbers {
                let verdicts = selectors.passes(expressions.of[number], &alike, &mut steps);
                passes[number] = alike.sorts.iter().map(|sort| verdicts[*sort]).collect();
            }
        }
        let verdicts = |sort: usize| {
            let of_all = |list: &Vec<usize>| list.iter().all(|expression| passes[*expression][sort]);
            lists.of.iter().map(of_all).collect::<Vec<_>>()
        };
        let mut kinds: Numbered<Vec<bool>> = Numbered::default();
        let kind_of_sort: Vec<_> = (0..all.samples.len()).map(|sort| kinds.number(&verdicts(sort)).0).collect();
        let rows = (0..lists.of.len()).map(|selector| kinds.of.iter().map(|passed| passed[selector]).collect());
        (all.sorts.iter().map(|sort| kind_of_sort[*sort]).collect(), Matching(rows.collect()))
    }
}

//! What a daemon is: data.

use std::any::Any;
use std::time::Duration;

use cluster::client::LookupFailed;
use cluster::world::{Topic, Unfit};
use cluster::write::{Amendment, News, Outcome, WriteFailed};
use futures::future::BoxFuture;
use jiff::Timestamp;
use store::Unavailable;

use super::GATHER;
use crate::stage::Stage;

/// A daemon.
#[derive(Clone, Copy)]
pub struct Daemon {
    pub(crate) name: &'static str,
    pub(crate) hears: &'static [Topic],
    pub(crate) hears_room: bool,
    pub(crate) hears_expected: bool,
    pub(crate) gather: Duration,
    pub(crate) interval: Duration,
    pub(crate) propose: Propose,
    pub(crate) begin: Option<Begin>,
}

type Propose = for<'a> fn(Turn<'a>) -> BoxFuture<'a, Result<Proposal, Refusal>>;
type Begin = for<'a> fn(&'a Stage) -> BoxFuture<'a, Result<Vec<News>, Refusal>>;

impl Daemon {
    /// A daemon of this name, as logs, metrics and field managers have it. `hears` is what its view is made of: it proposes
    /// nothing until these caches are fit, and looks again when one of them changes. `propose` observes, plans and has
    /// the plan audited, and writes nothing.
    pub const fn new(name: &'static str, hears: &'static [Topic], propose: Propose) -> Self {
        Self {
            name,
            hears,
            hears_room: false,
            hears_expected: false,
            gather: GATHER,
            interval: GATHER,
            propose,
            begin: None,
        }
    }

    /// It looks again also when accounts of the ledger have more room than before.
    pub const fn hearing_of_room(self) -> Self {
        Self { hears_room: true, ..self }
    }

    /// It looks again at once, and gathers nothing, when admission expects a template: somebody waits for it.
    pub const fn hearing_of_expected(self) -> Self {
        Self { hears_expected: true, ..self }
    }

    /// It waits only so long after a change for what comes with it: somebody waits for it.
    pub const fn gathering(self, gather: Duration) -> Self {
        Self { gather, interval: gather, ..self }
    }

    /// Its turns begin no closer together, whatever changes: they are dear.
    pub const fn at_most_every(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// What every replica does before its first turn, whether it leads or not, until it succeeds. Says what is to be told of it.
    pub const fn beginning_with(self, begin: Begin) -> Self {
        Self { begin: Some(begin), ..self }
    }
}

/// What a daemon proposes upon.
pub struct Turn<'a> {
    /// What exists, and what to write with.
    pub stage: &'a Stage,
    /// What it remembers.
    pub memory: &'a mut Memory,
    /// Whether this replica may still act: if not, what takes long is not worth finishing.
    pub may_act: &'a MayAct<'a>,
}

/// Whether this replica leads and goes on.
pub type MayAct<'a> = dyn Fn() -> bool + Send + Sync + 'a;

/// What a daemon remembers between turns, as a value of a type of its own.
#[derive(Default)]
pub struct Memory(Option<Box<dyn Any + Send>>);

impl Memory {
    /// What it remembers; the default in its first turn.
    pub fn of<T: Default + Send + 'static>(&mut self) -> &mut T {
        if !self.0.as_ref().is_some_and(|kept| kept.is::<T>()) {
            self.0 = Some(Box::<T>::default());
        }
        match self.0.as_mut().and_then(|kept| kept.downcast_mut()) {
            Some(kept) => kept,
            None => unreachable!("it was looked at, or made, a moment ago"),
        }
    }
}

/// What is to be done, audited.
#[derive(Default)]
pub struct Proposal {
    /// What is to be done, in this order.
    pub steps: Vec<Step>,
    /// So many steps may be on their way at a time; one, where it is not said.
    pub together: usize,
    /// What is not done, and why.
    pub refusals: Vec<News>,
    /// What is told besides, each time that it is proposed.
    pub tidings: Vec<News>,
    /// What an admin should look at, in sentences that end with what to do: `sluice status` shows them.
    pub attention: Vec<String>,
    /// What the records' status is to say.
    pub amendments: Vec<Amendment>,
    /// Whether there is more to do than one turn may.
    pub cut_short: bool,
    /// When there will be something to do though nothing changes.
    pub again_at: Option<Timestamp>,
}

/// One action.
pub struct Step {
    /// The line of the journal; `None` for what changes nothing that anybody sees.
    pub(crate) news: Option<News>,
    /// Whether an Event says it too, once it is done.
    pub(crate) tells: bool,
    pub(crate) act: Act,
}

type Act = BoxFuture<'static, Result<Outcome, StepFailed>>;

impl Step {
    /// An action that the journal and an Event speak of. Nothing happens before `act` is awaited.
    pub fn told(news: News, act: Act) -> Self {
        Self { news: Some(news), tells: true, act }
    }

    /// An action that only the journal speaks of: nobody can describe its object any more, or would want to.
    pub fn noted(news: News, act: Act) -> Self {
        Self { news: Some(news), tells: false, act }
    }

    /// An action that nobody speaks of beforehand.
    pub fn silent(act: Act) -> Self {
        Self { news: None, tells: false, act }
    }
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StepFailed {
    /// The API server did not accept it.
    #[error(transparent)]
    Write(#[from] WriteFailed),
    /// The ledger did not answer. It would not answer the steps that follow either: they are dropped.
    #[error("the ledger could not be asked")]
    Ledger(#[from] Unavailable),
}

/// Why a daemon proposes nothing.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What is seen is not fit to act on.
    #[error("refuses to act on this view")]
    Unfit(#[from] Unfit),
    /// The plan breaks a promise: a bug, and nothing is carried out.
    #[error("the audit stopped the plan")]
    Stopped(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The ledger did not answer; it is asked again soon.
    #[error("the ledger could not be asked")]
    Ledger(#[from] Unavailable),
    /// The API server did not answer; it is asked again soon.
    #[error("the API server could not be asked")]
    Lookup(#[from] LookupFailed),
}

impl Refusal {
    /// The plan breaks a promise.
    pub fn stopped(violation: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Stopped(Box::new(violation))
    }
}

//! What was decided, as values. `Display` is what people read.

use std::fmt;

use serde_json::Value;

use crate::claims::template::Template;
use crate::ledger::{Amounts, Request};
use crate::object::place::Place;
use crate::policy::rule_id::{self, RuleId};

/// The outcome of judging one submission.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Why it is refused; admitted if there are none.
    pub denials: Vec<Denial>,
    /// Denials beyond [`MOST_KEPT`] of a rule: counted, and not put into words.
    pub more: usize,
    /// What the platform writes, in no particular order; each place at most once.
    pub mutations: Vec<Mutation>,
    /// What people should know although it is admitted.
    pub warnings: Vec<String>,
    /// Why it would be refused if the rules that only warn were enforced.
    pub unenforced: Vec<Denial>,
    /// What the platform would write then.
    pub unimposed: Vec<Mutation>,
    /// What is to be reserved before it is admitted.
    pub reservation: Option<Box<Reservation>>,
    /// The templates of claims that the platform makes for its Pods.
    pub templates: Vec<Template>,
}

impl Decision {
    /// Whether the submission is admitted.
    pub fn allowed(&self) -> bool {
        self.denials.is_empty()
    }

    /// How many reasons there are, in words or not.
    pub fn reasons(&self) -> usize {
        self.denials.len() + self.more
    }

    /// The ids of the rules that deny, each once, in the order of the rules.
    pub fn denying_rules(&self) -> Vec<RuleId> {
        rules_of(&self.denials)
    }

    /// The ids of the rules that would deny if they were enforced, likewise.
    pub fn unenforced_rules(&self) -> Vec<RuleId> {
        rules_of(&self.unenforced)
    }
}

fn rules_of(denials: &[Denial]) -> Vec<RuleId> {
    let mut rules: Vec<_> = denials.iter().map(|denial| denial.rule).collect();
    rules.dedup();
    rules
}

/// What is reserved before a submission is admitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Reservation {
    /// What is asked of the ledger.
    pub request: Request,
    /// What becomes of it where there is no room.
    pub without_room: WithoutRoom,
}

/// What becomes of a submission for which an account has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutRoom {
    /// It is refused.
    Refuse,
    /// It is refused, and where there is room, nothing is charged for it yet: of a workspace, its Pod is charged when that is made.
    RefuseUncharged,
    /// It is admitted and charged all the same, with a warning.
    Warn,
    /// It is a workload that would make so many Pods: it reserves nothing, and is admitted with a warning. The request is for all of
    /// them, and for those of a rollout.
    Foresee {
        /// How many more than there are.
        pods: u64,
        /// How many beside those a rollout needs while it lasts, which has none to end first.
        surge: u64,
        /// What each is charged.
        each: Amounts,
        /// What makes them.
        by: Maker,
    },
}

/// What makes the Pods that are foreseen, as far as it matters when they come and how they are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// A workload that makes them now, and replaces them as a Deployment does, if it does.
    Workload,
    /// Makes one for each node that there is.
    DaemonSet,
    /// Makes them with each of its Jobs.
    CronJob,
}

/// One reason why a submission is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Id of the rule.
    pub rule: RuleId,
    /// The field that is at fault, as Kubernetes writes fields: `spec.containers[0].image`.
    pub field: String,
    /// What was asked, what is allowed, what to do: one line.
    pub message: String,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, field, message } = self;
        write!(f, "{rule}: {field}: {message}")
    }
}

/// Nobody reads more reasons at once, and a Pod of ten thousand containers has twenty thousand.
pub const MOST_SHOWN: usize = 100;

/// One rule puts no more reasons into words, and no more warnings.
pub const MOST_KEPT: usize = MOST_SHOWN;

/// The refusal as kubectl prints it, which shows this text and not the causes.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sluice: {} denied: {}", self.reasons(), rule_id::list(self.denying_rules()))?;
        for denial in self.denials.iter().take(MOST_SHOWN) {
            write!(f, "\n{denial}")?;
        }
        match self.reasons().saturating_sub(MOST_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// One thing that the platform writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutation {
    /// Id of the rule that writes it.
    pub rule: RuleId,
    /// Where.
    pub at: Place,
    /// What; `None` removes what is there.
    pub value: Option<Value>,
    /// Whether nobody asked for what it replaces: the API server put it there, or a manifest does not know of it.
    pub unasked: bool,
    /// How people read of what was asked there.
    pub told: Told,
}

/// How people read of something that they asked, and that the platform replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// By what was asked, and what it is set to.
    #[default]
    Plainly,
    /// In words of the rule's own.
    As(String),
    /// By what is told of another place.
    Elsewhere,
}

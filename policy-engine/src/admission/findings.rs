//! Where rules put what they find.

use std::fmt::Display;

use serde_json::Value;

use crate::admission::decision::{Decision, Denial, MOST_KEPT, Mutation, Told};
use crate::object::place::Place;
use crate::policy::modes::RuleMode;
use crate::policy::rule_id::RuleId;
use crate::sentence::one_line;

/// What one rule found.
#[derive(Debug)]
pub struct Findings {
    pub(crate) rule: RuleId,
    /// Whether the rule may change what was asked: one that only warns leaves it as it is.
    imposes: bool,
    /// What it would change if it were enforced, and why it would refuse.
    pub(crate) unimposed: Vec<Mutation>,
    pub(crate) unenforced: Vec<Denial>,
    pub(crate) denials: Vec<Denial>,
    /// Denials that were counted and not put into words.
    pub(crate) more: usize,
    pub(crate) mutations: Vec<Mutation>,
    pub(crate) warnings: Vec<String>,
    /// Those of them that advise an amount: a refusal of the amount goes before them.
    pub(crate) of_amounts: Vec<String>,
}

impl Findings {
    pub(crate) fn of(rule: RuleId) -> Self {
        Self::in_mode(rule, RuleMode::Enforce)
    }

    /// What a rule in this mode finds.
    pub(crate) fn in_mode(rule: RuleId, mode: RuleMode) -> Self {
        Self {
            rule,
            imposes: mode == RuleMode::Enforce,
            unimposed: Vec::new(),
            unenforced: Vec::new(),
            denials: Vec::new(),
            more: 0,
            mutations: Vec::new(),
            warnings: Vec::new(),
            of_amounts: Vec::new(),
        }
    }

    /// Whether the rule changes what was asked. A rule that only warns writes what people asked of the platform itself, and whose
    /// an object is; nothing else.
    pub fn imposes(&self) -> bool {
        self.imposes
    }

    /// Writes what nobody asked for. A rule that only warns says that it would.
    pub fn impose(&mut self, at: Place, value: impl Into<Value>) {
        self.unless_warning(at, Some(value.into()), Told::Plainly);
    }

    /// Removes what someone asked for. A rule that only warns says that it would.
    pub fn take_out(&mut self, at: Place, told: Told) {
        self.unless_warning(at, None, told);
    }

    fn unless_warning(&mut self, at: Place, value: Option<Value>, told: Told) {
        let mutation = Mutation { rule: self.rule, at, value, unasked: false, told };
        if self.imposes {
            self.mutations.push(mutation);
        } else if self.unimposed.len() < MOST_KEPT {
            self.unimposed.push(mutation);
        }
    }

    /// Refuses the submission. The sentence says what was asked, what is allowed and what to do, on one line.
    pub fn deny(&mut self, field: Place, why: impl Display) {
        if self.denials.len() == MOST_KEPT {
            self.more += 1;
            return;
        }
        self.denials.push(Denial { rule: self.rule, field: one_line(field), message: one_line(why) });
    }

    /// Writes a value, making the maps above it where they are missing.
    pub fn set(&mut self, at: Place, value: impl Into<Value>) {
        self.mutate(at, Some(value.into()), false);
    }

    /// Replaces what the API server filled in by itself.
    pub fn fill_in(&mut self, at: Place, value: impl Into<Value>) {
        self.mutate(at, Some(value.into()), true);
    }

    /// Removes what someone may have asked for.
    pub fn remove(&mut self, at: Place) {
        self.mutate(at, None, false);
    }

    /// Removes what the API server filled in by itself.
    pub fn discard(&mut self, at: Place) {
        self.mutate(at, None, true);
    }

    /// Writes again what stood there; nobody asked for anything else.
    pub fn put_back(&mut self, at: Place, value: impl Into<Value>) {
        self.mutate(at, Some(value.into()), true);
    }

    fn mutate(&mut self, at: Place, value: Option<Value>, unasked: bool) {
        self.mutations.push(Mutation { rule: self.rule, at, value, unasked, told: Told::Plainly });
    }

    /// Says something that does not stand in the way.
    pub fn warn(&mut self, text: impl Display) {
        if self.warnings.len() < MOST_KEPT {
            self.warnings.push(one_line(format_args!("{}: {text}", self.rule)));
        }
    }

    /// Says which amount of devices would not have to wait. Nobody reads it beside a refusal that says how much they may have.
    pub fn warn_of_amount(&mut self, text: impl Display) {
        self.warn(text);
        self.of_amounts.extend(self.warnings.last().cloned());
    }
}

impl From<Findings> for Decision {
    fn from(found: Findings) -> Self {
        let Findings { rule: _, imposes: _, unimposed, unenforced, denials, more, mutations, warnings, of_amounts: _ } =
            found;
        Self { denials, more, mutations, warnings, unenforced, unimposed, reservation: None, templates: Vec::new() }
    }
}

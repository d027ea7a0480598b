//! What several rules ask about a Pod: found for the first of them, and kept beside the Pod.

use std::cell::OnceCell;

use crate::claims::template::Template;
use crate::object::Unreadable;
use crate::policy::rule_id::RuleId;
use crate::submission::compute::Asked;

/// What several rules ask about a Pod, found for the first of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The template that the platform makes for it.
    pub(crate) made: OnceCell<Option<Wanted>>,
    /// The claims that its slots mean.
    pub(crate) slots: OnceCell<Vec<String>>,
    /// What it is to have of both.
    pub(crate) attachments: OnceCell<Vec<Attachment>>,
    /// What it asks of CPU and memory.
    pub(super) asked: OnceCell<Result<Asked, Unreadable>>,
}

/// A claim that a Pod is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attachment {
    /// The rule that wants it.
    pub(crate) rule: RuleId,
    /// Where it comes from.
    pub(crate) source: Source,
    /// The containers that use it.
    pub(crate) consumers: Consumers,
}

/// Where a claim comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// It exists, or will.
    Claim(String),
    /// It is made from a template.
    Template(String),
}

/// Who uses a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Consumers {
    /// Every app container uses all of it, unless the Pod says who does.
    Everybody,
    /// These containers.
    Each(Vec<Consumer>),
}

/// A container that uses a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Consumer {
    /// `containers` or `initContainers`.
    pub(crate) list: &'static str,
    /// Its place in the list.
    pub(crate) index: usize,
    /// The request that it uses; absent means all of the claim.
    pub(crate) request: Option<String>,
}

/// The template that a new Pod is to have.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The rule that wants it.
    pub(crate) rule: RuleId,
    pub(crate) template: Template,
    /// Who uses the claim.
    pub(crate) consumers: Consumers,
}

impl Source {
    /// The key of an element of `spec.resourceClaims`, and its value.
    pub(crate) fn key(&self) -> (&'static str, &str) {
        match self {
            Self::Claim(name) => ("resourceClaimName", name),
            Self::Template(name) => ("resourceClaimTemplateName", name),
        }
    }
}

//! Nodes that a Pod may be on: labels, affinity, taints.

use std::collections::BTreeMap;

use super::Node;

/// A taint of a node or a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value; often empty.
    pub value: String,
    /// What it does.
    pub effect: Effect,
}

/// What a taint does to Pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// They are not placed there.
    NoSchedule,
    /// They are not placed there, and those that run there are evicted.
    NoExecute,
}

/// What a Pod or a claim tolerates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Toleration {
    /// The taint's key; `None` is any.
    pub key: Option<String>,
    /// The taint's value; `None` is any (operator `Exists`).
    pub value: Option<String>,
    /// The taint's effect; `None` is any.
    pub effect: Option<Effect>,
}

impl Toleration {
    fn tolerates(&self, taint: &Taint) -> bool {
        self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self.value.as_ref().is_none_or(|value| *value == taint.value)
            && self.effect.is_none_or(|effect| effect == taint.effect)
    }
}

/// Whether every taint is tolerated.
pub fn tolerated(taints: &[Taint], tolerations: &[Toleration]) -> bool {
    taints.iter().all(|taint| tolerations.iter().any(|toleration| toleration.tolerates(taint)))
}

/// What a node must be. A term that says nothing holds nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    /// What its labels must be.
    pub labels: Vec<Expression>,
    /// What its name must be.
    pub names: Vec<Expression>,
}

/// One comparison. For a name the key means nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expression {
    /// The label's key.
    pub key: String,
    /// How it is compared.
    pub is: Is,
}

/// How a label is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Is {
    /// It is one of these.
    In(Vec<String>),
    /// It is none of these, or not there.
    NotIn(Vec<String>),
    /// It is there.
    There,
    /// It is not there.
    Absent,
    /// It is a number above this.
    Above(i64),
    /// It is a number below this.
    Below(i64),
}

impl Is {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::In(values) => value.is_some_and(|value| values.iter().any(|it| it == value)),
            Self::NotIn(values) => value.is_none_or(|value| values.iter().all(|it| it != value)),
            Self::There => value.is_some(),
            Self::Absent => value.is_none(),
            Self::Above(least) => number().is_some_and(|number| number > *least),
            Self::Below(most) => number().is_some_and(|number| number < *most),
        }
    }
}

impl Term {
    fn holds(&self, node: &Node) -> bool {
        let label = |it: &Expression| it.is.holds(node.labels.get(&it.key).map(String::as_str));
        let says_something = !(self.labels.is_empty() && self.names.is_empty());
        says_something && self.labels.iter().all(label) && self.names.iter().all(|it| it.is.holds(Some(&node.name)))
    }
}

/// Whether a node has all the labels of a selector.
pub fn selected(node: &Node, selector: &BTreeMap<String, String>) -> bool {
    selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
}

/// From which nodes a device can be used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// From this one.
    Node(String),
    /// From those for which one of the terms holds.
    Nodes(Vec<Term>),
    /// From all.
    Everywhere,
}

impl Reach {
    /// Whether it can be used from a node.
    pub fn includes(&self, node: &Node) -> bool {
        match self {
            Self::Node(name) => *name == node.name,
            Self::Nodes(terms) => any_holds(terms, node),
            Self::Everywhere => true,
        }
    }
}

/// Whether one of the terms holds for a node.
pub fn any_holds(terms: &[Term], node: &Node) -> bool {
    terms.iter().any(|term| term.holds(node))
}

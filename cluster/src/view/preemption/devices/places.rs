//! From where something can be used, as Kubernetes writes it.

use k8s_openapi::api::core::v1::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};
use policy_engine::daemons::preemption::view::places::{Expression, Is, Reach, Term};

/// The only field of a node that is compared.
const NAME: &str = "metadata.name";

/// The nodes that a selector selects.
pub(super) fn reach(selector: &NodeSelector) -> Reach {
    let mut terms: Vec<_> = selector.node_selector_terms.iter().filter_map(term).collect();
    if let [Term { labels, names }] = &mut terms[..]
        && let (true, [Expression { is: Is::In(nodes), .. }]) = (labels.is_empty(), &mut names[..])
        && let [node] = &mut nodes[..]
    {
        return Reach::Node(std::mem::take(node));
    }
    Reach::Nodes(terms)
}

/// `None` for one that nobody can read: it holds nowhere.
fn term(term: &NodeSelectorTerm) -> Option<Term> {
    let all = |expressions: &Option<Vec<NodeSelectorRequirement>>| {
        expressions.iter().flatten().map(expression).collect::<Option<Vec<_>>>()
    };
    let names = all(&term.match_fields)?;
    names.iter().all(|it| it.key == NAME).then_some(Term { labels: all(&term.match_expressions)?, names })
}

fn expression(requirement: &NodeSelectorRequirement) -> Option<Expression> {
    let values = || requirement.values.clone().unwrap_or_default();
    let number = || match values().as_slice() {
        [number] => number.parse().ok(),
        _ => None,
    };
    let is = match requirement.operator.as_str() {
        "In" => Is::In(values()),
        "NotIn" => Is::NotIn(values()),
        "Exists" => Is::There,
        "DoesNotExist" => Is::Absent,
        "Gt" => Is::Above(number()?),
        "Lt" => Is::Below(number()?),
        _ => return None,
    };
    Some(Expression { key: requirement.key.clone(), is })
}

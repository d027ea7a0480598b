//! From where something can be used, as Kubernetes writes it.

use k8s_openapi::api::core::v1::NodeSelector;
use policy_engine::daemons::preemption::view::places::{Expression, Is, Reach, Term};

use crate::world::placing::terms;

/// The nodes that a selector selects.
pub(super) fn reach(selector: &NodeSelector) -> Reach {
    let mut terms = terms(selector);
    if let [Term { labels, names }] = &mut terms[..]
        && let (true, [Expression { is: Is::In(nodes), .. }]) = (labels.is_empty(), &mut names[..])
        && let [node] = &mut nodes[..]
    {
        return Reach::Node(std::mem::take(node));
    }
    Reach::Nodes(terms)
}

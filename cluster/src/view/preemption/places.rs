//! Nodes, and the budgets of the Pods on them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::api::core::v1;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::core::{Selector, SelectorExt};
use policy_engine::daemons::preemption::view::{Amounts, Budget, Node};
use policy_engine::ledger::Life;
use policy_engine::policy::quantity::{self, Unit};

use crate::world::World;
use crate::world::placing::taints;
use crate::world::pod::{Pod, life};

/// `None` for one without a name, which does not exist. What it does not say it has, it has not.
pub(super) fn node(node: &v1::Node) -> Option<Node> {
    let offered = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
    let amount = |resource: &str, unit| {
        let text = &offered?.get(resource)?.0;
        i64::try_from(quantity::parse(text, unit).ok()?).ok()
    };
    let allocatable = Amounts {
        milli_cpu: amount("cpu", Unit::Milli).unwrap_or_default(),
        memory: amount("memory", Unit::One).unwrap_or_default(),
        pods: amount("pods", Unit::One).unwrap_or_default(),
    };
    let other = |(name, Quantity(text)): (&String, &Quantity)| {
        let is_other = !["cpu", "memory", "pods"].contains(&name.as_str());
        is_other.then(|| Some((name.clone(), quantity::parse_down(text, Unit::One).ok()?))).flatten()
    };
    let others = offered.into_iter().flatten().filter_map(other).collect();
    Some(Node {
        name: node.metadata.name.clone()?,
        labels: node.metadata.labels.clone().unwrap_or_default(),
        taints: taints(node.spec.as_ref().and_then(|spec| spec.taints.as_ref())),
        allocatable,
        others,
    })
}

/// Every budget, with the Pods that it protects.
pub(super) fn budgets(world: &World, pods: &[Arc<Pod>]) -> Vec<Budget> {
    let budgets = world.budgets();
    if budgets.is_empty() {
        return Vec::new();
    }
    let mut by_namespace: HashMap<&str, Vec<&Pod>> = HashMap::new();
    for pod in pods.iter().filter(|pod| life(pod) != Life::Finished) {
        by_namespace.entry(pod.metadata.namespace.as_deref().unwrap_or_default()).or_default().push(pod);
    }
    budgets.iter().filter_map(|it| budget(it, &by_namespace)).collect()
}

/// One that was changed and not looked at since lets nobody go.
fn budget(budget: &PodDisruptionBudget, pods: &HashMap<&str, Vec<&Pod>>) -> Option<Budget> {
    let (namespace, name) = (budget.metadata.namespace.clone()?, budget.metadata.name.clone()?);
    let selector = Selector::try_from(budget.spec.as_ref()?.selector.clone()?).ok()?;
    let status = budget.status.as_ref();
    let seen = status.filter(|status| status.observed_generation >= budget.metadata.generation);
    let none = BTreeMap::new();
    let selected = pods.get(namespace.as_str()).into_iter().flatten();
    let selected = selected.filter(|pod| selector.matches(pod.metadata.labels.as_ref().unwrap_or(&none)));
    Some(Budget {
        pods: selected.filter_map(|pod| pod.metadata.uid.clone()).collect(),
        allowed: seen.and_then(|status| u32::try_from(status.disruptions_allowed?).ok()).unwrap_or_default(),
        namespace,
        name,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_node_offers_what_pods_may_take_of_it() {
        let read = |change: Value| {
            let read: v1::Node = serde_json::from_value(change).expect("a Node");
            node(&read).expect("it has a name")
        };
        let seen = read(json!({
            "metadata": {"name": "gpu-a", "labels": {"zone": "a"}},
            "spec": {"taints": [{"key": "x", "effect": "NoSchedule"}]},
            "status": {"allocatable": {"cpu": "7500m", "memory": "1Gi", "pods": "110", "ephemeral-storage": "1Ti", "example.com/foo": "2"}, "capacity": {"cpu": "8"}},
        }));
        assert_eq!(seen.allocatable, Amounts { milli_cpu: 7500, memory: 1 << 30, pods: 110 });
        assert_eq!(seen.others, [("ephemeral-storage".to_owned(), 1 << 40), ("example.com/foo".to_owned(), 2)].into());
        assert_eq!((seen.name.as_str(), seen.taints.len(), seen.labels.len()), ("gpu-a", 1, 1));
        assert_eq!(read(json!({"metadata": {"name": "new"}})).allocatable, Amounts::default());
    }

    #[test]
    fn a_budget_protects_what_it_selects_and_lets_nobody_go_before_it_was_looked_at() {
        let pod = |name: &str, labels: Value| -> Pod {
            let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "n", "name": name, "uid": name, "labels": labels},
                "spec": {"containers": []}, "status": {"phase": "Running"}});
            serde_json::from_value(pod).expect("a Pod")
        };
        let (owl, hawk) = (pod("owl", json!({"app": "birds", "kind": "owl"})), pod("hawk", json!({"app": "birds"})));
        let pods: HashMap<_, _> = [("n", vec![&owl, &hawk])].into();
        let read = |selector: Value, generation: i64, namespace: &str| {
            let read: PodDisruptionBudget = serde_json::from_value(json!({
                "metadata": {"namespace": namespace, "name": "b", "generation": generation},
                "spec": {"selector": selector},
                "status": {"disruptionsAllowed": 1, "observedGeneration": 3, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0},
            }))
            .expect("a PodDisruptionBudget");
            budget(&read, &pods).map(|it| (it.pods.into_iter().collect::<Vec<_>>(), it.allowed))
        };
        let both = || vec!["hawk".to_owned(), "owl".to_owned()];
        let by_expression = json!({"matchExpressions": [{"key": "kind", "operator": "Exists"}]});
        assert_eq!(read(json!({"matchLabels": {"app": "birds"}}), 3, "n"), Some((both(), 1)));
        assert_eq!(read(by_expression, 3, "n"), Some((vec!["owl".to_owned()], 1)));
        assert_eq!(read(json!({}), 4, "n"), Some((both(), 0)), "it was changed since");
        assert_eq!(read(json!({}), 3, "elsewhere"), Some((Vec::new(), 1)));
        assert_eq!(read(Value::Null, 3, "n"), None, "it selects nobody");
    }
}

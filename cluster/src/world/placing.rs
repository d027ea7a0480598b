//! Where a Pod may go that has no node yet, and what a node lets there.

use k8s_openapi::api::core::v1::{
    Affinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint as NodeTaint,
    Toleration as PodToleration,
};
use policy_engine::daemons::preemption::view::places::{Effect, Expression, Is, Taint, Term, Toleration};

use std::collections::BTreeMap;

/// The only field of a node that is compared.
const NAME: &str = "metadata.name";

/// What a Pod requires of its node. Preferences are left out: nobody ends for those.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placing {
    /// Labels that the node must have.
    pub node_selector: BTreeMap<String, String>,
    /// One of the terms must hold; `None` requires nothing.
    pub affinity: Option<Vec<Term>>,
    /// The taints of nodes that it tolerates.
    pub tolerations: Vec<Toleration>,
    /// Whether it requires something else by which only the scheduler knows nodes: volumes, other Pods near or far, ports.
    pub asks_more: bool,
}

impl Placing {
    /// `None` for a Pod that has a node.
    pub(super) fn of(spec: &PodSpec) -> Option<Box<Self>> {
        if spec.node_name.as_ref().is_some_and(|node| !node.is_empty()) {
            return None;
        }
        let affinity = spec.affinity.as_ref().and_then(|it| it.node_affinity.as_ref());
        let required = affinity.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
        Some(Box::new(Self {
            node_selector: spec.node_selector.clone().unwrap_or_default(),
            affinity: required.map(terms),
            tolerations: spec.tolerations.iter().flatten().map(toleration).collect(),
            asks_more: asks_more(spec),
        }))
    }
}

fn asks_more(spec: &PodSpec) -> bool {
    let of_others = |it: &Affinity| {
        let near =
            it.pod_affinity.as_ref().and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
        let far = it.pod_anti_affinity.as_ref();
        let far = far.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
        near.into_iter().chain(far).any(|terms| !terms.is_empty())
    };
    let containers = || spec.containers.iter().chain(spec.init_containers.iter().flatten());
    spec.affinity.as_ref().is_some_and(of_others)
        || spec.topology_spread_constraints.iter().flatten().any(|it| it.when_unsatisfiable == "DoNotSchedule")
        || spec.volumes.iter().flatten().any(|it| it.persistent_volume_claim.is_some() || it.ephemeral.is_some())
        || containers().flat_map(|it| it.ports.iter().flatten()).any(|port| port.host_port.is_some_and(|port| port > 0))
}

/// The terms of a selector of nodes, of which one must hold. One that nobody can read holds nowhere.
pub(crate) fn terms(selector: &NodeSelector) -> Vec<Term> {
    selector.node_selector_terms.iter().filter_map(term).collect()
}

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

fn toleration(toleration: &PodToleration) -> Toleration {
    let PodToleration { key, operator, value, effect, .. } = toleration;
    let exists = operator.as_deref() == Some("Exists");
    Toleration {
        key: key.clone().filter(|key| !key.is_empty()),
        value: (!exists).then(|| value.clone().unwrap_or_default()),
        effect: effect_of(effect.as_deref()),
    }
}

/// The taints of a node, those left out that only ask to go elsewhere.
pub(crate) fn taints(taints: Option<&Vec<NodeTaint>>) -> Vec<Taint> {
    let kept = |NodeTaint { key, value, effect, .. }: &NodeTaint| {
        let (key, value) = (key.clone(), value.clone().unwrap_or_default());
        Some(Taint { key, value, effect: effect_of(Some(effect))? })
    };
    taints.into_iter().flatten().filter_map(kept).collect()
}

fn effect_of(effect: Option<&str>) -> Option<Effect> {
    match effect {
        Some("NoSchedule") => Some(Effect::NoSchedule),
        Some("NoExecute") => Some(Effect::NoExecute),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn placing(spec: Value) -> Option<Box<Placing>> {
        Placing::of(&serde_json::from_value(spec).expect("a PodSpec"))
    }

    #[test]
    fn what_a_waiting_pod_requires_of_a_node_is_kept_and_what_it_prefers_is_not() {
        let required = json!({"nodeSelectorTerms": [{
            "matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}, {"key": "gen", "operator": "Gt", "values": ["3"]}],
            "matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["gpu-a"]}],
        }]});
        let preferred =
            json!([{"weight": 1, "preference": {"matchExpressions": [{"key": "x", "operator": "Exists"}]}}]);
        let affinity = json!({"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": required,
            "preferredDuringSchedulingIgnoredDuringExecution": preferred,
        }});
        let tolerations = json!([
            {"key": "dedicated", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
            {"key": "maintenance", "operator": "Exists"},
            {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ]);
        let pod = placing(json!({"containers": [], "nodeSelector": {"disk": "ssd"}, "affinity": affinity, "tolerations": tolerations}))
            .expect("it has no node");
        let labels = vec![
            Expression { key: "zone".into(), is: Is::In(vec!["a".into(), "b".into()]) },
            Expression { key: "gen".into(), is: Is::Above(3) },
        ];
        let names = vec![Expression { key: "metadata.name".into(), is: Is::NotIn(vec!["gpu-a".into()]) }];
        assert_eq!(pod.affinity, Some(vec![Term { labels, names }]));
        assert_eq!(pod.node_selector, [("disk".to_owned(), "ssd".to_owned())].into());
        let of = |key: Option<&str>, value: Option<&str>, effect| Toleration {
            key: key.map(str::to_owned),
            value: value.map(str::to_owned),
            effect,
        };
        let expected = [
            of(Some("dedicated"), Some("gpu"), Some(Effect::NoSchedule)),
            of(Some("maintenance"), None, None),
            of(None, None, Some(Effect::NoExecute)),
        ];
        assert_eq!(pod.tolerations, expected);
        assert_eq!(placing(json!({"containers": [], "nodeName": "gpu-a"})), None, "it is where it is");
    }

    #[test]
    fn what_only_the_scheduler_knows_of_nodes_is_told_from_what_is_looked_at() {
        let asks_more = |spec: Value| placing(spec).expect("it has no node").asks_more;
        let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "x"}}});
        let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]});
        let preferred =
            json!({"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}]});
        let spread = |when: &str| json!({"containers": [], "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": when}]});
        let volume = |volume: Value| json!({"containers": [], "volumes": [volume]});
        assert!(asks_more(volume(json!({"name": "v", "persistentVolumeClaim": {"claimName": "x"}}))));
        assert!(asks_more(volume(json!({"name": "v", "ephemeral": {}}))));
        assert!(asks_more(json!({"containers": [], "affinity": {"podAffinity": required}})));
        assert!(asks_more(json!({"containers": [], "affinity": {"podAntiAffinity": required}})));
        assert!(asks_more(spread("DoNotSchedule")));
        assert!(asks_more(json!({"containers": [{"name": "c", "ports": [{"containerPort": 80, "hostPort": 80}]}]})));
        assert!(!asks_more(volume(json!({"name": "v", "emptyDir": {}}))));
        assert!(!asks_more(json!({"containers": [], "affinity": {"podAntiAffinity": preferred, "nodeAffinity": {}}})));
        assert!(!asks_more(spread("ScheduleAnyway")));
        assert!(!asks_more(json!({"containers": [{"name": "c", "ports": [{"containerPort": 80}]}]})));
    }

    #[test]
    fn a_taint_that_only_asks_to_go_elsewhere_keeps_nobody_off() {
        let all = ["PreferNoSchedule", "NoSchedule", "NoExecute"];
        let all = all.map(|effect| NodeTaint { effect: effect.into(), key: effect.into(), ..NodeTaint::default() });
        let kept: Vec<_> = taints(Some(&all.to_vec())).into_iter().map(|taint| taint.key).collect();
        assert_eq!(kept, ["NoSchedule", "NoExecute"]);
    }
}

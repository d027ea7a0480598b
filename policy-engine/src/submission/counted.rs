//! How many extended resources a Pod asks for, by Kubernetes' arithmetic.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::{Deserialize, Serialize};

use crate::policy::quantity::{Unit, parse, parse_up};

/// Extended resources by name, and how many of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted(BTreeMap<String, u64>);

impl Counted {
    /// What this spec asks. What is no number the API server refuses. Everything is read once, however many names there are.
    pub fn by(spec: &PodSpec) -> Self {
        Self::sums(spec, asked)
    }

    fn sums<'s>(spec: &'s PodSpec, asked: impl Fn(&'s Container) -> BTreeMap<&'s str, u64>) -> Self {
        let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
        for container in spec.init_containers.iter().flatten() {
            let is_sidecar = container.restart_policy.as_deref() == Some("Always");
            for (name, count) in asked(container) {
                let sum = sums.entry(name).or_default();
                let with_sidecars = sum.beside.saturating_add(count);
                if is_sidecar {
                    sum.beside = with_sidecars;
                }
                sum.most = sum.most.max(with_sidecars);
            }
        }
        for (name, count) in spec.containers.iter().flat_map(&asked) {
            let sum = sums.entry(name).or_default();
            sum.beside = sum.beside.saturating_add(count);
        }
        Self(sums.into_iter().map(|(name, sum)| (name.to_owned(), sum.most.max(sum.beside))).collect())
    }

    /// What this spec requests of a node's own resources besides CPU and memory, such as ephemeral storage and huge pages. What is no
    /// amount the API server refuses.
    pub fn of_node(spec: &PodSpec) -> Self {
        Self::sums(spec, |container| {
            let resources = container.resources.as_ref();
            let list = |list: fn(&ResourceRequirements) -> Option<&BTreeMap<String, Quantity>>| {
                resources.and_then(list).into_iter().flatten()
            };
            let own =
                |(name, _): &(&String, &Quantity)| !name.contains('/') && !["cpu", "memory"].contains(&name.as_str());
            // Who states a limit alone requests it.
            let all = list(|it| it.limits.as_ref()).chain(list(|it| it.requests.as_ref())).filter(own);
            all.filter_map(|(name, Quantity(text))| Some((name.as_str(), parse_up(text, Unit::One).ok()?))).collect()
        })
    }

    /// Each name, and how many.
    pub fn each(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, count)| (name.as_str(), *count))
    }
}

/// What is asked of one resource.
#[derive(Default)]
struct Sum {
    /// By those that run beside each other, as far as they have been read.
    beside: u64,
    /// The most that there is while init containers run.
    most: u64,
}

/// What a container asks, each name once; names of a node's own resources have no prefix.
fn asked(container: &Container) -> BTreeMap<&str, u64> {
    let mut found = BTreeMap::new();
    let lists = container.resources.iter().flat_map(|it| [&it.limits, &it.requests]);
    for (name, quantity) in lists.flat_map(|list| list.iter().flatten()).filter(|(name, _)| name.contains('/')) {
        if let Ok(count) = parse(&quantity.0, Unit::One) {
            let most = found.entry(name.as_str()).or_insert(0);
            *most = count.max(*most);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sidecars_and_containers_add_up_and_the_largest_init_container_counts_alone() {
        let asks = |count: u64| json!({"limits": {"rdma/hca": count.to_string(), "cpu": "1"}});
        let spec = serde_json::from_value(json!({
            "initContainers": [
                {"name": "side", "restartPolicy": "Always", "resources": asks(2)},
                {"name": "init", "resources": asks(5)},
            ],
            "containers": [{"name": "a", "resources": asks(1)}, {"name": "b", "resources": asks(3)}],
        }));
        let counted = Counted::by(&spec.expect("a spec"));
        assert_eq!(counted.each().collect::<Vec<_>>(), [("rdma/hca", 7)]);
    }

    #[test]
    fn of_a_node_s_own_resources_the_request_counts_and_the_limit_where_there_is_none() {
        let spec = serde_json::from_value(json!({"containers": [
            {"name": "a", "resources": {"requests": {"ephemeral-storage": "1Gi", "cpu": "1"}, "limits": {"ephemeral-storage": "900Gi"}}},
            {"name": "b", "resources": {"limits": {"ephemeral-storage": "2Gi", "hugepages-2Mi": "4Mi", "example.com/foo": "1"}}},
        ]}));
        let counted = Counted::of_node(&spec.expect("a spec"));
        assert_eq!(counted.each().collect::<Vec<_>>(), [("ephemeral-storage", 3 << 30), ("hugepages-2Mi", 4 << 20)]);
    }
}

//! How many extended resources a Pod asks for, by Kubernetes' arithmetic.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde::{Deserialize, Serialize};

use crate::policy::quantity::{Unit, parse};

/// Extended resources by name, and how many of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted(BTreeMap<String, u64>);

impl Counted {
    /// What this spec asks. What is no number the API server refuses.
    pub fn by(spec: &PodSpec) -> Self {
        let init = spec.init_containers.iter().flatten();
        let names: std::collections::BTreeSet<_> =
            init.chain(&spec.containers).flat_map(asked).map(|(name, _)| name.to_owned()).collect();
        let of = |container: &Container, name: &str| {
            asked(container).filter(|(it, _)| *it == name).map(|(_, count)| count).max().unwrap_or(0)
        };
        let count = |name: &String| {
            let (mut beside, mut most) = (0_u64, 0_u64);
            for container in spec.init_containers.iter().flatten() {
                let with_sidecars = beside.saturating_add(of(container, name));
                if container.restart_policy.as_deref() == Some("Always") {
                    beside = with_sidecars;
                }
                most = most.max(with_sidecars);
            }
            let apps = spec.containers.iter().map(|it| of(it, name));
            most.max(apps.fold(beside, u64::saturating_add))
        };
        Self(names.iter().map(|name| (name.clone(), count(name))).collect())
    }

    /// Each name, and how many.
    pub fn each(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, count)| (name.as_str(), *count))
    }
}

/// What a container asks; names of a node's own resources have no prefix.
fn asked(container: &Container) -> impl Iterator<Item = (&str, u64)> {
    let lists = container.resources.iter().flat_map(|it| [&it.limits, &it.requests]);
    let all = lists.flat_map(|list| list.iter().flatten()).filter(|(name, _)| name.contains('/'));
    all.filter_map(|(name, quantity)| Some((name.as_str(), parse(&quantity.0, Unit::One).ok()?)))
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
}

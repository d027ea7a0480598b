//! What a Pod holds of CPU and memory while it runs: the largest of what its spec asks, what the kubelet has allocated, and
//! what its containers really have.
//!
//! A resize changes the spec at once. The kubelet follows when it can: memory that a process uses cannot be taken back, and a
//! node may have no room. The scheduler keeps the largest free on the node (`PodRequests` with `UseStatusResources` in
//! k8s.io/component-helpers), and so does the ledger. What the kubelet has called infeasible for the spec of today does not
//! count.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ContainerStatus, PodStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{Asked, Pair, Part, Said, amounts, max};
use crate::ledger::Amounts;
use crate::object::Unreadable;

/// What a Pod's status says that it has. Only kubelets write it; what is no amount there is not said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    containers: BTreeMap<String, Has>,
    whole: Has,
    infeasible: Option<i64>,
}

/// What the kubelet says of a container, or of the Pod as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Has {
    allocated: Option<Said>,
    actual: Option<Said>,
}

impl Given {
    /// What this status says.
    pub fn by(status: &PodStatus) -> Self {
        let of_init = status.init_container_statuses.iter().flatten();
        let containers = status.container_statuses.iter().flatten().chain(of_init);
        let actual = status.resources.as_ref().and_then(|it| it.requests.as_ref());
        let pending = status.conditions.iter().flatten().find(|it| it.type_ == "PodResizePending");
        Self {
            containers: containers.filter_map(of_container).collect(),
            whole: Has::of(status.allocated_resources.as_ref(), actual),
            infeasible: pending
                .filter(|it| it.reason.as_deref() == Some("Infeasible"))
                .and_then(|it| it.observed_generation),
        }
    }

    /// Whether the kubelet has said of the spec of this generation that it cannot be had.
    fn is_infeasible(&self, generation: Option<i64>) -> bool {
        self.infeasible.zip(generation).is_some_and(|(seen, now)| seen >= now)
    }
}

fn of_container(status: &ContainerStatus) -> Option<(String, Has)> {
    let actual = status.resources.as_ref().and_then(|it| it.requests.as_ref());
    let has = Has::of(status.allocated_resources.as_ref(), actual);
    (has != Has::default()).then(|| (status.name.clone(), has))
}

impl Has {
    fn of(allocated: Option<&BTreeMap<String, Quantity>>, actual: Option<&BTreeMap<String, Quantity>>) -> Self {
        let read = |list: Option<&_>| amounts(Some(list?), "requests").ok();
        Self { allocated: read(allocated), actual: read(actual) }
    }
}

impl Asked {
    /// What a Pod that asks this holds by its status; `generation` is the Pod's `metadata.generation`.
    ///
    /// # Errors
    /// Where that is more than the platform counts.
    pub fn held(&self, given: &Given, generation: Option<i64>) -> Result<Amounts, Unreadable> {
        let infeasible = given.is_infeasible(generation);
        let asks = |part: &Part| if infeasible { Pair::default() } else { part.asks };
        let has = |part: &Part| given.containers.get(&part.name).copied().unwrap_or_default();
        let (allocated, actual) = match given.whole {
            Has { allocated: Some(allocated), actual: Some(actual) } => (amount(allocated), amount(actual)),
            Has { .. } => {
                let allocated = |part: &Part| has(part).allocated.map_or_else(|| asks(part), amount);
                let actual = |part: &Part| has(part).actual.map_or_else(|| allocated(part), amount);
                (self.add_up(allocated)?, self.add_up(actual)?)
            }
        };
        let containers = max(self.add_up(asks)?, max(allocated, actual));
        self.with_overhead(containers, self.whole_held(given.whole, infeasible))
    }

    /// The largest of what the Pod as a whole asks and has, if it asks anything as a whole.
    fn whole_held(&self, has: Has, infeasible: bool) -> Said {
        if self.whole == Said::default() || has.actual.is_none() {
            return self.whole;
        }
        let said = [(!infeasible).then_some(self.whole), has.allocated, has.actual];
        [0, 1].map(|resource| said.iter().flatten().filter_map(|it| it[resource]).max())
    }
}

fn amount(said: Said) -> Pair {
    said.map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::PodSpec;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    fn held(spec: Value, status: Value) -> (u64, u64) {
        let spec = PodSpec::deserialize(spec).expect("a spec");
        let status = PodStatus::deserialize(status).expect("a status");
        let asked = Asked::by(&spec).expect("amounts");
        let amounts = asked.held(&Given::by(&status), Some(7)).expect("a sum");
        (amounts.milli_cpu, amounts.memory_bytes)
    }

    fn container(name: &str, cpu: &str) -> Value {
        json!({"name": name, "resources": {"requests": {"cpu": cpu, "memory": "10"}}})
    }

    fn status(name: &str, allocated: Value, actual: Value) -> Value {
        json!({"name": name, "ready": true, "image": "x", "imageID": "x", "restartCount": 0,
            "allocatedResources": allocated, "resources": {"requests": actual}})
    }

    fn infeasible(generation: i64) -> Value {
        json!([{"type": "PodResizePending", "status": "True", "reason": "Infeasible", "observedGeneration": generation}])
    }

    #[test]
    fn the_largest_of_spec_allocated_and_actual_counts() {
        let spec = json!({"containers": [container("a", "2"), container("b", "1")]});
        assert_eq!(held(spec.clone(), json!({"phase": "Pending"})), (3000, 20));
        let of = |a: Value| held(spec.clone(), json!({"containerStatuses": [a]}));
        assert_eq!(of(status("a", json!({"cpu": "1"}), json!({"cpu": "1"}))), (3000, 20), "the spec");
        assert_eq!(of(status("a", json!({"cpu": "8"}), json!({"cpu": "1"}))), (9000, 20), "what is allocated");
        assert_eq!(
            of(status("a", json!({"cpu": "1"}), json!({"cpu": "6", "memory": "99"}))),
            (7000, 109),
            "what is so"
        );
        assert_eq!(
            of(status("a", json!({"cpu": "5"}), Value::Null)),
            (6000, 20),
            "what is allocated is so, unless said"
        );
    }

    #[test]
    fn what_a_sidecar_has_adds_to_what_the_others_have() {
        let mut sidecar = container("s", "1");
        sidecar["restartPolicy"] = json!("Always");
        let spec = json!({"initContainers": [sidecar], "containers": [container("a", "1")]});
        let has = json!({"initContainerStatuses": [status("s", json!({"cpu": "4"}), Value::Null)]});
        assert_eq!(held(spec, has), (5000, 20));
    }

    #[test]
    fn what_is_infeasible_is_not_counted_until_the_spec_is_another() {
        let spec = json!({"containers": [container("a", "50")]});
        let has = |conditions| {
            json!({"conditions": conditions,
                "containerStatuses": [status("a", json!({"cpu": "2", "memory": "10"}), Value::Null)]})
        };
        assert_eq!(held(spec.clone(), has(infeasible(7))), (2000, 10));
        assert_eq!(held(spec.clone(), has(infeasible(6))), (50_000, 10), "said of an earlier spec");
        let mut deferred = infeasible(7);
        deferred[0]["reason"] = json!("Deferred");
        assert_eq!(held(spec, has(deferred)), (50_000, 10));
    }

    #[test]
    fn what_the_pod_as_a_whole_has_counts_where_the_kubelet_says_it() {
        let mut spec = json!({"containers": [container("a", "1")], "overhead": {"cpu": "100m"}});
        let has = json!({"allocatedResources": {"cpu": "6"}, "resources": {"requests": {"cpu": "5"}}});
        assert_eq!(held(spec.clone(), has.clone()), (6100, 10), "the sum of its containers");
        spec["resources"] = json!({"requests": {"cpu": "4"}});
        assert_eq!(held(spec.clone(), has.clone()), (6100, 10), "and of what it asks as a whole");
        assert_eq!(held(spec, json!({"allocatedResources": {"cpu": "6"}})), (4100, 10));
    }
}

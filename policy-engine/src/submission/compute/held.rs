//! What a Pod holds of CPU and memory while it runs: the largest of what its spec asks, what the kubelet has allocated, and
//! what its containers really have.
//!
//! A resize changes the spec at once. The kubelet follows when it can: memory that a process uses cannot be taken back, and a
//! node may have no room. The scheduler keeps the largest free on the node (`PodRequests` with `UseStatusResources` in
//! k8s.io/component-helpers), and so does the ledger. What the kubelet has called infeasible for the spec of today does not
//! count.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ContainerStatus, PodStatus, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{Asked, Pair, Part, Said, Stated, amount, amounts, max};
use crate::ledger::Amounts;
use crate::object::Unreadable;
use crate::policy::platform::ChargeBy;

/// From here on a limit is none: where a Pod has no limit, the kubelet says of one on cgroup v1 how many bytes a counter of pages can hold.
const UNLIMITED: u64 = 1 << 62;

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
    /// What is set aside. Limits that are allocated and not in force yet are said nowhere.
    allocated: Option<Said>,
    actual: Option<Stated>,
}

impl Given {
    /// What this status says.
    pub fn by(status: &PodStatus) -> Self {
        let of_init = status.init_container_statuses.iter().flatten();
        let containers = status.container_statuses.iter().flatten().chain(of_init);
        let pending = status.conditions.iter().flatten().find(|it| it.type_ == "PodResizePending");
        Self {
            containers: containers.filter_map(of_container).collect(),
            whole: Has::of(status.allocated_resources.as_ref(), status.resources.as_ref()),
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
    let has = Has::of(status.allocated_resources.as_ref(), status.resources.as_ref());
    (has != Has::default()).then(|| (status.name.clone(), has))
}

impl Has {
    fn of(allocated: Option<&BTreeMap<String, Quantity>>, actual: Option<&ResourceRequirements>) -> Self {
        let allocated = allocated.and_then(|list| amounts(Some(list), "requests").ok());
        let bounded =
            |stated: Stated| Stated { limits: stated.limits.map(|it| it.filter(|it| *it < UNLIMITED)), ..stated };
        let actual = Stated::by(actual).ok().map(bounded).filter(|actual| *actual != Stated::default());
        Self { allocated, actual }
    }
}

impl Stated {
    /// What counts of what somebody has. A limit is no request here: only of a spec does the API server make one of the other.
    fn had(self, by: ChargeBy) -> Pair {
        match by {
            ChargeBy::Requests => amount(self.requests),
            ChargeBy::Limits => amount(self.charged(by)),
        }
    }
}

impl Asked {
    /// What a Pod that asks this holds by its status; `generation` is the Pod's `metadata.generation`.
    ///
    /// # Errors
    /// Where that is more than the platform counts.
    pub fn held(&self, given: &Given, generation: Option<i64>, by: ChargeBy) -> Result<Amounts, Unreadable> {
        let infeasible = given.is_infeasible(generation);
        let asks = |part: &Part| if infeasible { Pair::default() } else { amount(part.asks.charged(by)) };
        let has = |part: &Part| given.containers.get(&part.name).copied().unwrap_or_default();
        let allocated = |part: &Part| has(part).allocated.map_or_else(|| asks(part), amount);
        let actual = |part: &Part| has(part).actual.map_or_else(|| allocated(part), |it| it.had(by));
        let of_each = || Ok(max(self.add_up(allocated)?, self.add_up(actual)?));
        let of_all = given.whole.allocated.zip(given.whole.actual);
        let given_now = match (by, of_all.map(|(allocated, actual)| max(amount(allocated), actual.had(by)))) {
            (ChargeBy::Requests, Some(of_all)) => of_all,
            // It is what is set aside for them together. Each of them may have a limit beyond that.
            (ChargeBy::Limits, Some(of_all)) => max(of_all, of_each()?),
            (ChargeBy::Requests | ChargeBy::Limits, None) => of_each()?,
        };
        self.in_all(by, max(self.add_up(asks)?, given_now), &self.whole_held(given.whole, infeasible))
    }

    /// What the Pod as a whole asks and has, if it asks anything as a whole.
    fn whole_held(&self, has: Has, infeasible: bool) -> Vec<Stated> {
        let Some(actual) = has.actual.filter(|_| self.whole != Stated::default()) else { return vec![self.whole] };
        let allocated = has.allocated.unwrap_or_default();
        let requests = [0, 1].map(|resource| allocated[resource].max(actual.requests[resource]));
        let asked = (!infeasible).then_some(self.whole);
        asked.into_iter().chain([Stated { requests, ..actual }]).collect()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::PodSpec;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    fn held(spec: Value, status: Value) -> (u64, u64) {
        held_by(ChargeBy::Requests, spec, status)
    }

    fn held_by(by: ChargeBy, spec: Value, status: Value) -> (u64, u64) {
        let spec = PodSpec::deserialize(spec).expect("a spec");
        let status = PodStatus::deserialize(status).expect("a status");
        let asked = Asked::by(&spec).expect("amounts");
        let amounts = asked.held(&Given::by(&status), Some(7), by).expect("a sum");
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

    /// As a kubelet on cgroup v1 says it of every Pod that was resized.
    #[test]
    fn a_pod_without_a_limit_holds_no_more_than_it_requests_whatever_its_node_calls_unlimited() {
        let spec = json!({"containers": [{"name": "a", "resources": {"requests": {"cpu": "2"}}}]});
        let of_a = status("a", json!({"cpu": "2"}), json!({"cpu": "2"}));
        let has = json!({"containerStatuses": [of_a], "allocatedResources": {"cpu": "2"},
            "resources": {"requests": {"cpu": "2"}, "limits": {"memory": "9007199254740988Ki"}}});
        assert_eq!(held(spec.clone(), has.clone()), (2000, 0));
        assert_eq!(held_by(ChargeBy::Limits, spec.clone(), has.clone()), (2000, 0));
        let mut bounded = has;
        bounded["resources"]["limits"]["memory"] = json!("1Gi");
        assert_eq!(held(spec.clone(), bounded.clone()), (2000, 0), "a limit is no request");
        assert_eq!(held_by(ChargeBy::Limits, spec, bounded), (2000, 1 << 30));
    }

    #[test]
    fn class_limits_beyond_requests_a_limit_that_is_in_force_counts_until_the_kubelet_has_lowered_it() {
        let mut spec = json!({"containers": [container("a", "1"), container("b", "1")]});
        spec["containers"][0]["resources"]["limits"] = json!({"cpu": "2"});
        let has = |limit: &str, conditions: Value| {
            let mut of_a = status("a", json!({"cpu": "1"}), json!({"cpu": "1"}));
            of_a["resources"]["limits"] = json!({"cpu": limit});
            json!({"containerStatuses": [of_a], "conditions": conditions})
        };
        let by_limits = |spec: &Value, has| held_by(ChargeBy::Limits, spec.clone(), has).0;
        assert_eq!(by_limits(&spec, has("32", json!([]))), 33_000);
        assert_eq!(by_limits(&spec, has("2", json!([]))), 3000);
        spec["containers"][0]["resources"]["limits"] = json!({"cpu": "64"});
        assert_eq!(by_limits(&spec, has("2", json!([]))), 65_000, "a resize that may come");
        assert_eq!(by_limits(&spec, has("2", infeasible(7))), 2000, "and one that does not");
        assert_eq!(held(spec, has("64", json!([]))), (2000, 20), "requests are charged");
    }

    #[test]
    fn class_limits_beyond_requests_what_is_set_aside_for_the_whole_bounds_no_container() {
        let mut spec = json!({"containers": [container("a", "1")], "resources": {"requests": {"cpu": "4"}}});
        spec["containers"][0]["resources"]["limits"] = json!({"cpu": "2"});
        let mut of_a = status("a", json!({"cpu": "1"}), json!({"cpu": "1"}));
        of_a["resources"]["limits"] = json!({"cpu": "32"});
        let mut has = json!({"containerStatuses": [of_a],
            "allocatedResources": {"cpu": "4"}, "resources": {"requests": {"cpu": "4"}}});
        let by_limits = |spec: &Value, has: &Value| held_by(ChargeBy::Limits, spec.clone(), has.clone()).0;
        assert_eq!(by_limits(&spec, &has), 32_000);
        spec["resources"]["limits"] = json!({"cpu": "6"});
        assert_eq!(by_limits(&spec, &has), 32_000, "the limit is not in force yet");
        has["resources"]["limits"] = json!({"cpu": "8"});
        assert_eq!(by_limits(&spec, &has), 8000);
    }
}

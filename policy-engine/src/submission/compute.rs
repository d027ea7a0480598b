//! What a Pod takes of CPU and memory, by the scheduler's arithmetic.
//!
//! Containers run beside each other and add up, together with the sidecars (init containers that are always restarted).
//! Each init container runs alone but for the sidecars that were started before it, so the largest of them counts if it
//! is larger than that sum. What the Pod as a whole asks goes before what its containers do. The overhead of its
//! RuntimeClass comes on top. A container that states a limit and no request asks for its limit.
//!
//! Where [limits are charged](ChargeBy::Limits), the same is added up of what each container may use: its limit, where
//! it states one, else its request. A limit of the Pod as a whole goes before what its containers may use. A request of
//! the Pod as a whole does not, because it keeps no container from using more.

mod held;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Serialize;

use crate::ledger::Amounts;
use crate::object::Unreadable;
use crate::object::place::Place;
use crate::policy::platform::ChargeBy;
use crate::policy::quantity::{Unit, parse_up};

pub use held::Given;

/// CPU in thousandths of a core, and memory in bytes.
type Pair = [u64; 2];
/// The same, where either may be left unsaid.
type Said = [Option<u64>; 2];
const RESOURCES: [(&str, Unit); 2] = [("cpu", Unit::Milli), ("memory", Unit::One)];

/// What a Pod's spec asks, container by container: that much has to be known of it to add up what it takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asked {
    init: Vec<Part>,
    containers: Vec<Part>,
    whole: Stated,
    overhead: Pair,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Part {
    name: String,
    asks: Stated,
    is_sidecar: bool,
}

/// What is set aside for somebody, and what they may use at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Stated {
    requests: Said,
    limits: Said,
}

impl Asked {
    /// What this spec asks.
    ///
    /// # Errors
    /// Where something is no amount.
    pub fn by(spec: &PodSpec) -> Result<Self, Unreadable> {
        let init = spec.init_containers.iter().flatten().enumerate();
        let containers = spec.containers.iter().enumerate();
        Ok(Self {
            init: init.map(|(index, it)| Part::of(it, "initContainers", index)).collect::<Result<_, _>>()?,
            containers: containers.map(|(index, it)| Part::of(it, "containers", index)).collect::<Result<_, _>>()?,
            whole: Stated::by(spec.resources.as_ref()).map_err(|why| why.within(Place::of(["resources"])))?,
            overhead: amounts(spec.overhead.as_ref(), "overhead")?.map(Option::unwrap_or_default),
        })
    }

    /// What the Pod takes if it has what it asks.
    ///
    /// # Errors
    /// Where that is more than the platform counts.
    pub fn taken(&self, by: ChargeBy) -> Result<Amounts, Unreadable> {
        self.in_all(by, self.add_up(|part| amount(part.asks.charged(by)))?, &[self.whole])
    }

    /// What its containers take together, of which each takes what is said here.
    fn add_up(&self, takes: impl Fn(&Part) -> Pair) -> Result<Pair, Unreadable> {
        let mut beside = Pair::default();
        let mut largest = Pair::default();
        for part in &self.init {
            let with_sidecars = sum(beside, takes(part))?;
            if part.is_sidecar {
                beside = with_sidecars;
            }
            largest = max(largest, with_sidecars);
        }
        for part in &self.containers {
            beside = sum(beside, takes(part))?;
        }
        Ok(max(beside, largest))
    }

    /// What the Pod takes whose containers take so much together; `whole` is all that is said of it as a whole.
    fn in_all(&self, by: ChargeBy, containers: Pair, whole: &[Stated]) -> Result<Amounts, Unreadable> {
        let total = [0, 1].map(|resource| {
            let said = whole.iter().filter_map(|it| it.charged(by)[resource]).max();
            let is_bounded = match by {
                ChargeBy::Requests => true,
                ChargeBy::Limits => whole.iter().all(|it| it.limits[resource].is_some()),
            };
            let containers = containers[resource];
            if is_bounded { said.unwrap_or(containers) } else { containers.max(said.unwrap_or_default()) }
        });
        let [milli_cpu, memory_bytes] = sum(total, self.overhead)?;
        Ok(Amounts { milli_cpu, memory_bytes, ..Amounts::default() })
    }
}

impl Part {
    fn of(container: &Container, list: &'static str, index: usize) -> Result<Self, Unreadable> {
        let at = || Place::of([list]).index(index).key("resources");
        Ok(Self {
            name: container.name.clone(),
            asks: Stated::by(container.resources.as_ref()).map_err(|why| why.within(at()))?,
            is_sidecar: container.restart_policy.as_deref() == Some("Always"),
        })
    }
}

impl Stated {
    fn by(requirements: Option<&ResourceRequirements>) -> Result<Self, Unreadable> {
        let Some(ResourceRequirements { requests, limits, .. }) = requirements else { return Ok(Self::default()) };
        let requests = amounts(requests.as_ref(), "requests")?;
        Ok(Self { requests, limits: amounts(limits.as_ref(), "limits")? })
    }

    fn charged(self, by: ChargeBy) -> Said {
        let Self { requests, limits } = self;
        match by {
            ChargeBy::Requests => [0, 1].map(|resource| requests[resource].or(limits[resource])),
            // The API server allows no limit below the request.
            ChargeBy::Limits => [0, 1].map(|resource| limits[resource].max(requests[resource])),
        }
    }
}

fn amounts(list: Option<&BTreeMap<String, Quantity>>, at: &'static str) -> Result<Said, Unreadable> {
    let mut found = [None; 2];
    for (found, (resource, unit)) in found.iter_mut().zip(RESOURCES) {
        let Some(Quantity(text)) = list.and_then(|list| list.get(resource)) else { continue };
        let read = parse_up(text, unit).map_err(|why| Unreadable {
            field: Place::of([at, resource]),
            why: format!("asked {text:?}; {why}; write an amount such as 500m or 4Gi"),
        });
        *found = Some(read?);
    }
    Ok(found)
}

fn amount(said: Said) -> Pair {
    said.map(Option::unwrap_or_default)
}

fn max(one: Pair, two: Pair) -> Pair {
    [one[0].max(two[0]), one[1].max(two[1])]
}

fn sum(one: Pair, two: Pair) -> Result<Pair, Unreadable> {
    // What SQL holds is signed.
    let add = |index: usize| one[index].checked_add(two[index]).filter(|sum| i64::try_from(*sum).is_ok());
    add(0).zip(add(1)).map(<[_; 2]>::from).ok_or_else(too_much)
}

fn too_much() -> Unreadable {
    Unreadable {
        field: Place::root(),
        why: "asked more CPU or memory in all than the platform counts; ask for less".into(),
    }
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    fn charged(by: ChargeBy, spec: Value) -> Result<(u64, u64), String> {
        let spec = PodSpec::deserialize(spec).expect("a spec");
        let taken = Asked::by(&spec).and_then(|asked| asked.taken(by));
        let amounts = taken.map_err(|why| why.within(Place::of(["spec"])).to_string())?;
        assert_eq!((amounts.milli_gpu, amounts.devices), (0, 0));
        Ok((amounts.milli_cpu, amounts.memory_bytes))
    }

    fn taken(spec: Value) -> Result<(u64, u64), String> {
        charged(ChargeBy::Requests, spec)
    }

    fn container(cpu: &str, memory: &str) -> Value {
        json!({"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}})
    }

    fn sidecar(cpu: &str, memory: &str) -> Value {
        let mut it = container(cpu, memory);
        it["restartPolicy"] = json!("Always");
        it
    }

    #[test]
    fn containers_add_up_and_the_largest_init_container_counts_alone() {
        let app = [container("1", "10"), container("500m", "20")];
        assert_eq!(taken(json!({"containers": app})), Ok((1500, 30)));
        let init = [container("2", "5"), container("1", "25")];
        assert_eq!(taken(json!({"containers": app, "initContainers": init})), Ok((2000, 30)));
    }

    #[test]
    fn a_sidecar_adds_to_what_comes_after_it() {
        let app = [container("1", "10")];
        let before = [sidecar("1", "1"), container("2", "5")];
        assert_eq!(taken(json!({"containers": app, "initContainers": before})), Ok((3000, 11)));
        let after = [container("2", "5"), sidecar("1", "1")];
        assert_eq!(taken(json!({"containers": app, "initContainers": after})), Ok((2000, 11)));
    }

    #[test]
    fn the_pod_as_a_whole_goes_before_its_containers_and_overhead_comes_on_top() {
        let whole = json!({"requests": {"cpu": "4"}, "limits": {"memory": "100"}});
        let overhead = json!({"cpu": "250m", "memory": "7"});
        let spec = json!({"containers": [container("1", "10")], "resources": whole, "overhead": overhead});
        assert_eq!(taken(spec), Ok((4250, 107)));
    }

    #[test]
    fn a_limit_without_a_request_is_asked() {
        let resources = json!({"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "8"}});
        assert_eq!(taken(json!({"containers": [{"name": "c", "resources": resources}]})), Ok((1000, 8)));
        assert_eq!(taken(json!({"containers": [{"name": "c"}]})), Ok((0, 0)));
    }

    #[test]
    fn class_limits_beyond_requests_a_container_is_charged_its_limit_or_else_its_request() {
        let one = |resources: Value| {
            charged(ChargeBy::Limits, json!({"containers": [{"name": "c", "resources": resources}]}))
        };
        assert_eq!(one(json!({"requests": {"cpu": "100m", "memory": "8"}, "limits": {"cpu": "32"}})), Ok((32_000, 8)));
        assert_eq!(one(json!({"limits": {"cpu": "2", "memory": "8"}})), Ok((2000, 8)));
        assert_eq!(one(json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}})), Ok((2000, 0)), "never less");
        assert_eq!(one(json!({})), Ok((0, 0)));
    }

    #[test]
    fn class_limits_beyond_requests_sidecars_and_init_containers_are_added_up_as_ever() {
        let limited = |mut it: Value, cpu: &str| {
            it["resources"]["limits"] = json!({"cpu": cpu});
            it
        };
        let app = [limited(container("100m", "10"), "4")];
        let init = [limited(sidecar("100m", "1"), "2"), limited(container("100m", "5"), "8")];
        let spec = json!({"containers": app, "initContainers": init, "overhead": {"cpu": "250m"}});
        assert_eq!(charged(ChargeBy::Limits, spec.clone()), Ok((10_250, 11)));
        assert_eq!(taken(spec), Ok((450, 11)));
    }

    #[test]
    fn class_limits_beyond_requests_the_pod_as_a_whole_bounds_its_containers_by_a_limit_alone() {
        let resources = json!({"requests": {"cpu": "100m"}, "limits": {"cpu": "32"}});
        let of = |whole: Value| {
            let app = json!([{"name": "c", "resources": resources}]);
            charged(ChargeBy::Limits, json!({"containers": app, "resources": whole})).map(|(cpu, _)| cpu)
        };
        assert_eq!(of(json!({"requests": {"cpu": "1"}, "limits": {"cpu": "8"}})), Ok(8000));
        assert_eq!(of(json!({"requests": {"cpu": "1"}})), Ok(32_000), "the container may use more than that");
        assert_eq!(of(json!({"requests": {"cpu": "40"}})), Ok(40_000));
    }

    #[test]
    fn what_is_no_amount_is_named() {
        let of_bad = |text: &str| taken(json!({"containers": [container("1", "1"), container(text, "1")]}));
        let field = "spec.containers[1].resources.requests.cpu";
        assert_eq!(
            of_bad("much").expect_err("no amount"),
            format!(
                "{field}: asked \"much\"; a quantity is digits with an optional fraction and suffix, e.g. 4, 0.5, 500m or 64Gi; write an amount such as 500m or 4Gi"
            )
        );
        assert!(of_bad("-1").expect_err("no amount").starts_with(&format!("{field}: asked \"-1\"; ")));
        assert!(of_bad("9e16").expect_err("too much").contains("larger than 2^63"));
        let most = container("1", &i64::MAX.to_string());
        assert_eq!(
            taken(json!({"containers": [most, most]})).expect_err("too much"),
            "spec: asked more CPU or memory in all than the platform counts; ask for less"
        );
    }
}

//! How many Pods a workload has at once.

use serde_json::Value;

/// What the spec of a Job says, or of another workload of replicas; `None` where it says nothing. That it is suspended does not count.
pub(crate) fn pods_at_once(spec: &Value) -> Option<u64> {
    let number = |key: &str| spec.get(key).and_then(Value::as_u64);
    let of_job = number("parallelism").map(|at_once| number("completions").map_or(at_once, |all| all.min(at_once)));
    of_job.or_else(|| number("replicas"))
}

//! How many Pods more a rollout needs than there are.
//!
//! A Deployment that rolls out makes up to `maxSurge` Pods beside those that run, and ends as many as `maxUnavailable` allows. Where
//! it may end none before a new one is ready, it waits for room for one. So does a DaemonSet that has a `maxSurge`: it ends no Pod of a
//! node before the new one there is ready. StatefulSets end each Pod before they make its successor.

use serde_json::Value;

use crate::object::Object;
use crate::object::kinds::GroupResource;

/// Kubernetes' default of both numbers of a Deployment.
const DEFAULT: &str = "25%";

/// How many Pods a rollout of `replicas` needs beside those that there are; 0 where it can end some of them first.
pub(super) fn surge(resource: &GroupResource, workload: Object<'_>, replicas: u64) -> u64 {
    let (strategy, defaults) = match (resource.group.as_str(), resource.resource.as_str()) {
        ("apps", "deployments") => ("strategy", [Value::from(DEFAULT), Value::from(DEFAULT)]),
        ("apps", "daemonsets") => ("updateStrategy", [Value::from(0), Value::from(1)]),
        (_, _) => return 0,
    };
    let kind = workload.at(&["spec", strategy, "type"]).and_then(Value::as_str).unwrap_or("RollingUpdate");
    if kind != "RollingUpdate" || replicas == 0 {
        return 0;
    }
    let said = |key: &str| workload.at(&["spec", strategy, "rollingUpdate", key]);
    let [surge, unavailable] = &defaults;
    let (surge, unavailable) = (said("maxSurge").unwrap_or(surge), said("maxUnavailable").unwrap_or(unavailable));
    let (Some(surge), Some(unavailable)) = (part(surge, replicas, true), part(unavailable, replicas, false)) else {
        return 0;
    };
    // Where both are none, Kubernetes lets one be unavailable. With room for one it goes on, one after the other.
    if unavailable > 0 { 0 } else { surge.min(1) }
}

/// A number, or a percentage of all, as Kubernetes rounds it; `None` where it is neither.
fn part(said: &Value, all: u64, up: bool) -> Option<u64> {
    if let Some(number) = said.as_u64() {
        return Some(number);
    }
    let percent: u64 = said.as_str()?.strip_suffix('%')?.parse().ok()?;
    let hundredths = all.saturating_mul(percent);
    Some(if up { hundredths.div_ceil(100) } else { hundredths / 100 })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rollout_needs_room_where_it_may_end_nothing_first() {
        let surge_of = |replicas: u64, strategy: Value| {
            let deployment = json!({"spec": {"replicas": replicas, "strategy": strategy}});
            surge(&GroupResource::new("apps", "deployments"), Object(&deployment), replicas)
        };
        let rolling = |surge: Value, unavailable: Value| json!({"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}});
        assert_eq!((surge_of(2, json!({})), surge_of(3, Value::Null), surge_of(4, json!({}))), (1, 1, 0));
        assert_eq!(surge_of(2, json!({"type": "Recreate"})), 0);
        assert_eq!(surge_of(2, rolling(json!(0), json!(1))), 0);
        assert_eq!(surge_of(2, rolling(json!(0), json!(0))), 0);
        assert_eq!(surge_of(8, rolling(json!("50%"), json!(0))), 1);
        assert_eq!(surge_of(3, rolling(json!("50%"), json!("20%"))), 1);
        assert_eq!((surge_of(0, json!({})), surge_of(2, rolling(json!("many"), json!(0)))), (0, 0));
        assert_eq!(surge(&GroupResource::new("apps", "statefulsets"), Object(&json!({"spec": {}})), 2), 0);
    }

    #[test]
    fn a_daemon_set_needs_room_where_it_surges() {
        let surge_of = |nodes: u64, strategy: Value| {
            let daemons = json!({"spec": {"updateStrategy": strategy}});
            surge(&GroupResource::new("apps", "daemonsets"), Object(&daemons), nodes)
        };
        let rolling =
            |surge: Value| json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": 0}});
        assert_eq!(
            (surge_of(3, rolling(json!(2))), surge_of(3, rolling(json!("10%"))), surge_of(0, rolling(json!(1)))),
            (1, 1, 0)
        );
        assert_eq!((surge_of(3, Value::Null), surge_of(3, json!({"type": "OnDelete"}))), (0, 0));
    }
}

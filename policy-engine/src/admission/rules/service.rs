//! # service: Services take no address of the cluster that nobody gave them
//!
//! A Service with `externalIPs` takes over traffic to those addresses on every node, whoever they belong to. A
//! `loadBalancerIP` asks for an address that may be another project's. A Service of type `NodePort` opens a port on every
//! node, past what guards the ways in, and so does a node port that a Service of type `LoadBalancer` names by its number
//! (`nodePort`, `healthCheckNodePort`).
//!
//! The platform refuses each of them unless `PlatformPolicy.spec.services` lists it: `ExternalIPs`, `LoadBalancerIP`,
//! `NodePort`. A Service that has one goes on with it. Services of type `ClusterIP`, `LoadBalancer` and `ExternalName` need
//! nobody's word; the ports that Kubernetes chooses for a load balancer are its own.

use serde_json::Value;

use crate::admission::findings::Findings;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::platform::ServiceFeature;
use crate::submission::Act;
use crate::submission::case::Case;

const HEALTH: &str = "healthCheckNodePort";

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let (Some(object), Act::Create | Act::Update) = (case.object().filter(|_| case.is_service()), case.submission.act)
    else {
        return;
    };
    for feature in ServiceFeature::ALL {
        let asked = asked(object, feature);
        let had = case.old().and_then(|old| self::asked(old, feature));
        if let Some(asked) = asked.filter(|asked| had != Some(asked))
            && !case.policy.platform().services.contains(&feature)
        {
            let why = format!(
                "asked {asked}; this platform gives Services no {feature}; leave it out, or ask an admin to list {feature} under PlatformPolicy.spec.services"
            );
            say.deny(Place::of(["spec", field(feature)]), why);
        }
    }
    if !case.is_allocated && !case.policy.platform().services.contains(&ServiceFeature::NodePort) {
        node_ports(case, object, say);
    }
}

/// Ports by number, which Kubernetes did not choose: once it has, nothing tells one from the other.
fn node_ports(case: &Case<'_>, object: Object<'_>, say: &mut Findings) {
    let had: Vec<_> = case.old().map(numbers).unwrap_or_default().into_iter().map(|(_, number)| number).collect();
    for (place, number) in numbers(object).into_iter().filter(|(_, number)| !had.contains(number)) {
        let why = format!(
            "asked port {number} of every node; this platform gives Services no NodePort; leave it out, and Kubernetes chooses a load balancer's; or ask an admin to list NodePort under PlatformPolicy.spec.services"
        );
        say.deny(place, why);
    }
}

/// The ports of nodes that a Service has, with their places. 0 is none.
fn numbers(object: Object<'_>) -> Vec<(Place, &Value)> {
    let ports = object.at(&["spec", "ports"]).and_then(Value::as_array).into_iter().flatten().enumerate();
    let of_ports = ports.filter_map(|(index, port)| {
        Some((Place::of(["spec", "ports"]).index(index).key("nodePort"), port.get("nodePort")?))
    });
    let health = object.at(&["spec", HEALTH]).map(|port| (Place::of(["spec", HEALTH]), port));
    of_ports.chain(health).filter(|(_, number)| !number.is_null() && **number != 0).collect()
}

fn field(feature: ServiceFeature) -> &'static str {
    match feature {
        ServiceFeature::ExternalIps => "externalIPs",
        ServiceFeature::LoadBalancerIp => "loadBalancerIP",
        ServiceFeature::NodePort => "type",
    }
}

/// What a Service asks of this feature, if anything.
fn asked(object: Object<'_>, feature: ServiceFeature) -> Option<&Value> {
    let value = object.at(&["spec", field(feature)])?;
    let is_asked = match feature {
        ServiceFeature::ExternalIps => value.as_array().is_some_and(|list| !list.is_empty()),
        ServiceFeature::LoadBalancerIp => value.as_str().is_some_and(|text| !text.is_empty()),
        ServiceFeature::NodePort => value.as_str() == Some("NodePort"),
    };
    is_asked.then_some(value)
}

//! # service: Services take no address of the cluster that nobody gave them
//!
//! A Service with `externalIPs` takes over traffic to those addresses on every node, whoever they belong to. A
//! `loadBalancerIP` asks for an address that may be another project's. A Service of type `NodePort` opens a port on every
//! node, past what guards the ways in.
//!
//! The platform refuses each of them unless `PlatformPolicy.spec.services` lists it: `ExternalIPs`, `LoadBalancerIP`,
//! `NodePort`. A Service that has one goes on with it. Services of type `ClusterIP`, `LoadBalancer` and `ExternalName` need
//! nobody's word.

use serde_json::Value;

use crate::admission::findings::Findings;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::platform::ServiceFeature;
use crate::submission::Act;
use crate::submission::case::Case;

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

//! What the scheduler gives and reserves: what was not known when it was asked.

use std::fmt;

use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use serde::Deserialize;

use super::{Asked, Names, NotAllowed, contains, is_outside};
use crate::admission::findings::Findings;
use crate::admission::whose_plan::{NO_GPU, WhosePlan};
use crate::claims::Understood;
use crate::contract;
use crate::object::place::Place;
use crate::policy::model::Model;
use crate::submission::case::Case;
use crate::submission::devices::GivenDevice;

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    given(case, say);
    reserved(case, say);
}

/// What the scheduler gives for an extended resource that is left to it.
fn given(case: &Case<'_>, say: &mut Findings) {
    if case.devices.given.is_empty() {
        return;
    }
    let allowed = case.allowed_models_in(None);
    let known = |it: &GivenDevice| {
        let mut models = case.policy.records().models.values();
        models.find(|model| model.is(&it.product, it.profile.as_deref()))
    };
    for device in &case.devices.given {
        // What is no model's is no GPU that anybody counts.
        let Some(model) = known(device).filter(|model| !contains(&allowed, model)) else { continue };
        let place = Place::of(["status", "allocation", "devices", "results"]).index(device.index).key("device");
        say.deny(place, Given { case, device, model, allowed: &allowed });
    }
}

/// A claim that came after the Pod that names it is judged when the Pod is to have it.
fn reserved(case: &Case<'_>, say: &mut Findings) {
    let younger = || case.devices.reserving.iter().filter(|pod| pod.is_there && !pod.claim_is_older);
    let Some(claim) = case.object().filter(|_| younger().next().is_some()) else { return };
    let Some(Ok(spec)) = claim.at(&["spec"]).map(ResourceClaimSpec::deserialize) else { return };
    let understood = Understood::of(&spec, &case.devices.classes, case.policy);
    let planned = case.allowed_models_in(None);
    for pod in younger() {
        let queue = pod.queue.as_deref().and_then(|asked| case.policy.queue_asked(asked));
        let allowed = case.allowed_models_in(queue);
        for request in understood.requests.iter().filter(|it| is_outside(it, &planned, &allowed)) {
            let why = NotAllowed { case, asked: Asked::Request(request), allowed: &allowed, queue };
            let field = Place::of(["status", "reservedFor"]);
            say.deny(field, format_args!("Pod {} named the claim before it was made: {why}", pod.name));
        }
    }
}

/// A device of a model that is not allowed, which the scheduler chose.
struct Given<'a> {
    case: &'a Case<'a>,
    device: &'a GivenDevice,
    model: &'a Model,
    allowed: &'a [&'a Model],
}

impl fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, device: GivenDevice { id, .. }, model, allowed } = self;
        write!(
            f,
            "the scheduler chose device {} of pool {}, a {}, for an extended resource; ",
            id.device, id.pool, model.id
        )?;
        write!(f, "{} ", WhosePlan(case))?;
        match allowed {
            [] => f.write_str(NO_GPU),
            allowed => write!(
                f,
                "allows {}; ask by the labels {}: inline and {}, or ask an admin to enforce the rule extended-resource here",
                Names(allowed),
                contract::SHARING_MODE,
                contract::GPU_MODEL
            ),
        }
    }
}

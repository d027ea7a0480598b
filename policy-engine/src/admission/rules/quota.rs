//! # quota: nobody runs more than their share
//!
//! A project has a quota of GPU, devices, CPU and memory (`ResourcePlan.spec.quota`), and each user has one in it
//! (`perUser`). What runs in a project counts against the project, against every project above it (`Project.spec.parent`),
//! and against what its user may have in the project. Without a plan in force it is `PlatformPolicy.spec.withoutPlan` that
//! limits the project; a closed window changes no quota.
//!
//! A Pod is charged the CPU and memory that the scheduler sets aside for it. It is charged when it is admitted, or, if it
//! has scheduling gates, when the last of them is taken off: until then it holds nothing. A workload is charged nothing;
//! its Pods are. A device claim is charged its GPU (`dra-gpu-count` × `dra-sm-pct`) and its devices to its owner, once
//! however many Pods name it, and only while one does.
//!
//! What could never run, because one Pod of it asks for more than somebody who pays may have in all, is refused at once.
//! A workload with more Pods than have room now is admitted with a warning: those that have none start when there is.

mod words;

use crate::admission::findings::Findings;
use crate::charge;
use crate::gpu::own_claim;
use crate::ledger::{Amounts, Limits, Resource};
use crate::submission::case::{Act, Case};
use crate::submission::identity::Owner;
use crate::submission::pod::Pod;

use words::Never;
pub use words::{Crowd, Foreseen, Full, said, who};

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    if !matches!(case.submission.act, Act::Create | Act::Update) {
        return;
    }
    let Ok(owner) = &case.owner else { return };
    let payers = charge::payers(case.policy, case.project, owner.id(), case.now);
    for pod in &case.pods {
        could_ever_run(case, pod, owner, &payers, say);
    }
}

fn could_ever_run(case: &Case<'_>, pod: &Pod<'_>, owner: &Owner<'_>, payers: &Limits, say: &mut Findings) {
    let at = pod.at(["spec"]);
    let asked = match pod.amounts() {
        Ok(asked) => asked.plus(own_claims(case, pod)),
        Err(unreadable) => return say.deny(unreadable.field.clone(), &unreadable.why),
    };
    for (account, limits) in &payers.0 {
        for resource in Resource::ALL {
            let (asked, limit) = (asked.of(resource), resource.limit(limits));
            if let Some(limit) = limit.filter(|limit| asked > *limit) {
                say.deny(at.clone(), Never { resource, asked, account, limit, owner });
            }
        }
    }
}

/// What the claims cost that are made for the Pod alone. Others are their owners'.
pub(crate) fn own_claims(case: &Case<'_>, pod: &Pod<'_>) -> Amounts {
    let references = pod.spec.resource_claims.iter().flatten();
    let templates: Vec<_> = references.filter_map(|it| it.resource_claim_template_name.as_deref()).collect();
    if let Some(made) = own_claim::made_for(case, pod).filter(|_| templates.is_empty()) {
        return charge::price(&made.template.spec, &case.devices.classes, case.policy);
    }
    let prices = templates.into_iter().map(|template| charge::from_template(case, pod.object, template));
    prices.fold(Amounts::NOTHING, Amounts::plus)
}

//! # quota: nobody runs more than their share
//!
//! A project has a quota of GPU, devices, CPU and memory (`ResourcePlan.spec.quota`), and each user has a quota in the
//! project (`perUser`). What runs in a project counts against the project, against every project above it
//! (`Project.spec.parent`), and against its user's quota in the project. A project without a plan in force has the
//! quota of `PlatformPolicy.spec.withoutPlan`.
//!
//! While the windows of a plan are closed, only `default` starts Pods. It may use the plan's whole quota then, or what
//! `ResourcePlan.spec.outsideWindowQuota` leaves it, if the plan says so: a project that has more than that by then keeps
//! what runs, and starts no more. The windows of a queue change no quota.
//!
//! A Pod is charged the CPU and memory that the scheduler sets aside for it, from the moment when it is admitted. With
//! `PlatformPolicy.spec.charge: Limits`, it is charged what its containers may use: of each container its limit. A container
//! without a limit is charged its request all the same, and nothing if it states neither. A Pod with scheduling gates is
//! charged when the last gate is removed, and holds nothing until then. A workload is charged nothing; its Pods are. A device claim is charged its GPU (`dra-gpu-count` × `dra-sm-pct`) and its devices, to the
//! claim's owner. It is charged only while a Pod names it, and once however many Pods do.
//!
//! The platform refuses at once what could never run: a Pod, or a workload whose single Pod asks for more than one of
//! those who pay may have in all. What a Pod asks has the claims with it that it names, be they made for it or there by themselves; a
//! claim that has its devices already asks for none. It admits a workload that has more Pods than there is room for now, with a warning:
//! the Pods without room start when there is room. What is suspended asks for nothing until it goes on; of a CronJob it is told
//! what the Pods of one of its Jobs ask, when it is made, when its Job is changed, and when it goes on. A Deployment that rolls out
//! makes new Pods beside the old ones, and so does a DaemonSet with a `maxSurge`: where there is no room for both, a warning says so at every
//! write, and the refusal of a Deployment's new Pod says what the old ones hold, and how to let them end first.

mod ever;
mod words;

use crate::admission::findings::Findings;
use crate::charge;
use crate::ledger::{Resource, Shortage};
use crate::policy::ids::UserId;
use crate::submission::Act;
use crate::submission::case::Case;

pub use words::{Crowd, Foreseen, Full, Over, Own, Rollout, said, who};

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    if !matches!(case.submission.act, Act::Create | Act::Update) {
        return;
    }
    let Ok(owner) = &case.owner else { return };
    let payers = charge::payers_while_open(case.policy, case.project, owner.id().map(UserId::new), case.now);
    for pod in &case.pods {
        ever::judge(case, pod, &payers, say);
    }
}

/// Whether devices are what was told as GPU already: nobody reads twice that there are too many.
fn said_by_gpu(told: Option<u64>, devices: u64) -> bool {
    told.is_some_and(|milli_gpu| milli_gpu == devices.saturating_mul(1000))
}

/// The shortages that people read of: devices that are short as GPU too are told once.
pub fn worth_telling(shortages: &[Shortage]) -> impl Iterator<Item = &Shortage> {
    shortages.iter().filter(|it| {
        let gpu = shortages.iter().find(|gpu| gpu.resource == Resource::Gpu && gpu.account == it.account);
        !(it.resource == Resource::Devices && said_by_gpu(gpu.map(|gpu| gpu.asked), it.asked))
    })
}

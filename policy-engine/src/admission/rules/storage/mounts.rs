//! Pods and pod templates that name a claim.

use super::permission::{Party, Refused};
use super::{owner, parties};
use crate::admission::findings::Findings;
use crate::contract;
use crate::policy::storage::Permission;
use crate::submission::case::Case;
use crate::submission::pod::Pod;
use crate::submission::volumes::{Known, Ownership};

const KIND: &str = "PersistentVolumeClaim";

/// A volume of the Pod that is a claim.
struct Mounted<'a> {
    index: usize,
    /// What mounts call it.
    volume: &'a str,
    claim: &'a str,
    /// Whether the Pod itself asks to mount it read-only, or does.
    read_only: bool,
}

pub(super) fn judge(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let parties = parties(case);
    for (index, volume) in pod.spec.volumes.iter().flatten().enumerate() {
        let Some(source) = &volume.persistent_volume_claim else { continue };
        let read_only =
            if case.is_living_pod() { holds_read_only(case, &volume.name) } else { source.read_only == Some(true) };
        let mounted = Mounted { index, volume: &volume.name, claim: &source.claim_name, read_only };
        match case.volumes.claim(mounted.claim) {
            Known::There(ownership) => permitted(case, pod, &mounted, ownership, &parties, say),
            // Whose it is that comes is judged when the Pod starts.
            Known::Missing => {}
            Known::Untold => say.warn(format_args!(
                "{}: whose {KIND} {} is cannot be told here; submit it too, or ask with --policy cluster",
                mounted.at(pod),
                mounted.claim
            )),
        }
    }
}

impl Mounted<'_> {
    fn at(&self, pod: &Pod<'_>) -> crate::object::place::Place {
        pod.at(["spec", "volumes"]).index(self.index).key("persistentVolumeClaim").key("claimName")
    }
}

fn permitted(
    case: &Case<'_>,
    pod: &Pod<'_>,
    mounted: &Mounted<'_>,
    ownership: &Ownership,
    parties: &[Party<'_>],
    say: &mut Findings,
) {
    let owner = owner(case);
    let named = pod.object().annotation(contract::USE_VOLUMES).unwrap_or_default();
    // Whoever changes a colleague's work intervenes; their own uses what they agreed to.
    let may = |party: &Party<'_>| match case.is_living_pod() || !party.is(&owner) {
        true => party.may(case, ownership),
        false => party.uses(case, ownership, named),
    };
    // What the Pods hold, or would hold: nobody who may do less changes what runs there.
    let asked = if mounted.read_only { Permission::ReadOnly } else { Permission::ReadWrite };
    let granted = if case.is_living_pod() { asked } else { may(&owner).min(asked) };
    let needed = granted.max(Permission::ReadOnly);
    for party in parties {
        let may = may(party);
        if may < needed {
            say.deny(mounted.at(pod), Refused { case, volume: (KIND, mounted.claim), ownership, party: *party, may });
        }
    }
    if granted == Permission::ReadOnly {
        devices(case, pod, mounted, say);
        force(case, pod, mounted, say);
    }
}

/// A living Pod's volumes cannot change: what counts is how they are.
fn holds_read_only(case: &Case<'_>, volume: &str) -> bool {
    let volumes = case.old().and_then(|old| old.at(&["spec", "volumes"])?.as_array()).into_iter().flatten();
    let mut named = volumes.filter(|it| it.get("name").and_then(|name| name.as_str()) == Some(volume));
    named.any(|it| it.pointer("/persistentVolumeClaim/readOnly") == Some(&true.into()))
}

/// A block device knows no read-only.
fn devices(case: &Case<'_>, pod: &Pod<'_>, mounted: &Mounted<'_>, say: &mut Findings) {
    for container in pod.containers().filter(|it| !case.is_living_pod() || is_new(case, it.name)) {
        for (index, _) in container.devices.iter().enumerate().filter(|(_, device)| device.name == mounted.volume) {
            let why = format!(
                "asked {KIND} {} as a block device, and it may only be read; mount it as a filesystem",
                mounted.claim
            );
            say.deny(container.at(["volumeDevices"]).index(index), why);
        }
    }
}

fn force(case: &Case<'_>, pod: &Pod<'_>, mounted: &Mounted<'_>, say: &mut Findings) {
    let new = case.new_pod().is_some();
    if new {
        let source = pod.at(["spec", "volumes"]).index(mounted.index).key("persistentVolumeClaim");
        say.impose(source.key("readOnly"), true);
    }
    for container in pod.containers() {
        // Of a living Pod only the ephemeral containers can be new.
        let writable = new || (case.is_living_pod() && is_new(case, container.name));
        if !writable {
            continue;
        }
        for (index, _) in container.mounts.iter().enumerate().filter(|(_, mount)| mount.name == mounted.volume) {
            say.impose(container.at(["volumeMounts"]).index(index).key("readOnly"), true);
        }
    }
}

fn is_new(case: &Case<'_>, container: &str) -> bool {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let old = lists.iter().filter_map(|list| case.old()?.at(&["spec", list])?.as_array()).flatten();
    !old.into_iter().any(|it| it.get("name").and_then(|name| name.as_str()) == Some(container))
}

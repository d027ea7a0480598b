//! Claims of devices, templates and classes in few words.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::resource::v1::{CELDeviceSelector, DeviceClassSpec, DeviceSelector, ResourceClaimSpec};
use policy_engine::policy::ids::UserId;
use policy_engine::submission::devices::{
    ClaimTemplate, DeviceId, Devices, GivenDevice, KnownClaim, ReservingPod, ToCome,
};
use policy_engine::submission::inventory;
use serde::Deserialize;

/// What a story's cluster knows about devices.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inventory {
    /// DeviceClass to its spec.
    classes: BTreeMap<String, DeviceClassSpec>,
    templates: BTreeMap<String, Template>,
    claims: BTreeMap<String, Claim>,
    /// There are more than are looked at.
    more_claims: bool,
    /// Pods for which the claim is being reserved.
    reserving: BTreeMap<String, Reserving>,
    /// Products of the devices that the scheduler gives.
    given: Vec<String>,
    /// Node to its devices, where it is known what nodes have.
    nodes: Option<BTreeMap<String, Cards>>,
    untold: bool,
}

/// The devices of a node, which are alike.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Cards {
    product: String,
    profile: Option<String>,
    count: usize,
    memory: Option<u64>,
    #[serde(default)]
    shared: bool,
}

fn there(nodes: &BTreeMap<String, Cards>) -> inventory::Inventory {
    let devices = nodes.iter().flat_map(|(node, cards)| {
        let device = inventory::Device {
            node: Some(node),
            product: &cards.product,
            profile: cards.profile.as_deref(),
            memory: cards.memory.map(|gigabytes| gigabytes << 30),
            is_shared: cards.shared,
        };
        std::iter::repeat_n(device, cards.count)
    });
    inventory::Inventory::of(devices)
}

fn given((index, product): (usize, &String)) -> GivenDevice {
    let id = DeviceId { driver: "gpu.nvidia.com".into(), pool: "gpu-a".into(), device: format!("gpu-{index}") };
    GivenDevice { index, id, product: product.clone(), profile: None }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Template {
    user: Option<UserId>,
    /// Of the claims that are made from it.
    labels: BTreeMap<String, String>,
    spec: ResourceClaimSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Claim {
    user: Option<UserId>,
    shared: bool,
    slot: Option<String>,
    /// The UID of the Pod that it was made for.
    pod: Option<String>,
    terminating: bool,
    /// It has its devices.
    allocated: bool,
    spec: ResourceClaimSpec,
}

/// A Pod for which a claim is being reserved.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Reserving {
    user: Option<UserId>,
    queue: Option<String>,
    claim_is_older: bool,
    gone: bool,
}

impl Reserving {
    fn fact(&self, name: &str) -> ReservingPod {
        ReservingPod {
            name: name.to_owned(),
            uid: format!("uid-of-{name}"),
            is_there: !self.gone,
            user_id: self.user.clone(),
            queue: self.queue.clone(),
            claim_is_older: self.claim_is_older,
        }
    }
}

impl Inventory {
    /// The claims, in sentences.
    pub(crate) fn told(&self) -> Vec<String> {
        let claim = |(name, claim): (&String, &Claim)| {
            let whose = claim.user.as_ref().map(|user| format!(", which {user} made"));
            let slot = claim.slot.as_ref().map(|slot| format!(", labelled `platform-go/slot: {slot}`"));
            let shared = claim.shared.then(|| ", annotated `platform-go/share: project`".to_owned());
            let said: String = [whose, slot, shared].into_iter().flatten().collect();
            format!("There is a ResourceClaim `{name}`{said}.")
        };
        self.claims.iter().map(claim).collect()
    }

    /// The classes, that of NVIDIA's driver among them.
    fn classes(&self) -> BTreeMap<String, DeviceClassSpec> {
        let expression = "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'";
        let cel = Some(CELDeviceSelector { expression: expression.into() });
        let gpus = DeviceClassSpec { selectors: Some(vec![DeviceSelector { cel }]), ..DeviceClassSpec::default() };
        std::iter::once(("gpu.nvidia.com".to_owned(), gpus)).chain(self.classes.clone()).collect()
    }

    pub(crate) fn facts(&self) -> Devices {
        let template = |it: &Template| ClaimTemplate {
            user_id: it.user.clone(),
            labels: it.labels.clone(),
            spec: Arc::new(it.spec.clone()),
        };
        let claim = |name: &str, it: &Claim| KnownClaim {
            uid: format!("uid-of-{name}"),
            user_id: it.user.clone(),
            shared: it.shared,
            slot: it.slot.clone(),
            pod_uid: it.pod.clone(),
            terminating: it.terminating,
            allocated: it.allocated,
            spec: Arc::new(it.spec.clone()),
        };
        Devices {
            classes: Arc::new(self.classes()),
            templates: self.templates.iter().map(|(name, it)| (name.clone(), template(it))).collect(),
            claims: self.claims.iter().map(|(name, it)| (name.clone(), claim(name, it))).collect(),
            reserving: self.reserving.iter().map(|(name, it)| it.fact(name)).collect(),
            given: self.given.iter().enumerate().map(given).collect(),
            more_claims: self.more_claims,
            inventory: self.nodes.as_ref().map(|nodes| Arc::new(there(nodes))),
            untold: self.untold,
            to_come: ToCome::default(),
        }
    }
}

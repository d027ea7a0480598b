//! What the cluster knows about devices and claims of them, as far as a submission needs it.

mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::resource::v1::ResourceClaimSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::claims::classes::DeviceClasses;
#[cfg(doc)]
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::ids::UserId;
use crate::submission::inventory::Inventory;
use crate::submission::pod::Pod;
use crate::submission::{Act, Submission};

pub use names::{MOST_NAMED, Names};

/// Begins the annotations by which Kubernetes knows the claims that it made.
pub const KUBERNETES_OWN: &str = "resource.kubernetes.io/";
/// Annotation of the controller on a claim that it makes from a template: the Pod's name for it.
pub const POD_CLAIM_NAME: &str = "resource.kubernetes.io/pod-claim-name";
/// The annotation of the claim that the scheduler makes for what a Pod asks as extended resources.
pub const EXTENDED_RESOURCE_CLAIM: &str = "resource.kubernetes.io/extended-resource-claim";
/// What such a claim is charged as: no name in a Pod has a slash.
pub const EXTENDED_RESOURCES: &str = "/extended-resources";

/// For which reference of its Pod a claim was made, by its annotations.
pub fn made_for_reference<'a>(annotation: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    annotation(POD_CLAIM_NAME).or_else(|| annotation(EXTENDED_RESOURCE_CLAIM).map(|_| EXTENDED_RESOURCES))
}

/// So many claims of a namespace, the first by name, could be what a slot means; others must be named.
pub const MOST_CANDIDATES: usize = 1024;

/// What is known about devices; everything by name, in the submission's namespace.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    /// Every DeviceClass of the cluster.
    pub classes: Arc<DeviceClasses>,
    /// The ResourceClaimTemplates that the submission names; one that is absent does not exist.
    pub templates: BTreeMap<String, ClaimTemplate>,
    /// The ResourceClaims that the submission names, or that its slots could mean; one that is absent does not exist.
    pub claims: BTreeMap<String, KnownClaim>,
    /// Whether the namespace has more claims that slots could mean than [`MOST_CANDIDATES`].
    pub more_claims: bool,
    /// The Pods for which the claim is being reserved, and which it was not made for.
    pub reserving: Vec<ReservingPod>,
    /// The devices that the scheduler gives to a Pod that asked for extended resources, as far as drivers say what they are.
    pub given: Vec<GivenDevice>,
    /// The devices that nodes have today; known where people read of them, and where it is known at all.
    pub inventory: Option<Arc<Inventory>>,
    /// Nobody could be asked: what is absent may exist.
    pub untold: bool,
    /// What is known not to be there all the same: it is made later in the same run.
    pub to_come: ToCome,
}

/// What is made later in a run, by name.
#[derive(Clone, Debug, Default)]
pub struct ToCome {
    /// ResourceClaims.
    pub claims: BTreeSet<String>,
    /// ResourceClaimTemplates.
    pub templates: BTreeSet<String>,
}

impl Devices {
    /// Whether it is known that there is no ResourceClaim of this name.
    pub fn lacks_claim(&self, name: &str) -> bool {
        !self.claims.contains_key(name) && (!self.untold || self.to_come.claims.contains(name))
    }

    /// The same of ResourceClaimTemplates.
    pub fn lacks_template(&self, name: &str) -> bool {
        !self.templates.contains_key(name) && (!self.untold || self.to_come.templates.contains(name))
    }
}

/// Names a device in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceId {
    /// The driver that publishes it.
    pub driver: String,
    /// The driver's pool.
    pub pool: String,
    /// Its name in the pool.
    pub device: String,
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { driver, pool, device } = self;
        write!(f, "{driver}/{pool}/{device}")
    }
}

/// A device that the scheduler gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenDevice {
    /// Its number in the list of those that are given.
    pub index: usize,
    /// Which it is.
    pub id: DeviceId,
    /// Its product name.
    pub product: String,
    /// Which slice of a GPU it is; `None` for whole ones.
    pub profile: Option<String>,
}

/// The devices that a claim is given which the scheduler made for extended resources, with their numbers. It chooses them before it
/// makes the claim, so that nothing that is written into the claim's spec says which.
pub fn newly_given(submission: &Submission<'_>) -> Vec<(usize, DeviceId)> {
    let (Some(claim), Some(old)) = (submission.object.map(Object), submission.old.map(Object)) else {
        return Vec::new();
    };
    let is_given = submission.act == Act::Status
        && submission.resource.is_claim()
        && claim.annotation(EXTENDED_RESOURCE_CLAIM).is_some()
        && old.at(&["status", "allocation"]).is_none();
    let results = claim.at(&["status", "allocation", "devices", "results"]).and_then(Value::as_array);
    let results = results.filter(|_| is_given).into_iter().flatten().enumerate();
    results.filter_map(|(index, it)| Some((index, DeviceId::deserialize(it).ok()?))).collect()
}

/// Whether the value of a claim's annotation [`contract::SHARE`] lets the other members of the project use the claim.
pub fn is_shared(share: Option<&str>) -> bool {
    share == Some("project")
}

/// A Pod for which a claim is being reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservingPod {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Whether it is still there.
    pub is_there: bool,
    /// The user stamped on it.
    pub user_id: Option<UserId>,
    /// The queue that its label names.
    pub queue: Option<String>,
    /// Whether the claim was there before the Pod was, which was admitted with it then.
    pub claim_is_older: bool,
}

/// Name and UID of each Pod for which a claim is being reserved, but not before, and which it was not made for. The
/// scheduler does so before it binds the Pod, on the very claim that it has read.
pub fn newly_reserved(submission: &Submission<'_>) -> Vec<(String, String)> {
    let (Some(claim), Some(old)) = (submission.object.map(Object), submission.old.map(Object)) else {
        return Vec::new();
    };
    if submission.act != Act::Status || !submission.resource.is_claim() {
        return Vec::new();
    }
    let before: BTreeSet<_> = reserved_for(old).map(|(_, uid)| uid).collect();
    let its_pod = made_for(claim);
    let new = reserved_for(claim).filter(|(_, uid)| !before.contains(uid) && its_pod != Some(*uid));
    new.map(|(name, uid)| (name.to_owned(), uid.to_owned())).collect()
}

/// The UID of the Pod that Kubernetes made a claim for. Anybody may write owners; the annotations only Kubernetes does: see the
/// rule `claim-origin`.
pub fn made_for(claim: Object<'_>) -> Option<&str> {
    let by_kubernetes = claim.annotations().is_some_and(|all| all.keys().any(|key| key.starts_with(KUBERNETES_OWN)));
    let controls = |it: &&Value| it.get("controller") == Some(&Value::Bool(true));
    let controller = claim.owner_references().iter().find(controls).filter(|_| by_kubernetes)?;
    controller.get("uid")?.as_str()
}

fn reserved_for(claim: Object<'_>) -> impl Iterator<Item = (&str, &str)> {
    let reserved = claim.at(&["status", "reservedFor"]).and_then(Value::as_array).into_iter().flatten();
    let pods = reserved.filter(|it| it.get("resource").and_then(Value::as_str) == Some("pods"));
    pods.filter_map(|it| Some((it.get("name")?.as_str()?, it.get("uid")?.as_str()?)))
}

/// A ResourceClaimTemplate that exists.
#[derive(Clone, Debug)]
pub struct ClaimTemplate {
    /// Its stamp.
    pub user_id: Option<UserId>,
    /// The labels of claims made from it.
    pub labels: BTreeMap<String, String>,
    /// What claims made from it ask.
    pub spec: Arc<ResourceClaimSpec>,
}

/// A ResourceClaim that exists.
#[derive(Clone, Debug)]
pub struct KnownClaim {
    /// Its UID.
    pub uid: String,
    /// Its stamp: who owns it, and pays.
    pub user_id: Option<UserId>,
    /// Whether its owner lets other members use it.
    pub shared: bool,
    /// The slot that it fills when nothing else is mapped.
    pub slot: Option<String>,
    /// The UID of the Pod that it was made for from a template; absent for a project-managed one.
    pub pod_uid: Option<String>,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// Whether it has been given its devices.
    pub allocated: bool,
    /// What it asks.
    pub spec: Arc<ResourceClaimSpec>,
}

/// A claim of devices that a Pod names, or the template of one.
#[derive(Clone, Debug)]
pub struct NamedClaim<'d> {
    /// Where it is named.
    pub place: Place,
    /// What it asks.
    pub spec: &'d ResourceClaimSpec,
}

/// The ResourceClaims that a Pod names, and the templates of those that are made for it, as far as they are there.
pub fn named_by<'d>(pod: &Pod<'_>, devices: &'d Devices) -> Vec<NamedClaim<'d>> {
    let list = pod.at(["spec", "resourceClaims"]);
    let named = pod.spec.resource_claims.iter().flatten().enumerate().filter_map(|(index, it)| {
        let claim = it
            .resource_claim_name
            .as_ref()
            .and_then(|name| Some(("resourceClaimName", &devices.claims.get(name)?.spec)));
        let template = it
            .resource_claim_template_name
            .as_ref()
            .and_then(|name| Some(("resourceClaimTemplateName", &devices.templates.get(name)?.spec)));
        let (key, spec) = claim.or(template)?;
        Some(NamedClaim { place: list.clone().index(index).key(key), spec })
    });
    named.collect()
}

//! What the cluster knows about devices and claims of them, as far as a submission needs it.

mod names;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::resource::v1::ResourceClaimSpec;

use crate::claims::classes::DeviceClasses;
use crate::object::place::Place;
use crate::policy::ids::UserId;
use crate::submission::pod::Pod;

pub use names::{MOST_NAMED, Names};

/// Annotation of the controller on a claim that it makes from a template: the Pod's name for it.
pub const POD_CLAIM_NAME: &str = "resource.kubernetes.io/pod-claim-name";

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
    /// The unfinished Pods that name the claim which is being made.
    pub waiting: Vec<WaitingPod>,
    /// Nobody could be asked: what is absent may exist.
    pub untold: bool,
}

/// An unfinished Pod that names a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingPod {
    /// Its name.
    pub pod: String,
    /// The user stamped on it.
    pub user_id: Option<UserId>,
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

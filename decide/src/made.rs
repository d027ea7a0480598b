//! What a run of creations has made so far: who names it later finds it, as in a cluster.

use std::collections::{BTreeMap, BTreeSet};

use cluster::lookup::devices::{known_claim, known_template};
use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceClaimTemplate};
use policy_engine::object::Object;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::{ProjectId, UserId};
use policy_engine::submission::devices::{self, ClaimTemplate, Devices, KnownClaim};
use policy_engine::submission::volumes::{Known, Ownership, Volumes};
use policy_engine::{Submission, contract};
use serde::Deserialize as _;
use serde_json::Value;

/// What was made, by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Made {
    namespaces: BTreeMap<String, ProjectId>,
    volumes: ByName<Ownership>,
    snapshots: ByName<Ownership>,
    claims: ByName<KnownClaim>,
    templates: ByName<ClaimTemplate>,
}

/// What stands later in the run.
#[derive(Debug, Default)]
pub(crate) struct ToCome(pub(crate) Made);

impl ToCome {
    /// An object comes: it is made, or refused.
    pub(crate) fn take(&mut self, resource: &GroupResource, namespace: &str, name: &str) {
        let (Self(made), key) = (self, (namespace.to_owned(), name.to_owned()));
        if resource.is_core("persistentvolumeclaims") {
            made.volumes.remove(&key);
        } else if resource.is_snapshot() {
            made.snapshots.remove(&key);
        } else if resource.is_claim() {
            made.claims.remove(&key);
        } else if resource.is_claim_template() {
            made.templates.remove(&key);
        }
    }

    /// Whether nothing comes that others could name.
    pub(crate) fn is_nothing(&self) -> bool {
        let Made { namespaces: _, volumes, snapshots, claims, templates } = &self.0;
        volumes.is_empty() && snapshots.is_empty() && claims.is_empty() && templates.is_empty()
    }

    /// Says of what a submission names, and nobody could be asked about, that it is not there yet.
    pub(crate) fn lack(&self, namespace: &str, volumes: &mut Volumes, devices: &mut Devices) {
        let Self(made) = self;
        for (known, made) in [(&mut volumes.claims, &made.volumes), (&mut volumes.snapshots, &made.snapshots)] {
            for (name, known) in known {
                if matches!(known, Known::Untold) && made.contains_key(&(namespace.to_owned(), name.clone())) {
                    *known = Known::Missing;
                }
            }
        }
        devices.to_come.claims = names(&made.claims, namespace);
        devices.to_come.templates = names(&made.templates, namespace);
    }
}

fn names<T>(made: &ByName<T>, namespace: &str) -> BTreeSet<String> {
    made.keys().filter(|(of, _)| of == namespace).map(|(_, name)| name.clone()).collect()
}

type ByName<T> = BTreeMap<(String, String), T>;

impl Made {
    /// Takes note of an object. `maker` is the user whose it is where nobody has stamped it yet.
    pub(crate) fn add(&mut self, resource: &GroupResource, namespace: &str, object: &Value, maker: Option<&UserId>) {
        let label = |key: &str| Object(object).label(key);
        let Some(name) = Object(object).at(&["metadata", "name"]).and_then(Value::as_str) else { return };
        let user_id = |stamp: Option<UserId>| maker.cloned().or(stamp);
        let key = || (namespace.to_owned(), name.to_owned());
        let uid = Object(object).at(&["metadata", "uid"]).and_then(Value::as_str).unwrap_or_default();
        let ownership = Ownership::of(uid, label);
        let ownership = || Ownership { user_id: user_id(ownership.user_id.clone()), ..ownership.clone() };
        if resource.is_core("namespaces") {
            self.namespaces.extend(label(contract::PROJECT_ID).map(|id| (name.to_owned(), ProjectId::new(id))));
        } else if resource.is_core("persistentvolumeclaims") {
            self.volumes.insert(key(), ownership());
        } else if resource.is_snapshot() {
            self.snapshots.insert(key(), ownership());
        } else if resource.is_claim() {
            // What cannot be read is said of the object itself.
            let claim = ResourceClaim::deserialize(object).ok().map(|claim| known_claim(&claim));
            let claim = claim.map(|claim| KnownClaim { user_id: user_id(claim.user_id.clone()), ..claim });
            self.claims.extend(claim.map(|claim| (key(), claim)));
        } else if resource.is_claim_template() {
            let template = ResourceClaimTemplate::deserialize(object).ok().map(|it| known_template(&it));
            let template = template.map(|it| ClaimTemplate { user_id: user_id(it.user_id.clone()), ..it });
            self.templates.extend(template.map(|template| (key(), template)));
        }
    }

    /// The project that a Namespace of this run is bound to.
    pub(crate) fn project_of(&self, namespace: &str) -> Option<ProjectId> {
        self.namespaces.get(namespace).cloned()
    }

    /// Adds the volumes that a submission names, and that nobody else knows.
    pub(crate) fn add_volumes(&self, submission: &Submission<'_>, known: &mut Volumes) {
        for (known, made) in [(&mut known.claims, &self.volumes), (&mut known.snapshots, &self.snapshots)] {
            for (name, known) in known {
                let made = made.get(&(submission.namespace.to_owned(), name.clone()));
                if let (Known::Missing | Known::Untold, Some(ownership)) = (&*known, made) {
                    *known = Known::There(ownership.clone());
                }
            }
        }
    }

    /// Adds the claims of devices and their templates that a submission names, and that nobody else knows.
    pub(crate) fn add_devices(&self, submission: &Submission<'_>, policy: &Policy, known: &mut Devices) {
        let named = devices::Names::by(submission, policy);
        let from = (submission.namespace.to_owned(), String::new());
        let here = self.claims.range(from..).take_while(|((namespace, _), _)| namespace == submission.namespace);
        for ((_, name), claim) in here.filter(|((_, name), _)| named.slots || named.claims.contains(name)) {
            known.claims.entry(name.clone()).or_insert_with(|| claim.clone());
        }
        for name in named.templates {
            if let Some(template) = self.templates.get(&(submission.namespace.to_owned(), name.clone())) {
                known.templates.entry(name).or_insert_with(|| template.clone());
            }
        }
    }
}

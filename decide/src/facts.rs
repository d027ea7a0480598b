//! What the engine must know about a submission besides the submission itself.
//!
//! The webhook, the dry run and the audit gather it here, from different sources and by the same questions.

mod deputy;
mod named;

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::client::LookupFailed;
use cluster::dry_run::Server;
use cluster::lookup::devices::Devices;
use cluster::lookup::namespaces::Namespaces;
use cluster::lookup::owners::Owners;
use cluster::lookup::volumes::Volumes;
use cluster::world::{MovedWorkload, World};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::gvk::GroupVersionResource;
use policy_engine::object::{Object, Unreadable};
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;
use policy_engine::policy::workload::WorkloadKind;
use policy_engine::submission::facts::MovedTo;
use policy_engine::submission::identity::{Caller, ControllerOwner, is_autoscaling, is_scale};
use policy_engine::submission::{devices, volumes};
use policy_engine::{Act, Facts, Submission, contract};
use tokio::time::Instant;

pub use named::new_controller;
use named::new_scale_target;

/// Who is asked. Clones share what they know.
#[derive(Clone)]
pub enum Sources {
    /// A cluster: its caches first, where there are some, and its API server for the rest.
    Cluster(Arc<Lookups>),
    /// Nobody. The records, which are all that there is, list which Namespace belongs to the project with which id.
    Files(BTreeMap<String, ProjectId>),
}

/// The look-ups in a cluster.
pub struct Lookups {
    namespaces: Namespaces,
    owners: Owners,
    volumes: Volumes,
    devices: Devices,
    /// The caches, where there are some.
    world: Option<World>,
}

/// What the facts are about.
#[derive(Clone, Debug)]
pub enum Subject<'a> {
    /// A request of somebody, to a resource of this version.
    Request {
        /// The version of the resource.
        version: &'a str,
        /// The Pod that the requester's token is bound to.
        pod: Option<BoundPod<'a>>,
    },
    /// An object that exists, and whose it is.
    Existing(ControllerOwner),
}

/// The Pod that a token is bound to, as the API server says who asks. It lives where the token's account does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundPod<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its UID.
    pub uid: &'a str,
}

/// Why facts are not known. Never a reason to assume one.
#[derive(Debug, thiserror::Error)]
pub enum GatherFailed {
    /// The API server had to be asked and did not answer.
    #[error(transparent)]
    Lookup(#[from] LookupFailed),
    /// The object is not what its kind says.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Sources {
    /// Answers from the caches of this process.
    pub fn cached(world: &World, owners: Owners) -> Self {
        let (volumes, devices) = (Volumes::start(world), Devices::start(world));
        let namespaces = Namespaces::new(world.clone());
        Self::Cluster(Arc::new(Lookups { namespaces, owners, volumes, devices, world: Some(world.clone()) }))
    }

    /// Asks the API server for everything.
    pub fn asking(server: &Server) -> Self {
        let (namespaces, owners) = (server.namespaces(), server.owners());
        let (volumes, devices) = (server.volumes(), server.devices());
        Self::Cluster(Arc::new(Lookups { namespaces, owners, volumes, devices, world: None }))
    }

    /// The id of the project that a Namespace is bound to.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn project_of(&self, namespace: &str, deadline: Instant) -> Result<Option<ProjectId>, LookupFailed> {
        match self {
            Self::Cluster(lookups) => lookups.namespaces.project_of(namespace, deadline).await,
            Self::Files(bindings) => Ok(bindings.get(namespace).cloned()),
        }
    }

    /// What is known about the devices that a submission names.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn devices(
        &self,
        submission: &Submission<'_>,
        policy: &Policy,
        deadline: Instant,
    ) -> Result<devices::Devices, LookupFailed> {
        match self {
            Self::Cluster(lookups) => lookups.devices.facts(submission, policy, deadline).await,
            Self::Files(_) => Ok(devices::Devices { untold: true, ..devices::Devices::default() }),
        }
    }

    /// Gathers the facts. Only a controller's object, what a Pod's account asks, a subresource that carries no object, and what
    /// names volumes or claims that no cache knows cost a question.
    ///
    /// # Errors
    /// Where one of them cannot be known.
    pub async fn gather(
        &self,
        submission: &Submission<'_>,
        subject: Subject<'_>,
        project_id: ProjectId,
        policy: &Policy,
        deadline: Instant,
    ) -> Result<Facts, GatherFailed> {
        let mut facts = Facts { project_id, ..Facts::default() };
        if let Subject::Existing(owner) = &subject {
            facts.controller = Some(owner.clone());
            facts.is_allocated = true;
        }
        match self {
            Self::Cluster(lookups) => {
                facts.deputy = lookups.deputy(&facts.project_id, submission, &subject, policy, deadline).await?;
                // On the heap: it is the largest part of every call.
                Box::pin(lookups.gather(facts, submission, subject, policy, deadline)).await
            }
            Self::Files(_) => {
                let devices = self.devices(submission, policy, deadline).await?;
                Ok(Facts { devices, volumes: untold(submission, policy), ..facts })
            }
        }
    }
}

impl Lookups {
    async fn gather(
        &self,
        mut facts: Facts,
        submission: &Submission<'_>,
        subject: Subject<'_>,
        policy: &Policy,
        deadline: Instant,
    ) -> Result<Facts, GatherFailed> {
        let Self { owners, volumes, devices, world, namespaces: _ } = self;
        let namespace = submission.namespace;
        if is_autoscaling(submission) {
            facts.autoscalers = owners.autoscalers(namespace, &submission.resource, submission.name, deadline).await?;
        }
        if let Some(world) =
            world.as_ref().filter(|_| submission.act == Act::Create && submission.resource.is_core("pods"))
        {
            facts.priority_classes = world.priorities();
        }
        match submission.act {
            Act::Create | Act::Update => {
                facts.devices = devices.facts(submission, policy, deadline).await?;
                facts.volumes = volumes.facts(submission, policy, deadline).await?;
                if matches!(subject, Subject::Existing(_)) {
                    facts.moved_to = self.moved_as_it_is(submission, policy, deadline).await?;
                    return Ok(facts);
                }
                let project = policy.project_by_id(&facts.project_id);
                let caller = project.map_or_else(
                    || Caller::of_submission(submission, policy),
                    |project| Caller::in_project(submission, facts.deputy.as_ref(), policy, project),
                );
                facts.controller = match new_controller(submission, caller, policy)? {
                    Some(reference) => {
                        let stamped = owners.stamped(policy, namespace, &reference, deadline).await?;
                        if makes_pods(submission, policy)
                            || (submission.act == Act::Create && submission.resource.is_core("pods"))
                        {
                            facts.moved_to = self.moved_above(&reference, namespace, policy, deadline).await?;
                        }
                        Some(stamped)
                    }
                    None => volumes.maker(submission, deadline).await?,
                };
                if let Some(target) = new_scale_target(submission)? {
                    facts.scaled = owners.scaled(namespace, target, deadline).await?;
                }
                facts.volumes.copies = volumes.copies(submission, deadline).await?;
                facts.volumes.reserved = volumes.reserved(submission, deadline).await?;
            }
            Act::Touch if is_scale(submission) && Caller::of_submission(submission, policy).is_read_by_people() => {
                let Subject::Request { version, pod: _ } = subject else { return Ok(facts) };
                let resource = &submission.resource;
                let resource = GroupVersionResource::gvr(&resource.group, version, &resource.resource);
                let meta = owners.target(namespace, &resource, submission.name, deadline).await?;
                facts.target_missing = meta.is_none();
                facts.target_user_id = meta.and_then(|target| target.user_id());
                let target = owners.object(namespace, &resource, submission.name, deadline).await?;
                if let Some(target) = &target {
                    let workload = Submission {
                        act: Act::Create,
                        subresource: "",
                        object: Some(target),
                        old: None,
                        ..submission.clone()
                    };
                    facts.devices = devices.facts(&workload, policy, deadline).await?;
                }
                facts.target = target;
            }
            Act::Touch | Act::Connect | Act::Delete if submission.old.is_none() || submission.act == Act::Touch => {
                let Subject::Request { version, pod: _ } = subject else { return Ok(facts) };
                let resource = &submission.resource;
                let resource = GroupVersionResource::gvr(&resource.group, version, &resource.resource);
                let target = owners.target(namespace, &resource, submission.name, deadline).await?;
                facts.target_missing = target.is_none();
                facts.target_user_id = target.and_then(|target| target.user_id());
            }
            Act::Bind => facts.volumes.starting = volumes.starting(submission, deadline).await?,
            Act::Status => facts.devices = devices.reserving(submission, deadline).await?,
            Act::Touch | Act::Connect | Act::Delete => {}
        }
        Ok(facts)
    }
}

impl Lookups {
    /// The nearest workload that was moved, from the controller `owner` upwards.
    async fn moved_above(
        &self,
        owner: &OwnerReference,
        namespace: &str,
        policy: &Policy,
        deadline: Instant,
    ) -> Result<Option<MovedTo>, LookupFailed> {
        let known = self.world.as_ref().map(World::moved);
        let nearest = self.owners.moved(policy, namespace, owner, known.as_deref(), deadline);
        let moved = Box::pin(nearest).await?;
        Ok(moved.map(|MovedWorkload { kind, name, queue, .. }| MovedTo { kind, name, queue }))
    }

    /// The same of a workload that exists, beginning with itself: what is stored there, the platform wrote. A Pod says its queue itself.
    async fn moved_as_it_is(
        &self,
        submission: &Submission<'_>,
        policy: &Policy,
        deadline: Instant,
    ) -> Result<Option<MovedTo>, GatherFailed> {
        let Some(object) = submission.object.map(Object).filter(|_| makes_pods(submission, policy)) else {
            return Ok(None);
        };
        if let Some(queue) = object.label(contract::MOVED_TO) {
            let (kind, name) = (submission.kind.to_owned(), submission.name.to_owned());
            return Ok(Some(MovedTo { kind, name, queue: queue.to_owned() }));
        }
        let Some(owner) = object.controller()? else { return Ok(None) };
        Ok(self.moved_above(&owner, submission.namespace, policy, deadline).await?)
    }
}

/// Whether the submission is about what makes Pods.
fn makes_pods(submission: &Submission<'_>, policy: &Policy) -> bool {
    policy.platform().workload_kind(&submission.resource).is_some_and(WorkloadKind::owns_pods)
}

/// What is known about volumes where nobody can be asked.
fn untold(submission: &Submission<'_>, policy: &Policy) -> volumes::Volumes {
    let volumes::Names { claims, snapshots, lanes: _ } = volumes::Names::by(submission, policy);
    let untold = |name: String| (name, volumes::Known::Untold);
    volumes::Volumes {
        claims: claims.into_iter().map(untold).collect(),
        snapshots: snapshots.into_iter().map(untold).collect(),
        ..volumes::Volumes::default()
    }
}

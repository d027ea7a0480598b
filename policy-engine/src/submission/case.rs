//! A case: one submission with everything that is known about it.

pub mod switch;

use jiff::Timestamp;

use serde_json::Value;

use crate::claims::allowed_models;
use crate::contract;
use crate::object::place::Place;
use crate::object::{Object, Unreadable};
use crate::policy::Policy;
use crate::policy::ids::UserId;
use crate::policy::model::Model;
use crate::policy::modes::RuleMode;
use crate::policy::people::User;
use crate::policy::plan::Plan;
use crate::policy::project::Project;
use crate::policy::queue::{DEFAULT_QUEUE, Queue};
use crate::policy::rule_id::RuleId;
use crate::policy::workload::WorkloadKind;
use crate::submission::deputy::Deputy;
use crate::submission::device_claim::DeviceClaim;
use crate::submission::devices;
use crate::submission::devices::Devices;
use crate::submission::facts::{Autoscaler, Facts, PriorityClasses, Scaled};
use crate::submission::identity::{Caller, ControllerOwner, Owner};
use crate::submission::pod::Pod;
use crate::submission::volume_claim::VolumeClaim;
use crate::submission::volumes::{Names, Volumes};
use crate::submission::{Act, Submission};
use crate::workspace::Defaults;
use switch::Moved;

/// One submission with everything that is known about it.
#[derive(Debug)]
pub struct Case<'a> {
    /// What the API server asks about.
    pub submission: &'a Submission<'a>,
    /// What admins wrote.
    pub policy: &'a Policy,
    /// The project of the namespace.
    pub project: &'a Project,
    /// What kind of caller the requester is.
    pub caller: Caller<'a>,
    /// For whom the object is, or why that cannot be said.
    pub owner: Result<Owner<'a>, NoOwner<'a>>,
    /// The controller owner that takes an existing object over.
    pub adopter: Option<&'a ControllerOwner>,
    /// The Pod whose token a service account of the project shows, as far as it was looked for.
    pub deputy: Option<&'a Deputy>,
    /// The workload that was moved to a queue and whose Pods these are: they go there, whatever their templates say.
    pub moved: Option<Moved<'a>>,
    /// The controller owner that a person names in what they make or change.
    pub named_controller: Option<&'a ControllerOwner>,
    /// The Pods and pod templates whose content is new.
    pub pods: Vec<Pod<'a>>,
    /// The PersistentVolumeClaims, and templates of them, whose content is new.
    pub volume_claims: Vec<VolumeClaim<'a>>,
    /// The ResourceClaims, and templates of them, that are being made. Their specs never change.
    pub device_claims: Vec<DeviceClaim<'a>>,
    /// How many volumes (claims and snapshots) it names.
    pub volume_count: usize,
    /// The workload whose subresource `scale` people change.
    pub target: Option<&'a Value>,
    /// What is known about them.
    pub volumes: &'a Volumes,
    /// The claims, templates and classes of devices that it names.
    pub device_names: devices::Names,
    /// What is known about devices, and about the claims of them that the submission names.
    pub devices: &'a Devices,
    /// The object has what the API server allocates.
    pub is_allocated: bool,
    /// The object that a connection is asked to does not exist.
    pub target_missing: bool,
    /// On whose word the control plane scales a workload.
    pub autoscalers: &'a [Autoscaler],
    /// The workload that an autoscaler names now.
    pub scaled: Option<&'a Scaled>,
    /// The PriorityClasses of the queues, by name, as far as they have been seen.
    pub priority_classes: &'a PriorityClasses,
    /// The instant of the decision.
    pub now: Timestamp,
}

/// Why it cannot be said for whom an object is.
#[derive(Clone, Debug)]
pub enum NoOwner<'a> {
    /// Nobody knows the requester.
    Stranger,
    /// A dashboard did not say for whom it acts.
    Unasserted,
    /// A dashboard named a user who does not exist.
    Asserted(&'a str),
    /// A controller made an object without a controller owner.
    Uncontrolled,
    /// Several controller owners could be meant, and they are not one user's.
    Several(&'a [String]),
    /// The controller owner's kind is not listed.
    Unlisted {
        /// `apiVersion` of the owner.
        api_version: &'a str,
        /// Kind of the owner.
        kind: &'a str,
        /// Plural name of the kind, where known.
        resource: Option<&'a str>,
    },
    /// The controller owner is gone.
    Gone {
        /// Kind of the owner.
        kind: &'a str,
        /// Name of the owner.
        name: &'a str,
    },
}

impl<'a> Case<'a> {
    /// Reads a submission to a project.
    ///
    /// # Errors
    /// Where the object is not what its kind says.
    pub fn read(
        submission: &'a Submission<'a>,
        facts: &'a Facts,
        policy: &'a Policy,
        project: &'a Project,
        now: Timestamp,
    ) -> Result<Self, Unreadable> {
        if let Some(object) = submission.object.map(Object) {
            object.check_metadata()?;
        }
        let deputy = facts.deputy.as_ref();
        let caller = Caller::in_project(submission, deputy, policy, project);
        let mut case = Self {
            submission,
            policy,
            project,
            caller,
            owner: Ok(Owner::Project),
            adopter: None,
            deputy,
            moved: None,
            named_controller: None,
            pods: Vec::new(),
            volume_claims: Vec::new(),
            device_claims: Vec::new(),
            volume_count: Names::by(submission, policy).len(),
            device_names: devices::Names::by(submission, policy),
            target: facts.target.as_ref(),
            volumes: &facts.volumes,
            devices: &facts.devices,
            target_missing: facts.target_missing,
            is_allocated: facts.is_allocated,
            autoscalers: &facts.autoscalers,
            scaled: facts.scaled.as_ref(),
            priority_classes: &facts.priority_classes,
            now,
        };
        case.owner = case.find_owner(facts);
        case.moved = Moved::of(&case, facts);
        match caller {
            Caller::Person(_) | Caller::Client | Caller::Deputy(_) => case.named_controller = facts.controller.as_ref(),
            Caller::Controller | Caller::Admin | Caller::Node(_) | Caller::ControlPlane | Caller::Stranger => {
                case.adopter = facts.controller.as_ref().filter(|_| submission.act == Act::Update);
            }
        }
        case.pods = case.new_content()?;
        case.volume_claims = case.new_volume_claims()?;
        case.device_claims = case.new_device_claims()?.into_iter().collect();
        Ok(case)
    }

    /// The object as it would be.
    pub fn object(&self) -> Option<Object<'a>> {
        self.submission.object.map(Object)
    }

    /// The object as it is.
    pub fn old(&self) -> Option<Object<'a>> {
        self.submission.old.map(Object)
    }

    /// Whether the submission is about a Pod, and not about something that makes Pods.
    pub fn is_pod(&self) -> bool {
        self.submission.resource.is_core("pods")
    }

    /// Whether the submission is about an object of a listed kind.
    pub fn is_workload(&self) -> bool {
        self.policy.platform().workload_kind(&self.submission.resource).is_some()
    }

    /// Whether the submission is about an object of a listed kind that owns Pods.
    pub fn owns_pods(&self) -> bool {
        self.policy.platform().workload_kind(&self.submission.resource).is_some_and(WorkloadKind::owns_pods)
    }

    /// Whether the submission is about a workspace.
    pub fn is_workspace(&self) -> bool {
        self.submission.resource.is_workspace()
    }

    /// Whether the submission is about a PersistentVolumeClaim.
    pub fn is_volume_claim(&self) -> bool {
        self.submission.resource.is_core("persistentvolumeclaims")
    }

    /// Whether the submission is about a VolumeSnapshot.
    pub fn is_snapshot(&self) -> bool {
        self.submission.resource.is_snapshot()
    }

    /// Whether the submission is about a Service.
    pub fn is_service(&self) -> bool {
        self.submission.resource.is_core("services")
    }

    /// Whether the submission is about a ResourceClaim.
    pub fn is_claim(&self) -> bool {
        self.submission.resource.is_claim()
    }

    /// Whether the submission is about a ResourceClaimTemplate.
    pub fn is_claim_template(&self) -> bool {
        self.submission.resource.is_claim_template()
    }

    /// Whether the submission changes a Pod that exists.
    pub fn is_living_pod(&self) -> bool {
        self.is_pod() && self.submission.act == Act::Update
    }

    /// Whether the submission is about a Secret.
    pub fn is_secret(&self) -> bool {
        self.submission.resource.is_core("secrets")
    }

    /// The Pod that is being made. On Pods the platform writes; in templates it only reads.
    pub fn new_pod(&self) -> Option<&Pod<'a>> {
        (self.is_pod() && self.submission.act == Act::Create).then(|| self.pods.first()).flatten()
    }

    /// Whether people read the answer: see [`Caller::is_read_by_people`].
    pub fn is_read_by_people(&self) -> bool {
        self.caller.is_read_by_people()
    }

    /// The groups that the request proves of a user. It says nothing of anybody but its sender.
    pub fn proven(&self, user: &User) -> &'a [String] {
        let is_sender = self.caller.user().is_some_and(|sender| sender.name == user.name);
        if is_sender { self.submission.requester.groups } else { &[] }
    }

    /// Whether the request comes from the account of a Pod of this user's.
    pub fn is_deputy_of(&self, user: &User) -> bool {
        matches!(self.caller, Caller::Deputy(of) if of.name == user.name)
    }

    /// Whether a user decides about what the project's people made, as far as the request can prove it. What runs in their Pods
    /// does not: whoever gets at its token should reach no colleague's work.
    pub fn manages(&self, user: &User) -> bool {
        !self.is_deputy_of(user) && self.policy.manages(user, self.proven(user), self.project)
    }

    /// Whether a rule refuses here what it is about.
    pub fn enforces(&self, rule: RuleId) -> bool {
        self.policy.platform().mode_of(rule, Some(self.project)) == RuleMode::Enforce
    }

    /// The project's plan, if it is in force.
    pub fn plan(&self) -> Option<&'a Plan> {
        self.policy.plan_in_force(self.project, self.now)
    }

    /// The queue that a Pod asks for, or that the Pods of a pod template get: of a workload that was moved, where it was moved to.
    pub fn queue_label<'p>(&'p self, pod: &'p Pod<'_>) -> Option<&'p str> {
        let moved = self.moved.filter(|_| !self.is_pod()).map(|moved| moved.queue);
        moved.or_else(|| pod.object().label(contract::QUEUE_NAME))
    }

    /// The queue that it is, where there is one.
    pub fn queue_of(&self, pod: &Pod<'_>) -> Option<&'a Queue> {
        self.queue_label(pod).and_then(|asked| self.policy.queue_asked(asked))
    }

    /// The models that the submission may ask for: those of the plan that the queue of its label takes too.
    ///
    /// An object with several pod templates has a queue for each: see [`Case::allowed_models_for`].
    pub fn allowed_models(&self) -> Vec<&'a Model> {
        let of_object = || self.object().and_then(|object| object.label(contract::QUEUE_NAME));
        let asked = self.pods.first().map_or_else(of_object, |pod| self.queue_label(pod));
        self.allowed_models_in(asked.and_then(|asked| self.policy.queue_asked(asked)))
    }

    /// The models that a Pod may have: those of the plan that its queue takes too.
    pub fn allowed_models_for(&self, pod: &Pod<'_>) -> Vec<&'a Model> {
        let asked = self.queue_label(pod).unwrap_or(DEFAULT_QUEUE);
        let queue = self.policy.queue_asked(asked).unwrap_or_else(|| self.policy.default_queue());
        self.allowed_models_in(Some(queue))
    }

    /// The models of the plan in force that a queue takes too. No queue takes them all.
    pub fn allowed_models_in(&self, queue: Option<&Queue>) -> Vec<&'a Model> {
        allowed_models(self.policy, self.plan(), queue)
    }

    /// All pod templates of a workload, new or not. What cannot be read was refused when it was new.
    pub fn all_templates(&self) -> Vec<Pod<'a>> {
        let kind = self.policy.platform().workload_kind(&self.submission.resource);
        self.submission
            .object
            .zip(kind)
            .and_then(|(object, kind)| Pod::templates(object, kind).ok())
            .unwrap_or_default()
    }

    fn find_owner(&self, facts: &'a Facts) -> Result<Owner<'a>, NoOwner<'a>> {
        let of_old = || self.old().and_then(|old| old.label(contract::USER_ID));
        let of_target = || facts.target_user_id.as_ref().map(UserId::as_str);
        let recorded = match self.submission.act {
            Act::Create => return self.creator(facts),
            Act::Update | Act::Status => of_old(),
            Act::Delete => of_old().or_else(of_target),
            Act::Touch | Act::Bind | Act::Connect => of_target(),
        };
        Ok(Owner::labelled(recorded, self.policy))
    }

    fn creator(&self, facts: &'a Facts) -> Result<Owner<'a>, NoOwner<'a>> {
        match self.caller {
            Caller::Person(user) | Caller::Deputy(user) => Ok(Owner::User(user)),
            Caller::Admin => Ok(Owner::Project),
            Caller::Client => {
                let asserted = self.object().and_then(|object| object.label(contract::USER_ID));
                let id = asserted.ok_or(NoOwner::Unasserted)?;
                self.policy.user_by_id(id).map(Owner::User).ok_or(NoOwner::Asserted(id))
            }
            Caller::Controller => match &facts.controller {
                Some(ControllerOwner::Stamped { user_id, .. }) => Ok(Owner::stamped(user_id.as_ref(), self.policy)),
                Some(ControllerOwner::Unlisted { api_version, kind, resource }) => {
                    Err(NoOwner::Unlisted { api_version, kind, resource: resource.as_deref() })
                }
                Some(ControllerOwner::Several { claimants }) => Err(NoOwner::Several(claimants)),
                Some(ControllerOwner::Gone { kind, name }) => Err(NoOwner::Gone { kind, name }),
                None => Err(NoOwner::Uncontrolled),
            },
            Caller::Node(_) | Caller::ControlPlane | Caller::Stranger => Err(NoOwner::Stranger),
        }
    }

    /// The Pods and pod templates that are new, or that say something new.
    fn new_content(&self) -> Result<Vec<Pod<'a>>, Unreadable> {
        let Some(object) = self.submission.changed_object() else { return Ok(Vec::new()) };
        if self.is_pod() {
            return Ok(vec![Pod::read(object, Default::default())?]);
        }
        let Some(kind) = self.policy.platform().workload_kind(&self.submission.resource) else {
            return Ok(Vec::new());
        };
        if kind.of.is_workspace() {
            let defaults = Defaults::of(self.plan());
            return Ok(Pod::of_workspace(object, &defaults)?.into_iter().collect());
        }
        let mut templates = Pod::templates(object, kind)?;
        if let Some(old) = self.submission.old {
            templates.retain(|pod| pod.at([]).resolve(old) != Some(pod.written));
        }
        Ok(templates)
    }

    /// The claim of devices, or template of claims, that is made.
    fn new_device_claims(&self) -> Result<Option<DeviceClaim<'a>>, Unreadable> {
        let Some(object) = self.submission.object.filter(|_| self.submission.act == Act::Create) else {
            return Ok(None);
        };
        let (claim, place) = match (self.is_claim(), self.is_claim_template(), object.get("spec")) {
            (true, _, _) => (object, Place::root()),
            (_, true, Some(template)) => (template, Place::of(["spec"])),
            (_, _, _) => return Ok(None),
        };
        let allowed = self.allowed_models_in(None);
        DeviceClaim::read(claim, place, &self.devices.classes, self.policy, &allowed).map(Some)
    }

    /// The claims that are made, and the templates of claims that say something new. A living Pod's cannot change.
    fn new_volume_claims(&self) -> Result<Vec<VolumeClaim<'a>>, Unreadable> {
        let mut claims = Vec::new();
        if !self.is_living_pod() {
            for pod in &self.pods {
                claims.extend(VolumeClaim::of_pod(pod)?);
            }
        }
        match (self.submission.object, self.submission.act) {
            (Some(object), Act::Create) if self.is_volume_claim() => {
                claims.push(VolumeClaim::read(object, Default::default())?)
            }
            (Some(object), Act::Create | Act::Update) if self.submission.resource.is_stateful_set() => {
                let mut templates = VolumeClaim::of_stateful_set(object)?;
                if let Some(old) = self.submission.old {
                    templates.retain(|it| it.at([]).resolve(old) != Some(it.object.0));
                }
                claims.extend(templates);
            }
            (_, _) => {}
        }
        Ok(claims)
    }
}

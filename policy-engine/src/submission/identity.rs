//! Who is asking, and for whom.

use std::fmt;

use crate::policy::Policy;
use crate::policy::ids::UserId;
use crate::policy::people::User;
use crate::policy::project::Project;
use crate::submission::deputy::Deputy;
use crate::submission::{Act, Requester, Submission};

/// What kind of caller the requester is.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// Someone with a User record.
    Person(&'a User),
    /// A platform Admin without a User record.
    Admin,
    /// Creates objects for their controller owners.
    Controller,
    /// A dashboard that says for which member it acts.
    Client,
    /// The service account of a Pod. It does for this user, whose Pod it is, what a Member may do.
    Deputy(&'a User),
    /// The kubelet of this node.
    Node(&'a str),
    /// The scheduler, the garbage collector, the autoscaler: they change what exists and create no workloads.
    ControlPlane,
    /// Nobody that the platform knows.
    Stranger,
}

/// The controllers of kube-controller-manager that create workloads and Pods for an owner.
const BUILT_IN_CONTROLLERS: [&str; 9] = [
    "system:serviceaccount:kube-system:replicaset-controller",
    "system:serviceaccount:kube-system:deployment-controller",
    "system:serviceaccount:kube-system:statefulset-controller",
    "system:serviceaccount:kube-system:daemon-set-controller",
    "system:serviceaccount:kube-system:job-controller",
    "system:serviceaccount:kube-system:cronjob-controller",
    "system:serviceaccount:kube-system:replication-controller",
    // Makes the PersistentVolumeClaims of ephemeral volumes.
    "system:serviceaccount:kube-system:ephemeral-volume-controller",
    // All of the above where the controller manager does not use an account for each.
    "system:kube-controller-manager",
];

/// Those who make ResourceClaims for Pods: from templates, and for what a Pod asks as an extended resource.
const CLAIM_MAKERS: [&str; 3] = [
    "system:serviceaccount:kube-system:resource-claim-controller",
    "system:kube-controller-manager",
    "system:kube-scheduler",
];

/// Whether this is an account of Kubernetes that makes ResourceClaims for Pods.
pub(crate) fn is_claim_maker(username: &str) -> bool {
    CLAIM_MAKERS.contains(&username)
}

/// Whether a ResourceClaim is made by Kubernetes itself, for a Pod.
pub fn makes_for_pod(submission: &Submission<'_>) -> bool {
    submission.act == Act::Create && submission.resource.is_claim() && is_claim_maker(submission.requester.username)
}

/// The second name where the controller manager does not use an account for each controller.
const AUTOSCALERS: [&str; 2] =
    ["system:serviceaccount:kube-system:horizontal-pod-autoscaler", "system:kube-controller-manager"];

/// Whether the number of a workload's Pods is changed through its subresource.
pub fn is_scale(submission: &Submission<'_>) -> bool {
    submission.act == Act::Touch && submission.subresource == "scale"
}

/// Whether the controller of autoscalers scales something.
pub fn is_autoscaling(submission: &Submission<'_>) -> bool {
    is_scale(submission) && AUTOSCALERS.contains(&submission.requester.username)
}

impl<'a> Caller<'a> {
    /// Classifies who sends a submission: whoever makes claims for Pods is their controller.
    pub fn of_submission(submission: &Submission<'a>, policy: &'a Policy) -> Self {
        if makes_for_pod(submission) { Self::Controller } else { Self::of(submission.requester, policy) }
    }

    /// Classifies who sends a submission to a project: a stranger whose Pod attests a user acts for them, where the project's Pods
    /// may have tokens.
    pub fn in_project(
        submission: &Submission<'a>,
        deputy: Option<&Deputy>,
        policy: &'a Policy,
        project: &Project,
    ) -> Self {
        match (Self::of_submission(submission, policy), deputy) {
            (Self::Stranger, Some(Deputy::Of { user_id: Some(id), .. })) if project.allow_service_account_token => {
                policy.user_by_id(id).map_or(Self::Stranger, Self::Deputy)
            }
            (caller, _) => caller,
        }
    }

    /// Classifies a requester. Trust in a service account goes before a User record of the same name.
    pub fn of(requester: Requester<'a>, policy: &'a Policy) -> Self {
        let Requester { username, groups } = requester;
        let platform = policy.platform();
        if BUILT_IN_CONTROLLERS.contains(&username) || platform.trusted_controllers.contains(username) {
            return Self::Controller;
        }
        if platform.trusted_clients.contains(username) {
            return Self::Client;
        }
        if let Some(user) = policy.user_by_username(username) {
            return Self::Person(user);
        }
        if policy.is_admin(None, groups) {
            return Self::Admin;
        }
        if requester.is_in("system:nodes") {
            return Self::Node(username.strip_prefix("system:node:").unwrap_or(username));
        }
        let in_control_plane = ["system:kube-scheduler", "system:apiserver"].contains(&username)
            || requester.is_in("system:serviceaccounts:kube-system");
        if in_control_plane { Self::ControlPlane } else { Self::Stranger }
    }

    /// Whether a person, or a program that shows them the answer, reads it: a controller's warnings nobody reads.
    pub fn is_read_by_people(&self) -> bool {
        matches!(self, Self::Person(_) | Self::Admin | Self::Client)
    }

    /// The caller's User record.
    pub fn user(&self) -> Option<&'a User> {
        match self {
            Self::Person(user) => Some(user),
            Self::Admin
            | Self::Controller
            | Self::Client
            | Self::Deputy(_)
            | Self::Node(_)
            | Self::ControlPlane
            | Self::Stranger => None,
        }
    }

    /// The user as whom they act: themselves, and their Pod's user if they are its account.
    pub fn acts_as(&self) -> Option<&'a User> {
        match self {
            Self::Deputy(user) => Some(user),
            Self::Person(_)
            | Self::Admin
            | Self::Controller
            | Self::Client
            | Self::Node(_)
            | Self::ControlPlane
            | Self::Stranger => self.user(),
        }
    }
}

/// What is stamped on the controller owner of a submitted object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControllerOwner {
    /// An object of a listed kind; an absent id means that it is from before the platform.
    Stamped {
        /// Kind of the owner.
        kind: String,
        /// Name of the owner.
        name: String,
        /// The stamp on its metadata.
        user_id: Option<UserId>,
    },
    /// An object of a kind that nobody listed: what is written on it was never checked.
    Unlisted {
        /// `apiVersion` of the owner.
        api_version: String,
        /// Kind of the owner.
        kind: String,
        /// Plural name of its kind, where the API server knows it.
        resource: Option<String>,
    },
    /// Several objects could be meant, and they are not one user's.
    Several {
        /// What they are, as people write them: `StatefulSet web of alice`.
        claimants: Vec<String>,
    },
    /// There is no such object with that UID.
    Gone {
        /// Kind of the owner.
        kind: String,
        /// Name of the owner.
        name: String,
    },
}

/// For whom an object is.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// For this user.
    User(&'a User),
    /// For someone whose User record is gone.
    Former(&'a str),
    /// For the project alone.
    Project,
}

impl<'a> Owner<'a> {
    /// The owner that a stamp names.
    pub fn stamped(user_id: Option<&'a UserId>, policy: &'a Policy) -> Self {
        Self::labelled(user_id.map(UserId::as_str), policy)
    }

    /// The owner that the text of a label `user-id` names.
    pub fn labelled(user_id: Option<&'a str>, policy: &'a Policy) -> Self {
        match user_id {
            None => Self::Project,
            Some(id) => policy.user_by_id(id).map_or(Self::Former(id), Self::User),
        }
    }

    /// What the label `user-id` carries.
    pub fn id(&self) -> Option<&'a str> {
        match self {
            Self::User(user) => Some(user.id.as_str()),
            Self::Former(id) => Some(id),
            Self::Project => None,
        }
    }

    /// Whether a stamp is this owner's. What carries none is the project's.
    pub fn is(&self, user_id: Option<&UserId>) -> bool {
        self.id() == user_id.map(UserId::as_str)
    }
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "{}", user.name),
            Self::Former(id) => write!(f, "{id}"),
            Self::Project => f.write_str("nobody in particular"),
        }
    }
}

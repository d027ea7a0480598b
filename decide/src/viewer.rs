//! Whose Pods a person may know by name: those of Namespaces where they may work. Of others they learn that they are others'.

use std::collections::BTreeMap;

use cluster::world::World;
use policy_engine::daemons::common::PodName;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;
use policy_engine::policy::people::User;
use policy_engine::policy::project::{Project, ProjectRole};

/// A person, and what they may see.
pub struct Viewer<'a> {
    pub(crate) policy: &'a Policy,
    /// `None` for an admin without a User record.
    user: Option<&'a User>,
    username: &'a str,
    groups: &'a [String],
    bindings: BTreeMap<String, ProjectId>,
}

impl<'a> Viewer<'a> {
    /// A person, with their User record if they have one and the groups that the request proves.
    pub fn new(
        world: &World,
        policy: &'a Policy,
        user: Option<&'a User>,
        username: &'a str,
        groups: &'a [String],
    ) -> Self {
        Self { policy, user, username, groups, bindings: world.bindings() }
    }

    /// Whether the person sees everything.
    pub fn is_admin(&self) -> bool {
        self.policy.is_admin(self.user, self.groups)
    }

    /// The project of a Namespace.
    pub fn project_of(&self, namespace: &str) -> Option<&'a Project> {
        self.policy.project_by_id(self.bindings.get(namespace)?)
    }

    /// Whether the person may work in a Namespace. In one that is a member's own no other Member does.
    pub fn sees(&self, namespace: &str) -> bool {
        let enters = |project: &Project| {
            let Some(user) = self.user else { return false };
            let role = self.policy.role(user, self.groups, project);
            let whose = project.member_of(namespace);
            role.is_some() && whose.is_none_or(|whose| *whose == user.name || role >= Some(ProjectRole::Manager))
        };
        self.is_admin() || self.project_of(namespace).is_some_and(enters)
    }

    /// Whether what was refused is theirs to know.
    pub fn was_refused(&self, username: &str, namespace: &str) -> bool {
        self.username == username || self.sees(namespace)
    }

    /// What the person reads of a Pod.
    pub fn name(&self, pod: &PodName) -> String {
        if self.sees(&pod.namespace) { pod.to_string() } else { OTHERS.to_owned() }
    }
}

/// What is said of a Pod that is not the person's to see.
pub const OTHERS: &str = "a pod of another project";

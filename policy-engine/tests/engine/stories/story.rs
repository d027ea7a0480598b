//! One story.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use policy_engine::admit;
use policy_engine::object::Unreadable;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::{ProjectId, UserId};
use policy_engine::submission::Requester;
use policy_engine::submission::deputy::Deputy;
use policy_engine::submission::facts::{Autoscaler, MovedTo, PriorityClass, Scaled};
use policy_engine::submission::identity::ControllerOwner;
use policy_engine::{Act, Decision, Facts, Submission};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::expect::{Expect, Outcome};
use crate::support::apply::{apply, merge};
use crate::support::devices::Inventory;
use crate::support::judge::some_monday;
use crate::support::object::{Sketch, resource_of};
use crate::support::options::Options;
use crate::support::policies::sample_organisation;
use crate::support::volumes::Cluster;

/// Somebody submits something.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Story {
    pub(crate) story: String,
    /// The rule on whose page of the manual this is an example.
    pub(crate) page: Option<String>,
    /// What is different from the sample organisation: [`Options`].
    #[serde(default)]
    pub(crate) policy: Map<String, Value>,
    #[serde(rename = "as")]
    by: By,
    pub(crate) at: Option<Timestamp>,
    #[serde(default = "create")]
    pub(crate) operation: String,
    #[serde(default)]
    pub(crate) subresource: String,
    submit: Option<Sketch>,
    /// What is stored, where the engine had no say in it.
    old: Option<Sketch>,
    /// What is stored after somebody's creation, as the engine left it.
    created: Option<Creation>,
    /// A merge patch of what is stored.
    change: Option<Value>,
    /// The manifest of the creation once more.
    again: Option<Again>,
    /// What the subresource belongs to, where the review does not carry it.
    target: Option<Target>,
    controller_owner: Option<Owner>,
    /// The workload above the submitted object that was moved to a queue.
    moved_to: Option<Moved>,
    /// The Pod that the token of a service account is bound to.
    deputy: Option<BoundPod>,
    /// The volumes that there are.
    #[serde(default)]
    pub(crate) volumes: Cluster,
    /// The claims of devices, their templates and classes that there are.
    #[serde(default)]
    pub(crate) devices: Inventory,
    /// Whether the object has what the API server allocates, as in the validating call.
    #[serde(default)]
    allocated: bool,
    /// The autoscalers that name what is scaled, by name.
    #[serde(default)]
    autoscalers: BTreeMap<String, Named>,
    /// The workload that the submitted autoscaler names.
    scaled: Option<Owner>,
    /// The value of each PriorityClass that has been seen; none of them lets Pods preempt.
    #[serde(default)]
    priority_classes: BTreeMap<String, i32>,
    /// The id that binds the namespace, where it is not the namespace's own name.
    project_id: Option<ProjectId>,
    pub(crate) expect: Expect,
}

fn create() -> String {
    "CREATE".into()
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum By {
    Username(String),
    Proven { username: String, groups: Vec<String> },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Creation {
    #[serde(rename = "as")]
    by: String,
    submit: Sketch,
}

/// An autoscaler: the stamp on it, and between which numbers of replicas it scales.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    user: Option<UserId>,
    replicas: [i64; 2],
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Again {
    Apply,
    Replace,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Target {
    kind: String,
    user_id: Option<UserId>,
    #[serde(default)]
    missing: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Owner {
    kind: String,
    user_id: Option<UserId>,
    /// For a kind that nobody listed.
    api_version: Option<String>,
    resource: Option<String>,
    #[serde(default)]
    gone: bool,
    /// Where several objects of several users could be meant.
    several: Option<Vec<String>>,
}

impl Owner {
    fn fact(&self) -> ControllerOwner {
        let Self { kind, user_id, api_version, resource, gone, several } = self;
        if let Some(claimants) = several {
            return ControllerOwner::Several { claimants: claimants.clone() };
        }
        let (kind, name) = (kind.clone(), "web".into());
        match api_version {
            Some(api_version) => {
                ControllerOwner::Unlisted { api_version: api_version.clone(), kind, resource: resource.clone() }
            }
            None if *gone => ControllerOwner::Gone { kind, name },
            None => ControllerOwner::Stamped { kind, name, user_id: user_id.clone() },
        }
    }

    fn scaled(&self) -> Scaled {
        let Self { kind, user_id, .. } = self;
        Scaled { kind: kind.clone(), name: "web".into(), user_id: user_id.clone() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Moved {
    kind: String,
    queue: String,
}

impl Moved {
    fn fact(&self) -> MovedTo {
        let Self { kind, queue } = self;
        MovedTo { kind: kind.clone(), name: "web".into(), queue: queue.clone() }
    }
}

/// The Pod `driver`, whose stamp is left out where it is from before the platform.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BoundPod {
    user_id: Option<UserId>,
    #[serde(default)]
    gone: bool,
}

impl BoundPod {
    fn fact(&self) -> Deputy {
        let Self { user_id, gone } = self;
        let pod = "driver".into();
        if *gone { Deputy::Gone { pod } } else { Deputy::Of { pod, user_id: user_id.clone() } }
    }
}

impl By {
    fn username(&self) -> &str {
        match self {
            Self::Username(username) | Self::Proven { username, .. } => username,
        }
    }

    /// The groups of the story, and those that the API server adds for service accounts.
    fn groups(&self) -> Vec<String> {
        let mut groups = match self {
            Self::Username(_) => Vec::new(),
            Self::Proven { groups, .. } => groups.clone(),
        };
        if let Some(account) = self.username().strip_prefix("system:serviceaccount:") {
            let namespace = account.split_once(':').map_or(account, |(namespace, _)| namespace);
            groups.extend(["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}")]);
        }
        groups
    }
}

impl Story {
    /// Tells the story; says what went otherwise than expected.
    pub(crate) fn tell(&self) -> Vec<String> {
        self.play().map_or_else(|why| vec![why], |outcome| self.expect.differences(&outcome))
    }

    /// What the story comes to, or why it cannot even begin.
    pub(crate) fn play(&self) -> Result<Outcome, String> {
        let mut records = sample_organisation();
        let options = Options::deserialize(Value::Object(self.policy.clone()));
        options.map_err(|why| format!("policy: {why}"))?.change(&mut records);
        let policy = Policy::from(records);
        let old = self.stored(&policy).map_err(|refused| format!("what should be stored was refused: {refused}"))?;
        Ok(self.outcome(&policy, old))
    }

    pub(crate) fn username(&self) -> &str {
        self.by.username()
    }

    /// The object that is not in the review, with its owner.
    pub(crate) fn target(&self) -> Option<(&str, Option<&str>)> {
        self.target.as_ref().map(|target| (target.kind.as_str(), target.user_id.as_ref().map(UserId::as_str)))
    }

    pub(crate) fn sketch(&self) -> &Sketch {
        let sketches = [self.submit.as_ref(), self.old.as_ref(), self.created.as_ref().map(|it| &it.submit)];
        sketches.into_iter().flatten().next().expect("something that is submitted or stored")
    }

    fn now(&self) -> Timestamp {
        self.at.unwrap_or_else(some_monday)
    }

    fn stored(&self, policy: &Policy) -> Result<Option<Value>, Box<Decision>> {
        let Some(Creation { by, submit }) = &self.created else { return Ok(self.old.as_ref().map(Sketch::draw)) };
        let object = submit.draw();
        let submission = Submission {
            act: Act::Create,
            resource: submit.resource(),
            subresource: "",
            kind: &submit.kind,
            namespace: &submit.namespace,
            name: "web",
            requester: Requester { username: by, groups: &[] },
            object: Some(&object),
            old: None,
        };
        let project_id = ProjectId::new(&submit.namespace);
        let facts =
            Facts { devices: self.devices.facts(), project_id, volumes: self.volumes.facts(), ..Facts::default() };
        let decision = admit(&submission, &facts, policy, self.now()).expect("a readable object");
        if decision.allowed() { Ok(Some(apply(&decision.mutations, &object))) } else { Err(Box::new(decision)) }
    }

    fn submitted(&self, old: Option<&Value>) -> Option<Value> {
        let stored = || old.cloned().unwrap_or(Value::Object(Map::new()));
        let manifest = || self.created.as_ref().expect("again needs a creation").submit.draw();
        let mut object = match (&self.submit, self.again, &self.change) {
            (Some(submit), _, _) => submit.draw(),
            (None, Some(Again::Replace), _) => manifest(),
            (None, Some(Again::Apply), _) => {
                let mut object = stored();
                merge(&mut object, &manifest());
                object
            }
            (None, None, Some(_)) => stored(),
            (None, None, None) => return None,
        };
        if let Some(change) = &self.change {
            merge(&mut object, change);
        }
        Some(object)
    }

    fn outcome(&self, policy: &Policy, old: Option<Value>) -> Outcome {
        let object = self.submitted(old.as_ref());
        let facts = Facts {
            moved_to: self.moved_to.as_ref().map(Moved::fact),
            project_id: self.project_id.clone().unwrap_or_else(|| ProjectId::new(&self.sketch().namespace)),
            controller: self.controller_owner.as_ref().map(Owner::fact),
            deputy: self.deputy.as_ref().map(BoundPod::fact),
            scaled: self.scaled.as_ref().map(Owner::scaled),
            target_user_id: self.target.as_ref().and_then(|target| target.user_id.clone()),
            target: None,
            volumes: self.volumes.facts(),
            devices: self.devices.facts(),
            is_allocated: self.allocated,
            target_missing: self.target.as_ref().is_some_and(|target| target.missing),
            priority_classes: Arc::new(
                self.priority_classes
                    .iter()
                    .map(|(name, value)| {
                        (name.clone(), PriorityClass { value: *value, preemption_policy: "Never".into() })
                    })
                    .collect(),
            ),
            autoscalers: self
                .autoscalers
                .clone()
                .into_iter()
                .map(|(name, Named { user, replicas: [least, most] })| Autoscaler {
                    name,
                    user_id: user,
                    replicas: least..=most,
                })
                .collect(),
        };
        let decision = self.judge(&facts, policy, object.as_ref(), old.as_ref());
        let again = match (&decision, &object) {
            (Ok(decision), Some(object)) => {
                let written = apply(&decision.mutations, object);
                Some(self.judge(&facts, policy, Some(&written), old.as_ref()).expect("a readable object"))
            }
            (_, _) => None,
        };
        Outcome { decision, object, old, again }
    }

    fn judge(
        &self,
        facts: &Facts,
        policy: &Policy,
        object: Option<&Value>,
        old: Option<&Value>,
    ) -> Result<Decision, Unreadable> {
        let sketch = self.sketch();
        let target = self.target.as_ref();
        let groups = self.by.groups();
        let submission = Submission {
            act: Act::of(&self.operation, &self.subresource, target.is_none()),
            resource: target.map_or_else(|| sketch.resource(), |target| resource_of(&target.kind, None)),
            subresource: &self.subresource,
            kind: target.map_or(&sketch.kind, |target| &target.kind),
            namespace: &sketch.namespace,
            name: "web",
            requester: Requester { username: self.by.username(), groups: &groups },
            object,
            old,
        };
        admit(&submission, facts, policy, self.now())
    }
}

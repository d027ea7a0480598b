//! Creations one after another, decided as an API server with Sluice's webhooks would. Nothing is created.

mod order;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::client::LookupFailed;
use cluster::dry_run::Server;
use jiff::Timestamp;
use policy_engine::admission::{binding, ungoverned};
use policy_engine::object::{Object, Unreadable};
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;
use policy_engine::submission::identity::Caller;
use policy_engine::{Decision, Facts, Submission};
use serde_json::Value;
use store::{Ledger, Unavailable};
use tokio::time::Instant;

pub use order::OutOfOrder;

use crate::entry::{Entry, Namespace};
use crate::facts::{GatherFailed, Sources, Subject, new_controller};
use crate::made::{Made, ToCome};
use crate::{judgement, room};

/// Nobody waits with a deadline of their own.
const LOOK_UP: Duration = Duration::from_secs(10);

/// A run of creations. What was admitted counts as made for those that come later.
pub struct Creations {
    policy: Arc<Policy>,
    sources: Sources,
    ledger: Option<Ledger>,
    now: Timestamp,
    made: Made,
    to_come: ToCome,
}

/// What became of a creation.
#[derive(Debug)]
pub struct Created {
    /// Which judgement it got.
    pub entry: Entry,
    /// The decision of both calls.
    pub decision: Decision,
    /// The object as it would be stored.
    pub object: Value,
    /// Where it matters that it stands before what it names.
    pub out_of_order: Option<OutOfOrder>,
}

/// Why there is no decision.
#[derive(Debug, thiserror::Error)]
pub enum Undecided {
    /// Records are the API server's to validate.
    #[error("it is a record, which only the API server's answer is about")]
    Record,
    /// Whose the object is stands on an object that nobody can be asked about.
    #[error("whose it is stands on its controller owner, {kind} {name}, which files do not hold")]
    Controller {
        /// Kind of the owner.
        kind: String,
        /// Name of the owner.
        name: String,
    },
    /// The object is not what its kind says.
    #[error("the object cannot be read")]
    Unreadable(#[from] Unreadable),
    /// What rules write goes beside the object, which is a defect.
    #[error("what Sluice writes does not fit the object")]
    Patch(#[from] json_patch::PatchError),
    /// The API server had to be asked and did not answer.
    #[error(transparent)]
    Lookup(#[from] LookupFailed),
    /// The ledger did not say whether there is room.
    #[error(transparent)]
    Ledger(#[from] Unavailable),
}

/// What a creation is judged by.
#[derive(Clone, Copy, Debug)]
enum Knows {
    /// What was made before, as the API server does.
    SoFar,
    /// Also what will come in this run.
    All,
}

impl From<GatherFailed> for Undecided {
    fn from(failed: GatherFailed) -> Self {
        match failed {
            GatherFailed::Lookup(failed) => Self::Lookup(failed),
            GatherFailed::Unreadable(unreadable) => Self::Unreadable(unreadable),
        }
    }
}

impl Creations {
    /// In a cluster that is asked about everything.
    pub fn in_cluster(policy: Arc<Policy>, server: &Server, ledger: Option<Ledger>, now: Timestamp) -> Self {
        Self::of(policy, Sources::asking(server), ledger, now)
    }

    /// Where there are the records and nobody to ask. A Namespace belongs to the first project that lists it.
    pub fn on_records(policy: Arc<Policy>, ledger: Option<Ledger>, now: Timestamp) -> Self {
        let mut bindings = BTreeMap::new();
        for project in policy.records().projects.values() {
            for namespace in &project.namespaces {
                bindings.entry(namespace.clone()).or_insert_with(|| project.id.clone());
            }
        }
        Self::of(policy, Sources::Files(bindings), ledger, now)
    }

    fn of(policy: Arc<Policy>, sources: Sources, ledger: Option<Ledger>, now: Timestamp) -> Self {
        Self { policy, sources, ledger, now, made: Made::default(), to_come: ToCome::default() }
    }

    /// The policy that decides.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Says what will be submitted later in this run: what names it may stand before it, and is judged as it stands there and by what
    /// will come. What comes from a cluster is there already, and whose its labels say; what is new is the requester's.
    pub fn announce(&mut self, submission: &Submission<'_>) {
        let Some(object) = submission.object else { return };
        if submission.resource.is_core("namespaces") {
            return;
        }
        let user = Caller::of_submission(submission, &self.policy).user();
        let exists = Object(object).at(&["metadata", "uid"]).is_some();
        let maker = user.filter(|_| !exists).map(|user| &user.id);
        let made = if exists { &mut self.made } else { &mut self.to_come.0 };
        made.add(&submission.resource, submission.namespace, object, maker);
    }

    /// Decides on a creation: the mutating call, and the validating call on what it made. What would be refused because of what will
    /// come in this run is refused at once.
    ///
    /// # Errors
    /// Where nothing can be decided.
    pub async fn create(&mut self, submission: &Submission<'_>) -> Result<Created, Undecided> {
        let deadline = Instant::now() + LOOK_UP;
        let project = self.sources.project_of(submission.namespace, deadline).await?;
        let project = project.or_else(|| self.made.project_of(submission.namespace));
        let namespace = Namespace::of(submission.namespace, project, &self.policy);
        let entry = Entry::of(submission, namespace, &self.policy);
        let as_sent = || submission.object.cloned().unwrap_or_default();
        let mut out_of_order = None;
        let (decision, object) = match &entry {
            Entry::Records => return Err(Undecided::Record),
            Entry::NotJudged(_) => (Decision::default(), as_sent()),
            Entry::Binding => {
                let object = submission.object.map(Object);
                (binding::judge(submission.name, object, None, submission.requester, &self.policy), as_sent())
            }
            Entry::Ungoverned => {
                let mut devices = self.sources.devices(submission, &self.policy, deadline).await?;
                self.made.add_devices(submission, &self.policy, &mut devices);
                (ungoverned::judge(submission, &devices, &self.policy)?, as_sent())
            }
            Entry::Governed(project_id) => {
                let govern = |knows| Box::pin(self.govern(submission, project_id, knows, deadline));
                let decided = govern(Knows::SoFar).await?;
                if self.to_come.is_nothing() {
                    decided
                } else {
                    let later = govern(Knows::All).await?;
                    out_of_order = OutOfOrder::of(&decided.0, &later.0);
                    if out_of_order == Some(OutOfOrder::TooLate) { later } else { decided }
                }
            }
        };
        self.to_come.take(&submission.resource, submission.namespace, submission.name);
        if decision.allowed() {
            self.made.add(&submission.resource, submission.namespace, &object, None);
        }
        Ok(Created { entry, decision, object, out_of_order })
    }

    async fn govern(
        &self,
        submission: &Submission<'_>,
        project_id: &ProjectId,
        knows: Knows,
        deadline: Instant,
    ) -> Result<(Decision, Value), Undecided> {
        if let (Sources::Files(_), Some(owner)) =
            (&self.sources, new_controller(submission, Caller::of_submission(submission, &self.policy), &self.policy)?)
        {
            return Err(Undecided::Controller { kind: owner.kind, name: owner.name });
        }
        let facts = self.facts(submission, project_id, knows, deadline).await?;
        let (mut decision, patch) = judgement::mutate(submission, &facts, &self.policy, self.now)?;
        let mut object = submission.object.cloned().unwrap_or_default();
        json_patch::patch(&mut object, &patch)?;
        if decision.allowed() {
            let submission = Submission { object: Some(&object), ..submission.clone() };
            let facts = self.facts(&submission, project_id, knows, deadline).await?;
            let validated = judgement::validate(&submission, &facts, &self.policy, self.now)?;
            (decision.denials, decision.more, decision.reservation) =
                (validated.denials, validated.more, validated.reservation);
        }
        match &self.ledger {
            Some(ledger) => {
                room::find(ledger, &mut decision, &self.policy, room::Mode::Ask, deadline).await?;
            }
            None => room::foresee(&mut decision, &self.policy, self.now),
        }
        Ok((decision, object))
    }

    async fn facts(
        &self,
        submission: &Submission<'_>,
        project_id: &ProjectId,
        knows: Knows,
        deadline: Instant,
    ) -> Result<Facts, GatherFailed> {
        // A creation is about no other object, whose version would matter.
        let subject = Subject::Request { version: "", pod: None };
        let mut facts = self.sources.gather(submission, subject, project_id.clone(), &self.policy, deadline).await?;
        self.made.add_volumes(submission, &mut facts.volumes);
        self.made.add_devices(submission, &self.policy, &mut facts.devices);
        match knows {
            Knows::SoFar => self.to_come.lack(submission.namespace, &mut facts.volumes, &mut facts.devices),
            Knows::All => {
                self.to_come.0.add_volumes(submission, &mut facts.volumes);
                self.to_come.0.add_devices(submission, &self.policy, &mut facts.devices);
            }
        }
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;

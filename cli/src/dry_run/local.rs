//! The local dry run: the webhook's own library function decides, on records from files or from the cluster.

mod kinds;
mod volumes;

use std::collections::BTreeMap;

use anyhow::{Context as _, Error, anyhow};
use cluster::dry_run::Server;
use records::convert;
use records::convert::RawRecords;

use jiff::Timestamp;
use json_patch::Patch;
use policy_engine::admission::binding;
use policy_engine::object::Object;
use policy_engine::policy::Policy;
use policy_engine::submission::Requester;
use policy_engine::submission::devices::Devices;
use policy_engine::submission::identity::{Caller, ControllerOwner};
use policy_engine::{Act, Decision, Facts, Submission};
use serde_json::Value;
use store::Ledger;
use tokio::time::{Duration, Instant};
use webhook::answer::Response;
use webhook::{judge, room};

use super::defaults::filled_in;
use super::live::{self, Kinds};
use super::object::{Asker, ObjectRef, Submitted};
use super::verdict::{Unanswered, Verdict, denials};
use super::written::written_fields;
use crate::cluster_args::ClusterArgs;
use crate::ending::{self, Failure};
use volumes::Submissions;

const LOOK_UP: Duration = Duration::from_secs(10);
const NO_LEDGER: &str = "whether there is room now was not asked; name the ledger with --ledger";

/// Everything that a local decision rests on.
pub(super) struct Local {
    policy: Policy,
    /// The project id of every governed namespace.
    bindings: BTreeMap<String, String>,
    asker: Asker,
    now: Timestamp,
    server: Option<Server>,
    ledger: Option<Ledger>,
}

impl Local {
    /// Decides on records from files. What is wrong with them is said and stops nothing, as in a cluster.
    pub(super) fn new((raw, mut problems): (RawRecords, Vec<convert::Problem>), asker: Asker, now: Timestamp) -> Self {
        let (records, found) = convert::build(&raw);
        problems.extend(found);
        problems.iter().for_each(ending::warn);
        // The first project that lists a namespace has it, as in a cluster.
        let mut bindings = BTreeMap::new();
        for project in records.projects.values() {
            for namespace in &project.namespaces {
                bindings.entry(namespace.clone()).or_insert_with(|| project.id.clone());
            }
        }
        Self { policy: records.into(), bindings, asker, now, server: None, ledger: None }
    }

    /// Decides on the records of the cluster as they are now, for you where nobody is named.
    pub(super) async fn observe(asker: Option<Asker>, now: Timestamp, cluster: &ClusterArgs) -> Result<Self, Failure> {
        let unanswered = |error: Error| Failure::Unanswered(error);
        let server = cluster.server().await?;
        let observed = server.observe().await.map_err(|error| unanswered(error.into()))?;
        let asker = match asker {
            Some(asker) => asker,
            None => {
                let own = server.identity().await.map_err(|error| unanswered(error.into()))?;
                Asker { username: own.username, groups: own.groups, asked: Vec::new() }
            }
        };
        let (records, problems) = convert::build(&observed.records);
        problems.iter().for_each(ending::warn);
        Ok(Self { policy: records.into(), bindings: observed.bindings, asker, now, server: Some(server), ledger: None })
    }

    /// With the ledger that says what there is room for.
    pub(super) fn asking(self, ledger: Option<Ledger>) -> Self {
        Self { ledger, ..self }
    }

    /// Decides on every object, in order.
    pub(super) async fn judge(
        self,
        objects: Vec<Submitted>,
        namespace: Option<String>,
    ) -> Result<Vec<Result<Verdict, Unanswered>>, Failure> {
        let kinds = match &self.server {
            Some(server) => live::kinds(server, &objects).await?,
            None => objects.iter().map(kinds::guessed).collect(),
        };
        let context = self.server.as_ref().map(Server::default_namespace);
        let beside = Submissions::among(&objects, namespace.as_deref(), context, &self.policy, &self.asker);
        let mut answers = Vec::new();
        for submitted in &objects {
            answers.push(self.judge_one(submitted, &kinds, &beside, namespace.as_deref(), context).await);
        }
        Ok(answers)
    }

    async fn judge_one(
        &self,
        submitted: &Submitted,
        kinds: &Kinds,
        beside: &Submissions,
        namespace: Option<&str>,
        context: Option<&str>,
    ) -> Result<Verdict, Unanswered> {
        let served = live::find(kinds, submitted)?;
        let namespace = submitted.namespace(served.namespaced, namespace, context).map_err(Unanswered::Invalid)?;
        let reference = submitted.reference(namespace);
        let object = filled_in(&submitted.object);
        let submission = Submission {
            act: Act::Create,
            resource: served.group_resource(),
            subresource: "",
            kind: &submitted.kind,
            namespace: reference.namespace.as_deref().unwrap_or_default(),
            name: submitted.meta("name").unwrap_or_default(),
            requester: Requester { username: &self.asker.username, groups: &self.asker.groups },
            object: Some(&object),
            old: None,
        };
        if submitted.api_version == "v1" && submitted.kind == "Namespace" {
            let decision =
                binding::judge(submission.name, Some(Object(&object)), None, submission.requester, &self.policy);
            return Ok(self.verdict(reference, submitted, &decision, Patch::default(), None));
        }
        if submission.resource.group == records::GROUP {
            return Err(Unanswered::Invalid(anyhow!(
                "{}: {reference} is a record, which only the API server's answer is about; ask without --policy, or look at it by sluice check",
                submitted.origin
            )));
        }
        let project_id = match self.governing(&submission) {
            Ok(project_id) => project_id,
            Err(why) => {
                return Ok(self.verdict(reference, submitted, &Decision::default(), Patch::default(), Some(why)));
            }
        };
        let subject = || format!("{}: {reference}", submitted.origin);
        let facts = self.facts(&submission, project_id, beside).await.map_err(|unanswered| match unanswered {
            Unanswered::Invalid(error) => Unanswered::Invalid(error.context(subject())),
            Unanswered::Unasked(error) => Unanswered::Unasked(error.context(subject())),
        })?;
        let (mut decision, after) = decide(&submission, &facts, &self.policy, self.now)
            .map_err(|error| Unanswered::Invalid(error.context(subject())))?;
        let room = match &self.ledger {
            Some(ledger) => {
                let found =
                    room::find(ledger, &mut decision, &self.policy, room::Mode::Ask, Instant::now() + LOOK_UP).await;
                found.map_err(|error| Unanswered::Unasked(Error::new(error).context(subject())))?;
                None
            }
            None => decision.reservation.as_ref().map(|_| NO_LEDGER.to_owned()),
        };
        let patch = if decision.allowed() { written_fields(&object, &after) } else { Patch::default() };
        Ok(self.verdict(reference, submitted, &decision, patch, room))
    }

    /// The project that governs a submission, or why none does.
    fn governing(&self, submission: &Submission<'_>) -> Result<String, String> {
        let namespace = submission.namespace;
        let resource = &submission.resource;
        let is_judged = ["pods", "persistentvolumeclaims"].iter().any(|it| resource.is_core(it))
            || resource.is_snapshot()
            || resource.is_claim()
            || resource.is_claim_template();
        if !is_judged && self.policy.platform().workload_kind(&submission.resource).is_none() {
            return Err(format!("not governed: {} are not judged", submission.resource));
        }
        match self.bindings.get(namespace) {
            None => Err(format!("not governed: namespace {namespace} belongs to no project")),
            Some(_) if self.policy.platform().exempt_namespaces.contains(namespace) => {
                Err(format!("not governed: namespace {namespace} is exempt"))
            }
            Some(project_id) => Ok(project_id.clone()),
        }
    }

    /// What the webhook would look up: the owner of what a controller creates, whose volumes are, and what claims of devices there are.
    async fn facts(
        &self,
        submission: &Submission<'_>,
        project_id: String,
        beside: &Submissions,
    ) -> Result<Facts, Unanswered> {
        let mut facts = Facts { project_id, ..Facts::default() };
        if matches!(Caller::of_submission(submission, &self.policy), Caller::Controller) {
            facts.controller = self.controller(submission).await?;
        }
        facts.volumes = match &self.server {
            Some(server) => {
                let known = server.volumes().facts(submission, &self.policy, Instant::now() + LOOK_UP).await;
                beside.besides(submission.namespace, known.map_err(|error| Unanswered::Unasked(error.into()))?)
            }
            None => beside.alone(submission, &self.policy),
        };
        facts.devices = match &self.server {
            Some(server) => {
                let known = server.devices().facts(submission, &self.policy, Instant::now() + LOOK_UP).await;
                known.map_err(|error| Unanswered::Unasked(error.into()))?
            }
            None => Devices { untold: true, ..Devices::default() },
        };
        Ok(facts)
    }

    async fn controller(&self, submission: &Submission<'_>) -> Result<Option<ControllerOwner>, Unanswered> {
        let Some(object) = submission.object.map(Object) else { return Ok(None) };
        let reference = object.controller().map_err(|error| Unanswered::Invalid(error.into()))?;
        let Some(reference) = reference else { return Ok(None) };
        let Some(server) = &self.server else {
            return Err(Unanswered::Invalid(anyhow!(
                "whose it is stands on its controller owner, {} {}, which files do not hold; ask with --policy cluster, or without --policy",
                reference.kind,
                reference.name
            )));
        };
        let owner = server.owners();
        let owner = owner.stamped(&self.policy, submission.namespace, &reference, Instant::now() + LOOK_UP).await;
        owner.map(Some).map_err(|error| Unanswered::Unasked(error.into()))
    }

    fn verdict(
        &self,
        object: ObjectRef,
        submitted: &Submitted,
        decision: &Decision,
        patch: Patch,
        note: Option<String>,
    ) -> Verdict {
        let Response { allowed, status, warnings, .. } = Response::decided("", decision);
        Verdict {
            object,
            allowed,
            denials: status.map(denials).unwrap_or_default(),
            warnings: each_once(warnings),
            patch,
            policy_version: Some(self.policy.version().to_owned()),
            notes: note.into_iter().collect(),
            submitted: submitted.object.clone(),
        }
    }
}

/// The mutating call, then the validating one on what it made.
fn decide(
    submission: &Submission<'_>,
    facts: &Facts,
    policy: &Policy,
    now: Timestamp,
) -> Result<(Decision, Value), Error> {
    const UNREADABLE: &str = "the object cannot be read";
    let (mut decision, patch) = judge::mutate(submission, facts, policy, now).context(UNREADABLE)?;
    let mut after = submission.object.cloned().unwrap_or_default();
    json_patch::patch(&mut after, &patch).context("what Sluice writes does not fit the object")?;
    if decision.allowed() {
        let submission = Submission { object: Some(&after), ..submission.clone() };
        let validated = judge::validate(&submission, facts, policy, now).context(UNREADABLE)?;
        (decision.denials, decision.reservation) = (validated.denials, validated.reservation);
    }
    Ok((decision, after))
}

/// The API server passes equal warnings on once.
fn each_once(warnings: Vec<String>) -> Vec<String> {
    let mut once = Vec::new();
    for warning in warnings {
        if !once.contains(&warning) {
            once.push(warning);
        }
    }
    once
}

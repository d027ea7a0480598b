//! The local dry run: what the webhook decides is decided here, on records from files or from the cluster.

mod kinds;

use std::sync::Arc;

use anyhow::{Error, anyhow};
use cluster::dry_run::{Served, Server};
use decide::creations::{Created, Undecided};
use decide::entry::NotJudged;
use decide::{Creations, Entry, versions, written};
use jiff::Timestamp;
use json_patch::Patch;
use policy_engine::submission::Requester;
use policy_engine::{Act, Submission};
use records::convert;
use records::convert::RawRecords;
use serde_json::Value;
use store::Ledger;
use webhook::answer::Response;

use super::defaults::filled_in;
use super::live::{self, Kinds};
use super::object::{Asker, ObjectRef, Submitted};
use super::verdict::{Unanswered, Verdict, denials};
use crate::cluster_args::ClusterArgs;
use crate::ending::{self, Failure};
use crate::policy_source::PolicySource;

const NO_LEDGER: &str = "whether there is room now was not asked; name the ledger with --ledger";

/// Everything that a local decision rests on.
pub(super) struct Local {
    creations: Creations,
    asker: Asker,
    server: Option<Server>,
    asks_ledger: bool,
}

/// An object that is submitted, and where.
struct Creation<'a> {
    submitted: &'a Submitted,
    served: &'a Served,
    reference: ObjectRef,
    object: Value,
}

impl Local {
    /// Decides on records from files. What is wrong with them is said and stops nothing, as in a cluster.
    pub(super) fn new(
        (raw, problems): (RawRecords, Vec<convert::Problem>),
        asker: Asker,
        ledger: Option<Ledger>,
        now: Timestamp,
    ) -> Self {
        let (records, found) = convert::build(&raw);
        problems.iter().chain(&found).for_each(ending::warn);
        let policy = Arc::new(records.into());
        let asks_ledger = ledger.is_some();
        Self { creations: Creations::on_records(policy, ledger, now), asker, server: None, asks_ledger }
    }

    /// Decides on the records of the cluster as they are now, for you where nobody is named.
    pub(super) async fn observe(
        asker: Option<Asker>,
        ledger: Option<Ledger>,
        now: Timestamp,
        cluster: &ClusterArgs,
    ) -> Result<Self, Failure> {
        let unanswered = |error: Error| Failure::Unanswered(error);
        let server = cluster.server().await?;
        let (asker, policy) = match asker {
            // Of others a member knows too little to say what would be decided.
            Some(asker) => {
                let records = server.records().await.map_err(|error| unanswered(error.into()))?;
                let (records, problems) = convert::build(&records);
                problems.iter().for_each(ending::warn);
                (asker, records.into())
            }
            None => {
                let own = server.identity().await.map_err(|error| unanswered(error.into()))?;
                let asker = Asker { username: own.username, groups: own.groups, asked: Vec::new() };
                (asker, PolicySource::Cluster.policy(cluster).await?)
            }
        };
        let policy = Arc::new(policy);
        let asks_ledger = ledger.is_some();
        let creations = Creations::in_cluster(policy, &server, ledger, now);
        Ok(Self { creations, asker, server: Some(server), asks_ledger })
    }

    /// Decides on every object, in order.
    pub(super) async fn judge(
        mut self,
        objects: Vec<Submitted>,
        namespace: Option<String>,
    ) -> Result<Vec<Result<Verdict, Unanswered>>, Failure> {
        let kinds = match &self.server {
            Some(server) => live::kinds(server, &objects).await?,
            None => objects.iter().map(kinds::guessed).collect(),
        };
        let context = self.server.as_ref().map(|server| server.default_namespace().to_owned());
        let creation = |submitted| creation(submitted, &kinds, namespace.as_deref(), context.as_deref());
        let creations: Vec<_> = objects.iter().map(creation).collect();
        for creation in creations.iter().flatten() {
            self.creations.announce(&creation.submission(&self.asker));
        }
        let mut answers = Vec::new();
        for creation in creations {
            answers.push(match creation {
                Ok(creation) => self.judge_one(creation).await,
                Err(unanswered) => Err(unanswered),
            });
        }
        Ok(answers)
    }

    async fn judge_one(&mut self, creation: Creation<'_>) -> Result<Verdict, Unanswered> {
        let Created { entry, decision, object: after, out_of_order } = self
            .creations
            .create(&creation.submission(&self.asker))
            .await
            .map_err(|undecided| unanswered(undecided, &creation))?;
        let mut notes: Vec<_> = out_of_order.iter().map(ToString::to_string).collect();
        match &entry {
            Entry::NotJudged(why) => notes.push(why.to_string()),
            Entry::Ungoverned if decision.allowed() => {
                let namespace = creation.reference.namespace.clone().unwrap_or_default();
                notes.push(NotJudged::Free(namespace).to_string());
            }
            Entry::Governed(_) if decision.reservation.is_some() && !self.asks_ledger => {
                notes.push(NO_LEDGER.to_owned())
            }
            Entry::Ungoverned | Entry::Governed(_) | Entry::Binding | Entry::Records => {}
        }
        let patch = if decision.allowed() { written::fields(&creation.object, &after) } else { Patch::default() };
        let Response { allowed, status, warnings, .. } = Response::decided("", &decision);
        Ok(Verdict {
            object: creation.reference,
            allowed,
            denials: status.map(denials).unwrap_or_default(),
            warnings: each_once(warnings),
            patch,
            policy_version: Some(self.creations.policy().version().to_owned()),
            notes,
            submitted: versions::current(creation.submitted.object.clone()),
        })
    }
}

fn creation<'a>(
    submitted: &'a Submitted,
    kinds: &'a Kinds,
    namespace: Option<&str>,
    context: Option<&str>,
) -> Result<Creation<'a>, Unanswered> {
    let served = live::find(kinds, submitted)?;
    let namespace = submitted.namespace(served.namespaced, namespace, context).map_err(Unanswered::Invalid)?;
    let object = filled_in(&submitted.object);
    Ok(Creation { submitted, served, reference: submitted.reference(namespace), object })
}

impl Creation<'_> {
    fn submission<'s>(&'s self, asker: &'s Asker) -> Submission<'s> {
        Submission {
            act: Act::Create,
            resource: self.served.group_resource(),
            subresource: "",
            kind: &self.submitted.kind,
            namespace: self.reference.namespace.as_deref().unwrap_or_default(),
            name: self.submitted.meta("name").unwrap_or_default(),
            requester: Requester { username: &asker.username, groups: &asker.groups },
            object: Some(&self.object),
            old: None,
        }
    }
}

fn unanswered(undecided: Undecided, creation: &Creation<'_>) -> Unanswered {
    let Creation { submitted: Submitted { origin, .. }, reference, .. } = creation;
    let subject = format!("{origin}: {reference}");
    match undecided {
        Undecided::Record => Unanswered::Invalid(anyhow!(
            "{subject} is a record, which only the API server's answer is about; ask without --policy, or look at it by sluice check"
        )),
        Undecided::Controller { .. } => {
            Unanswered::Invalid(anyhow!("{subject}: {undecided}; ask with --policy cluster, or without --policy"))
        }
        Undecided::Unreadable(_) | Undecided::Patch(_) => Unanswered::Invalid(Error::new(undecided).context(subject)),
        Undecided::Lookup(_) | Undecided::Ledger(_) => Unanswered::Unasked(Error::new(undecided).context(subject)),
    }
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

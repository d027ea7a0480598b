//! What is looked at, each part for itself.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;
use cluster::dry_run::Server;
use cluster::standing::{self, Entry, Lease, Part, Troubled};
use futures::future::join_all;
use jiff::Timestamp;
use kube::Client;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy as Rules;
use policy_engine::policy::modes::RuleMode;
use policy_engine::policy::platform::{Elsewhere, Platform};
use policy_engine::policy::rule_id::RuleId;
use policy_engine::policy::workload;
use records::Kind;
use records::convert::{self, Grade, RawRecord, RawRecords};
use records::daemon::DaemonStatus;
use serde_json::Value;

use crate::ending::Failure;
use crate::question::{self, Heard};

/// Where it is looked.
#[derive(Clone, Debug)]
pub(super) struct Where {
    pub(super) namespace: String,
    pub(super) configuration: String,
}

/// Everything that the verdict rests on.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) place: Where,
    pub(super) now: Timestamp,
    pub(super) policy: Part<Option<Policy>>,
    pub(super) heard: Heard,
    pub(super) mutating: Part<Option<Vec<Entry>>>,
    pub(super) validating: Part<Option<Vec<Entry>>>,
    pub(super) static_policies: Part<Vec<Value>>,
    pub(super) bindings: Part<Vec<Value>>,
    pub(super) leases: BTreeMap<String, Part<Option<Lease>>>,
    pub(super) records: Vec<(Kind, Part<Vec<Troubled>>)>,
}

/// What the PlatformPolicy says.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// What in it cannot be used.
    pub(super) problems: Vec<String>,
    /// Whether a rule is enforced, as far as the PlatformPolicy says it.
    pub(super) enforces: bool,
    /// Whether devices are refused outside of projects.
    pub(super) enforces_elsewhere: bool,
    /// Namespaces, accounts and groups that it exempts from something.
    pub(super) listed_names: BTreeSet<String>,
    /// The kinds of workload that it lists besides the built-in ones.
    pub(super) listed_kinds: Vec<GroupResource>,
    pub(super) daemons: Vec<DaemonStatus>,
}

impl Seen {
    /// Both webhook configurations, each with its kind.
    pub(super) fn configurations(&self) -> [(&'static str, &Part<Option<Vec<Entry>>>); 2] {
        [("MutatingWebhookConfiguration", &self.mutating), ("ValidatingWebhookConfiguration", &self.validating)]
    }
}

impl Policy {
    fn read(object: Value) -> Self {
        let told = object["status"]["daemons"].as_array().into_iter().flatten();
        // What another version wrote otherwise is as if it was not told.
        let daemons = told.filter_map(|daemon| serde_json::from_value(daemon.clone()).ok()).collect();
        let (rules, problems) = match RawRecord::of(Kind::PlatformPolicy, object, None) {
            Ok(record) => {
                let (records, found) = convert::build(&std::iter::once(record).collect::<RawRecords>());
                let refused = found.into_iter().filter(|problem| problem.grade == Grade::Refused);
                let said = refused.map(|problem| format!("{}: {}", problem.field, problem.message));
                (Rules::from(records), said.collect())
            }
            Err(why) => (Rules::from(policy_engine::policy::Records::default()), vec![why.to_string()]),
        };
        let platform = rules.platform();
        let enforces = RuleId::ALL.iter().any(|rule| platform.mode_of(*rule, None) == RuleMode::Enforce);
        let Platform { exempt_namespaces, admin_groups, trusted_controllers, workload_kinds, elsewhere, .. } = platform;
        let lists = [exempt_namespaces, admin_groups, trusted_controllers].into_iter();
        let built_in: Vec<_> = workload::built_in().into_iter().map(|it| it.of).collect();
        let listed_kinds = workload_kinds.iter().map(|it| it.of.clone()).filter(|of| !built_in.contains(of)).collect();
        Self {
            problems,
            enforces,
            enforces_elsewhere: *elsewhere == Elsewhere::Enforce,
            listed_names: lists.flatten().cloned().collect(),
            listed_kinds,
            daemons,
        }
    }

    /// What was told of a daemon.
    pub(super) fn told(&self, name: &str) -> Option<&DaemonStatus> {
        self.daemons.iter().find(|daemon| daemon.name == name)
    }
}

/// The Lease by which a daemon acts, as far as it was told.
pub(super) fn lease_of(told: Option<&DaemonStatus>) -> &str {
    told.map(|told| told.lease.as_str()).filter(|lease| !lease.is_empty()).unwrap_or(reapers::LEASE)
}

impl Seen {
    /// Looks at everything.
    pub(super) async fn look(client: &Client, place: Where) -> Result<Self, Failure> {
        let unanswered = |why| Failure::Unanswered(anyhow!("the API server cannot be asked: {why}"));
        let now = standing::clock(client).await.map_err(unanswered)?;
        let policy = standing::policy(client).await.map(|found| found.map(Policy::read));
        let told = policy.as_ref().ok().and_then(Option::as_ref);
        let leases: BTreeSet<_> = reapers::names().map(|name| lease_of(told.and_then(|it| it.told(name)))).collect();
        let namespace = place.namespace.as_str();
        let leases = leases.into_iter();
        let leases =
            leases.map(|lease| async move { (lease.to_owned(), standing::lease(client, namespace, lease).await) });
        let records = Kind::ALL.into_iter().filter(|kind| *kind != Kind::PlatformPolicy);
        let records = records.map(|kind| async move { (kind, standing::troubled(client, kind).await) });
        let server = Server::new(client.clone());
        let (heard, mutating, validating, static_policies, bindings, leases, records) = tokio::join!(
            question::heard(&server),
            standing::mutating(client, &place.configuration),
            standing::validating(client, &place.configuration),
            standing::static_policies(client),
            standing::bindings(client),
            join_all(leases),
            join_all(records),
        );
        let leases = leases.into_iter().collect();
        Ok(Self { now, policy, heard, mutating, validating, static_policies, bindings, leases, records, place })
    }
}

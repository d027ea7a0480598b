//! `sluice audit`: what exists in governed namespaces and would not be admitted now, or was never judged.

use std::collections::BTreeMap;

use anyhow::Error;
use clap::Args;
use cluster::dry_run::Existing;
use jiff::Timestamp;
use owo_colors::OwoColorize as _;
use policy_engine::object::Object;
use policy_engine::policy::Policy;
use policy_engine::submission::Requester;
use policy_engine::submission::identity::ControllerOwner;
use policy_engine::{Act, Facts, Submission, contract};
use records::convert;
use serde::Serialize;
use serde_json::Value;
use webhook::judge;

use crate::cluster_args::ClusterArgs;
use crate::ending::{self, Ending, Failure};
use crate::output::{self, Format};

/// Whoever made an object, its content is judged as if a controller made it now for the user who is stamped on it.
const AS_IF_BY: &str = "system:serviceaccount:kube-system:replicaset-controller";
/// What Kubernetes writes into a Pod after it was admitted.
const WRITTEN_LATER: [&str; 2] = ["/status", "/spec/nodeName"];

/// Show what exists and was never judged, or would be refused now
///
/// Looks at Pods and workloads of governed namespaces: those made while the webhooks were taken away carry no stamp, and those
/// from before a record changed may not be allowed any more. Nothing is changed. Needs the rights of an admin.
///
/// Exit codes: 0 nothing found, 1 something found, 3 bad input, 4 could not ask.
#[derive(Args, Debug)]
pub(crate) struct Audit {
    /// Only these namespaces; by default every governed one
    #[arg(value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// Everything that was found: the contract of `-o json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    /// How many objects were looked at.
    objects: usize,
    findings: Vec<Finding>,
}

/// An object that was never judged, or would be refused now.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    namespace: String,
    kind: String,
    name: String,
    created: String,
    /// Who is stamped on it; null where nobody judged it.
    user_id: Option<String>,
    /// Why it would be refused now, as refusals say it.
    denials: Vec<String>,
}

impl Audit {
    pub(crate) async fn run(self) -> Result<Ending, Failure> {
        let Self { namespaces, cluster, output } = self;
        let unanswered = |error: Error| Failure::Unanswered(error);
        let server = cluster.server().await?;
        let observed = server.observe().await.map_err(|error| unanswered(error.into()))?;
        let (records, problems) = convert::build(&observed.records);
        problems.iter().for_each(ending::warn);
        let policy = Policy::from(records);
        let governed = governed(observed.bindings, &namespaces, &policy)?;
        let (now, mut found) = (Timestamp::now(), Found { objects: 0, findings: Vec::new() });
        for (namespace, project_id) in governed {
            let existing = server.inventory(&namespace, &policy.platform().workload_kinds).await;
            for existing in existing.map_err(|error| unanswered(error.into()))? {
                found.objects += 1;
                found.findings.extend(look_at(&existing, &namespace, &project_id, &policy, now));
            }
        }
        match output {
            Format::Text => output::print(&text(&found))?,
            Format::Json => output::print(&output::json(&found)?)?,
        }
        Ok(if found.findings.is_empty() { Ending::Fine } else { Ending::Denied })
    }
}

/// The governed namespaces that were asked for, with the ids of their projects.
fn governed(
    mut bindings: BTreeMap<String, String>,
    asked: &[String],
    policy: &Policy,
) -> Result<BTreeMap<String, String>, Failure> {
    bindings.retain(|namespace, _| !policy.platform().exempt_namespaces.contains(namespace));
    let stranger = |name: &&String| !bindings.contains_key(*name);
    let strangers = asked.iter().filter(stranger).map(|name| {
        anyhow::anyhow!("namespace {name} is not governed: name one that belongs to a project, or none to see all")
    });
    let strangers: Vec<Error> = strangers.collect();
    if !strangers.is_empty() {
        return Err(Failure::BadInput(strangers));
    }
    if !asked.is_empty() {
        bindings.retain(|namespace, _| asked.contains(namespace));
    }
    Ok(bindings)
}

/// What is wrong with an object, if anything is.
fn look_at(existing: &Existing, namespace: &str, project_id: &str, policy: &Policy, now: Timestamp) -> Option<Finding> {
    let Existing { resource, kind, object } = existing;
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let user_id = Object(object).label(contract::USER_ID).map(str::to_owned);
    let name = text("/metadata/name").unwrap_or_default();
    let owner = ControllerOwner::Stamped { kind: kind.clone(), name: name.clone(), user_id: user_id.clone() };
    let facts = Facts { project_id: project_id.into(), controller: Some(owner), ..Facts::default() };
    let mut as_new = object.clone();
    for later in WRITTEN_LATER {
        remove(&mut as_new, later);
    }
    let submission = Submission {
        act: Act::Create,
        resource: resource.clone(),
        subresource: "",
        kind,
        namespace,
        name: &name,
        requester: Requester { username: AS_IF_BY, groups: &[] },
        object: Some(&as_new),
        old: None,
    };
    let denials = match judge::mutate(&submission, &facts, policy, now) {
        Ok((decision, _)) => decision.denials.iter().map(ToString::to_string).collect(),
        Err(unreadable) => vec![unreadable.to_string()],
    };
    let created = text("/metadata/creationTimestamp").unwrap_or_default();
    let finding = Finding { namespace: namespace.into(), kind: kind.clone(), name, created, user_id, denials };
    (finding.user_id.is_none() || !finding.denials.is_empty()).then_some(finding)
}

fn remove(object: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    object.pointer_mut(parent).and_then(Value::as_object_mut).and_then(|parent| parent.remove(key));
}

fn text(found: &Found) -> String {
    let mut lines = Vec::new();
    for Finding { namespace, kind, name, created, user_id, denials } in &found.findings {
        let of =
            user_id.as_ref().map_or_else(|| "unstamped: nobody judged it".yellow().to_string(), |id| format!("{id}'s"));
        lines.push(format!("{} created {created}, {of}", format!("{kind} {namespace}/{name}").bold()));
        lines.extend(denials.iter().map(|denial| format!("  {} {denial}", "would be refused:".red())));
    }
    let (objects, findings) = (found.objects, found.findings.len());
    let summary = format!("{objects} objects in governed namespaces, {findings} to look at");
    lines.push(if findings == 0 { summary.green().to_string() } else { summary.red().to_string() });
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use policy_engine::object::kinds::GroupResource;
    use serde_json::json;

    use super::*;

    fn policy() -> Policy {
        let org = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/org");
        let (raw, _) = records::files::read(std::path::Path::new(org)).expect("the sample organisation");
        Policy::from(convert::build(&raw).0)
    }

    fn looked_at(labels: Value, image: &str) -> Option<Finding> {
        let policy = policy();
        let project = policy.records().projects.values().find(|project| project.name.to_string() == "detector");
        let object = json!({
            "metadata": {"name": "x", "namespace": "detector", "labels": labels, "creationTimestamp": "2026-11-22T10:00:00Z"},
            "spec": {"nodeName": "gpu-a", "containers": [{"name": "main", "image": image}]},
            "status": {"phase": "Running"},
        });
        let existing = Existing { resource: GroupResource::new("", "pods"), kind: "Pod".into(), object };
        look_at(&existing, "detector", &project.expect("a project").id, &policy, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_was_never_judged_and_what_would_be_refused_now_is_found() {
        let stamped = json!({"platform-go/user-id": "bob"});
        assert_eq!(looked_at(stamped.clone(), "registry.example.com/app:1"), None);
        let unstamped = looked_at(json!({}), "registry.example.com/app:1").expect("a finding");
        assert_eq!((unstamped.user_id, unstamped.denials.len()), (None, 0));
        let forbidden = looked_at(stamped, "quay.io/somebody/miner").expect("a finding");
        assert_eq!(forbidden.user_id.as_deref(), Some("bob"));
        let [denial] = &forbidden.denials[..] else { panic!("{:?}", forbidden.denials) };
        assert!(denial.starts_with("image: spec.containers[0].image: asked quay.io/somebody/miner:latest"), "{denial}");
    }

    #[test]
    fn a_namespace_that_is_not_governed_is_named() {
        let bindings = BTreeMap::from([("detector".to_owned(), "detector".to_owned())]);
        let refused = governed(bindings, &["default".to_owned()], &policy());
        let Err(Failure::BadInput(errors)) = refused else { panic!("{refused:?}") };
        assert!(errors[0].to_string().starts_with("namespace default is not governed"), "{errors:?}");
    }
}

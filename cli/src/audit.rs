//! `sluice audit`: what exists in governed namespaces and would not be admitted now, or not as it is once the rules that only warn
//! are enforced; what was never judged, and what says of itself that two people made it.

mod rulers;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Error;
use clap::Args;
use cluster::client::LookupFailed;
use cluster::dry_run::Existing;
use decide::facts::GatherFailed;
use decide::{Sources, entry};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use owo_colors::OwoColorize as _;
use policy_engine::admission::decision::Mutation;
use policy_engine::contract;
use policy_engine::object::Object;
use policy_engine::object::place::Place;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::{ProjectId, UserId};
use policy_engine::policy::rule_id::RuleId;
use policy_engine::{Decision, Denial};
use records::convert;
use serde::Serialize;
use serde_json::Value;

use crate::cluster_args::ClusterArgs;
use crate::ending::{self, Ending, Failure};
use crate::output::{self, Format};
use rulers::ForeignRoleBinding;

/// Enough to hide the way there and back, and no load for the API server.
const AT_A_TIME: usize = 8;

/// Show what exists and was never judged, or would be refused now, or once its rules are enforced
///
/// Looks at Pods, workloads, volume claims, snapshots, and claims of devices with their templates, in governed namespaces:
/// those made while the webhooks were taken away carry no stamp, and those from before a record changed may not be allowed
/// any more. What a rule that only warns would refuse, or change of what was asked, is named, as what happens once it is enforced;
/// what it would only add is summed up at the end, and counts as nothing found. Those whose label platform-go/user-id and annotation platform-go/made-by name two people are somebody else's while Sluice
/// is away. RoleBindings there that Sluice did not make are named at the end, and count as nothing found. Nothing is changed. Needs
/// the rights of an admin.
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
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    /// How many objects were looked at.
    objects: usize,
    /// Those that would be refused now first, then those that would be once rules are enforced.
    findings: Vec<Finding>,
    /// What the rules that only warn would write where nobody asked for anything: it stands in nobody's way.
    would_be_set: Vec<WouldBeSet>,
    /// RoleBindings that Sluice did not make.
    foreign_role_bindings: Vec<ForeignRoleBinding>,
}

/// An object that was never judged, would be refused now, or names two people as its maker.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    namespace: String,
    kind: String,
    name: String,
    created: String,
    /// Who is stamped on it; null where nobody judged it, and where it is for the project alone.
    user_id: Option<UserId>,
    /// The project that is stamped on it: on Pods, volumes and claims, not on workloads.
    #[serde(skip)]
    project_id: Option<ProjectId>,
    /// Who made it by its annotation, where that is not the user who is stamped on it; else null.
    other_maker: Option<String>,
    /// Why it would be refused now, as refusals say it.
    denials: Vec<String>,
    /// Why it would be refused if the rules that only warn were enforced.
    unenforced: Vec<String>,
    /// What was asked and the rules that only warn would change if they were enforced: fields of the object.
    unimposed: Vec<String>,
}

/// What a rule would write on so many objects.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct WouldBeSet {
    rule: RuleId,
    /// The last part of the fields that it would write.
    key: String,
    kind: String,
    objects: usize,
}

/// How many objects each rule would write each key on, by their kind.
type Sums = BTreeMap<(RuleId, String, String), usize>;

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
        let (now, mut found, mut sums) = (Timestamp::now(), Found::default(), Sums::new());
        let sources = Sources::asking(&server);
        let mut kinds = entry::judged_kinds(&policy);
        // No Secret carries a stamp, and their content is nothing to read all of.
        kinds.retain(|kind| !kind.is_core("secrets"));
        for (namespace, project_id) in &governed {
            let existing = server.inventory(namespace, &kinds).await;
            let existing = existing.map_err(|error| unanswered(error.into()))?;
            let foreign = rulers::foreign(&server, namespace).await;
            found.foreign_role_bindings.extend(foreign.map_err(unanswered)?);
            found.objects += existing.len();
            let looks = existing.iter().map(|it| look_at(it, namespace, project_id, &sources, &policy, now));
            let looks = stream::iter(looks).buffered(AT_A_TIME).try_collect::<Vec<_>>().await;
            for (finding, set) in looks.map_err(|error| unanswered(error.into()))? {
                found.findings.extend(finding);
                set.into_iter().for_each(|it| *sums.entry(it).or_insert(0) += 1);
            }
        }
        found.findings.sort_by_key(|finding| (finding.denials.is_empty(), finding.unenforced.is_empty()));
        found.would_be_set = summed(sums);
        match output {
            Format::Text => output::print(&text(&found))?,
            Format::Json => output::print(&output::json(&found)?)?,
        }
        Ok(if found.findings.is_empty() { Ending::Fine } else { Ending::Denied })
    }
}

/// The governed namespaces that were asked for, with the ids of their projects.
fn governed(
    mut bindings: BTreeMap<String, ProjectId>,
    asked: &[String],
    policy: &Policy,
) -> Result<BTreeMap<String, ProjectId>, Failure> {
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

/// What is wrong with an object, if anything is; and what rules would write on it where nobody asked for anything.
async fn look_at(
    existing: &Existing,
    namespace: &str,
    project_id: &ProjectId,
    sources: &Sources,
    policy: &Policy,
    now: Timestamp,
) -> Result<(Option<Finding>, BTreeSet<(RuleId, String, String)>), LookupFailed> {
    if decide::existing::is_platforms_own(existing) {
        return Ok((None, BTreeSet::new()));
    }
    let Existing { kind, object, .. } = existing;
    let (decision, unreadable) =
        match decide::existing::judge(existing, namespace, project_id, sources, policy, now).await {
            Ok(decision) => (decision, None),
            Err(GatherFailed::Unreadable(unreadable)) => (Decision::default(), Some(unreadable.to_string())),
            Err(GatherFailed::Lookup(failed)) => return Err(failed),
        };
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let label = |key: &str| Object(object).label(key);
    let is_asked = |it: &&Mutation| it.at.resolve(object).is_some();
    let (changed, set): (Vec<_>, Vec<_>) = decision.unimposed.iter().partition(is_asked);
    let finding = Finding {
        namespace: namespace.into(),
        kind: kind.clone(),
        name: text("/metadata/name"),
        created: text("/metadata/creationTimestamp"),
        user_id: label(contract::USER_ID).map(UserId::new),
        project_id: label(contract::PROJECT_ID).map(ProjectId::new),
        other_maker: decide::existing::other_maker(existing, policy).map(Into::into),
        denials: sentences(&decision.denials).into_iter().chain(unreadable).collect(),
        unenforced: sentences(&decision.unenforced),
        unimposed: changed.iter().map(|it| format!("{}: {}", it.rule, it.at)).collect(),
    };
    let key = |at: &Place| at.pointer().back().map(|key| key.decoded().into_owned()).unwrap_or_default();
    let set = set.into_iter().map(|it| (it.rule, key(&it.at), kind.clone())).collect();
    Ok(((!finding.is_fine()).then_some(finding), set))
}

fn summed(sums: Sums) -> Vec<WouldBeSet> {
    let sum = |((rule, key, kind), objects)| WouldBeSet { rule, key, kind, objects };
    sums.into_iter().map(sum).collect()
}

fn sentences(denials: &[Denial]) -> Vec<String> {
    denials.iter().map(ToString::to_string).collect()
}

impl Finding {
    fn is_fine(&self) -> bool {
        let lists = [&self.denials, &self.unenforced, &self.unimposed];
        self.was_judged() && self.other_maker.is_none() && lists.iter().all(|list| list.is_empty())
    }

    /// What is the project's alone, since an admin made it, carries no user.
    fn was_judged(&self) -> bool {
        self.user_id.is_some() || self.project_id.is_some()
    }
}

fn text(found: &Found) -> String {
    let mut lines = Vec::new();
    for finding @ Finding {
        namespace, kind, name, created, user_id, other_maker, denials, unenforced, unimposed, ..
    } in &found.findings
    {
        let of = match user_id {
            Some(id) => format!("{id}'s"),
            None if finding.was_judged() => "the project's".to_owned(),
            None => "unstamped: nobody judged it".yellow().to_string(),
        };
        lines.push(format!("{} created {created}, {of}", format!("{kind} {namespace}/{name}").bold()));
        lines.extend(other_maker.iter().map(|maker| {
            let two = "two makers:".yellow();
            format!("  {two} platform-go/made-by says {maker}, who may delete it while Sluice is away; have its user make it anew, or an Admin correct the annotation")
        }));
        lines.extend(denials.iter().map(|denial| format!("  {} {denial}", "would be refused:".red())));
        let later = "would be refused once enforced:".yellow();
        lines.extend(unenforced.iter().map(|denial| format!("  {later} {denial}")));
        if !unimposed.is_empty() {
            let later = "would be changed once enforced:".yellow();
            lines.push(format!("  {later} {}", unimposed.join(", ")));
        }
    }
    lines.extend(found.would_be_set.iter().map(|WouldBeSet { rule, key, kind, objects }| {
        let plural = if *objects == 1 { "" } else { "s" };
        format!("once enforced, {rule} would set {key} on {objects} {kind}{plural} that say nothing of it")
    }));
    lines.extend(found.foreign_role_bindings.iter().map(ForeignRoleBinding::text));
    let (objects, findings) = (found.objects, found.findings.len());
    let summary = format!("{objects} objects in governed namespaces, {findings} to look at");
    lines.push(if findings == 0 { summary.green().to_string() } else { summary.red().to_string() });
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests;

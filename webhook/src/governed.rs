//! Workloads and Pods in governed namespaces: mutating call, validating call, and deletions.

use std::time::Duration;

use decide::Entry;
use decide::entry::{self, Namespace, NotJudged};
use decide::facts::Subject;
use decide::judgement;
use decide::why;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use json_patch::Patch;
use policy_engine::policy::Policy;
use policy_engine::policy::rule_id;
use policy_engine::submission::identity::Caller;
use policy_engine::{Act, Decision, Facts, Submission};
use store::{Denied, Refusal};
use tokio::time::Instant;

use crate::answer::Response;
use crate::outage::Outage;
use crate::path::Path;
use crate::review::Request;
use crate::{Webhook, reserve};

/// One call of the API server.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) path: Path,
    pub(crate) request: &'a Request,
    /// Read once, so that every rule sees the same instant.
    pub(crate) now: Timestamp,
    pub(crate) deadline: Instant,
}

pub(crate) async fn decide(webhook: &Webhook, call: Call<'_>) -> Result<Response, Outage> {
    let Call { path, request, now, deadline } = call;
    webhook.caches.usable()?;
    let project = webhook.sources.project_of(&request.namespace, deadline).await.map_err(Outage::Lookup)?;
    let Some(project_id) = project else { return Ok(Response::allow(&request.uid)) };
    let policy = webhook.caches.policy();
    let submission = request.submission();
    entry::check(&submission, &request.kind.kind)?;
    // The API server has looked at the exempt Namespaces, by the chart's selector.
    let project_id = match Entry::of(&submission, Namespace::Bound(project_id), &policy) {
        Entry::Governed(project_id) => project_id,
        Entry::NotJudged(NotJudged::Kind(resource)) => return Err(Outage::Unlisted { resource }),
        Entry::NotJudged(_) | Entry::Ungoverned | Entry::Binding | Entry::Records => {
            return Ok(Response::allow(&request.uid));
        }
    };
    let subject = Subject::Request { version: &request.resource.version, pod: request.user_info.bound_pod() };
    let mut facts = webhook.sources.gather(&submission, subject, project_id, &policy, deadline).await?;
    facts.is_allocated = path == Path::Validate;
    let (mut decision, patch) = judged(path, &submission, &facts, &policy, now)?;
    if path == Path::Validate {
        let dry_run = request.dry_run.unwrap_or(false);
        reserve::reserve(webhook, &submission, &mut decision, &policy, dry_run, deadline).await?;
    }
    if path == Path::Mutate && !decision.allowed() {
        reserve::tell_room(webhook, &mut decision, &policy, deadline).await;
    }
    if path == Path::Mutate && !request.dry_run.unwrap_or(false) {
        expect_templates(webhook, &submission, &decision).await;
    }
    let mut response = Response::decided(&request.uid, &decision).with_patch(&patch);
    let by_controller = matches!(Caller::of_submission(&submission, &policy), Caller::Controller);
    if by_controller {
        response = response.in_an_event(&decision);
    }
    if submission.act == Act::Update && by_controller && facts.controller.is_some() {
        response = response.adoption();
    }
    webhook.metrics.decided(request, &decision);
    keep_refusal(webhook, call, &decision, facts.project_id.as_str());
    report(path, request, &decision, &policy);
    // Of the two calls about an object, the second sees what comes of it.
    if path != Path::Mutate && decision.allowed() && !decision.unenforced.is_empty() {
        let project = policy.project_by_id(&facts.project_id).map_or("", |project| project.name.as_str());
        webhook.metrics.unenforced(&decision, project, &policy);
        tell_unenforced(request, &decision, project);
    }
    Ok(response.audited(&request.uid, policy.version(), &decision))
}

/// So many of its reasons are kept of a refusal.
const MOST_REASONS: usize = 16;

/// Keeps what was refused, for those who ask why. Nobody waits for it.
fn keep_refusal(webhook: &Webhook, Call { request, now, .. }: Call<'_>, decision: &Decision, project: &str) {
    if decision.allowed() {
        return;
    }
    let denials = decision.denials.iter().take(MOST_REASONS);
    let (operation, kind) = (request.operation.to_lowercase(), &request.kind.kind);
    let refusal = Refusal {
        id: request.uid.clone(),
        at: now,
        username: request.user_info.username.clone(),
        project: project.to_owned(),
        namespace: request.namespace.clone(),
        subject: why::subject(request.object.as_ref().or(request.old_object.as_ref()), kind, &request.name),
        asked: format!("{operation} {kind} {}", request.name).trim_end().to_owned(),
        denials: denials
            .map(|denial| Denied {
                rule: denial.rule.to_string(),
                field: denial.field.clone(),
                message: denial.message.clone(),
            })
            .collect(),
    };
    if !webhook.refusals.keep(refusal) {
        tracing::debug!(decision = request.uid, "the refusal is not kept: too many wait for the store");
    }
}

/// A Pod waits no longer for its template. Without it, its claim is made a moment later, after Kubernetes has complained.
const PATIENCE: Duration = Duration::from_millis(100);

/// Lets the daemon make the templates that an admitted object's Pods will name. The Pods of a workload come later than it does.
/// On the heap: few wait for one, and it would make every call larger.
fn expect_templates<'a>(
    webhook: &'a Webhook,
    submission: &'a Submission<'_>,
    decision: &'a Decision,
) -> BoxFuture<'a, ()> {
    let patience = if submission.resource.is_core("pods") { PATIENCE } else { Duration::ZERO };
    let expected = decision.templates.iter().take(MOST_TEMPLATES);
    async move {
        for template in expected {
            webhook.caches.expect_template(submission.namespace, template, patience).await;
        }
    }
    .boxed()
}

/// What is decided, and what is to be written.
fn judged(
    path: Path,
    submission: &Submission<'_>,
    facts: &Facts,
    policy: &Policy,
    now: Timestamp,
) -> Result<(Decision, Patch), Outage> {
    let judged = match path {
        Path::Mutate => judgement::mutate(submission, facts, policy, now),
        Path::Validate
        | Path::Deletes
        | Path::Connect
        | Path::Binding
        | Path::Elsewhere
        | Path::Records
        | Path::Reviews => {
            judgement::validate(submission, facts, policy, now).map(|decision| (decision, Patch::default()))
        }
    };
    judged.map_err(Outage::Unreadable)
}

/// Of an object with more pod templates, the others' are made when their Pods are there.
const MOST_TEMPLATES: usize = 8;
/// A person who makes an object with ten thousand faults gets no ten thousand lines in the log.
const MOST_LINES: usize = 16;

/// Says in the log what would have been refused.
fn tell_unenforced(request: &Request, decision: &Decision, project: &str) {
    for denial in decision.unenforced.iter().take(MOST_LINES) {
        tracing::info!(
            decision = request.uid,
            project,
            user = request.user_info.username,
            resource = request.resource.resource,
            namespace = request.namespace,
            name = request.name,
            dry_run = request.dry_run.unwrap_or(false),
            rule = denial.rule.as_str(),
            field = denial.field,
            why = denial.message,
            "not enforced"
        );
    }
}

fn report(path: Path, request: &Request, decision: &Decision, policy: &Policy) {
    tracing::info!(
        decision = request.uid,
        entry = path.as_str(),
        user = request.user_info.username,
        operation = request.operation,
        resource = request.resource.resource,
        subresource = request.sub_resource,
        namespace = request.namespace,
        name = request.name,
        dry_run = request.dry_run.unwrap_or(false),
        allowed = decision.allowed(),
        rules = rule_id::list(decision.denying_rules()),
        policy = policy.version(),
        "decided"
    );
}

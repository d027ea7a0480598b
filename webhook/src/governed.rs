//! Workloads and Pods in governed namespaces: mutating call, validating call, and deletions.

use jiff::Timestamp;
use json_patch::Patch;
use policy_engine::policy::Policy;
use policy_engine::policy::rule_id;
use policy_engine::{Act, Decision, Facts, Submission};
use tokio::time::Instant;

use crate::answer::Response;
use crate::metrics::Entry;
use crate::outage::Outage;
use crate::review::Request;
use crate::{Webhook, facts, judge, reserve};

/// One call of the API server.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) entry: Entry,
    pub(crate) request: &'a Request,
    /// Read once, so that every rule sees the same instant.
    pub(crate) now: Timestamp,
    pub(crate) deadline: Instant,
}

pub(crate) async fn decide(webhook: &Webhook, call: Call<'_>) -> Result<Response, Outage> {
    let Call { entry, request, now, deadline } = call;
    webhook.caches.usable()?;
    let project = webhook.namespaces.project_of(&request.namespace, deadline).await.map_err(Outage::Lookup)?;
    let Some(project_id) = project else { return Ok(Response::allow(&request.uid)) };
    let policy = webhook.caches.policy();
    let submission = request.submission();
    check(request, &submission, &policy)?;
    let facts = facts::gather(webhook, request, &submission, project_id, &policy, deadline).await?;
    let (mut decision, patch) = judged(entry, &submission, &facts, &policy, now)?;
    if entry == Entry::Validate {
        reserve::reserve(webhook, &mut decision, &policy, request.dry_run.unwrap_or(false), deadline).await?;
    }
    let mut response = Response::decided(&request.uid, &decision).with_patch(&patch);
    if submission.act == Act::Update && facts.controller.is_some() {
        response = response.adoption();
    }
    webhook.metrics.decided(request, &decision);
    report(entry, request, &decision, &policy);
    Ok(response.audited(&request.uid, policy.version(), &decision))
}

/// Refuses what the API server would not send, and what nobody listed.
fn check(request: &Request, submission: &Submission<'_>, policy: &Policy) -> Result<(), Outage> {
    let carries = !matches!(submission.act, Act::Delete);
    let Some(object) = submission.object.filter(|object| object.is_object()) else {
        return if carries { Err(Outage::NoObject) } else { Ok(()) };
    };
    let is_pod = submission.resource.is_core("pods");
    let said = object.get("kind").and_then(|kind| kind.as_str()).unwrap_or(&request.kind.kind);
    if said != request.kind.kind || (is_pod && submission.subresource.is_empty() && said != "Pod") {
        return Err(Outage::OtherKind { said: said.into(), expected: request.kind.kind.clone() });
    }
    let is_other = ["secrets", "persistentvolumeclaims"].iter().any(|it| submission.resource.is_core(it))
        || submission.resource.is_snapshot()
        || submission.resource.is_claim()
        || submission.resource.is_claim_template();
    if carries && !is_pod && !is_other && policy.platform().workload_kind(&submission.resource).is_none() {
        return Err(Outage::Unlisted { resource: submission.resource.clone() });
    }
    Ok(())
}

/// What is decided, and what is to be written.
fn judged(
    entry: Entry,
    submission: &Submission<'_>,
    facts: &Facts,
    policy: &Policy,
    now: Timestamp,
) -> Result<(Decision, Patch), Outage> {
    let judged = match entry {
        Entry::Mutate => judge::mutate(submission, facts, policy, now),
        Entry::Validate | Entry::Deletes | Entry::Connect | Entry::Binding | Entry::Elsewhere | Entry::Records => {
            judge::validate(submission, facts, policy, now).map(|decision| (decision, Patch::default()))
        }
    };
    judged.map_err(Outage::Unreadable)
}

fn report(entry: Entry, request: &Request, decision: &Decision, policy: &Policy) {
    tracing::info!(
        decision = request.uid,
        entry = entry.as_str(),
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

#[cfg(test)]
mod tests {
    use policy_engine::policy::Records;
    use serde_json::{Value, json};

    use super::*;

    fn check_of(change: impl FnOnce(&mut Value)) -> Result<(), &'static str> {
        let mut request = json!({
            "uid": "1",
            "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
            "operation": "CREATE",
            "userInfo": {},
            "object": {"kind": "Deployment"},
        });
        change(&mut request);
        let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
        let request = Request::read(body.to_string().as_bytes()).expect("a review");
        check(&request, &request.submission(), &Policy::from(Records::default())).map_err(|outage| outage.cause())
    }

    #[test]
    fn what_the_api_server_would_not_send_is_refused_by_its_cause() {
        assert_eq!(check_of(|_| {}), Ok(()));
        assert_eq!(check_of(|request| request["object"] = Value::Null), Err("no-object"));
        assert_eq!(check_of(|request| request["object"] = json!("text")), Err("no-object"));
        assert_eq!(check_of(|request| request["object"]["kind"] = json!("Secret")), Err("other-kind"));
        assert_eq!(check_of(|request| request["resource"]["resource"] = json!("gangs")), Err("unlisted-kind"));
        assert_eq!(
            check_of(|request| {
                request["resource"] = json!({"group": "", "version": "v1", "resource": "pods"});
            }),
            Err("other-kind")
        );
        assert_eq!(
            check_of(|request| {
                request["kind"] = json!({"group": "", "version": "v1", "kind": "Binding"});
                request["resource"] = json!({"group": "", "version": "v1", "resource": "bindings"});
                request["object"]["kind"] = json!("Binding");
            }),
            Ok(())
        );
        assert_eq!(
            check_of(|request| {
                request["operation"] = json!("DELETE");
                request["object"] = Value::Null;
            }),
            Ok(())
        );
    }
}

//! Our own records: who may write them, and what a record can know about itself.

mod in_use;

use decide::entry::Mismatch;
use policy_engine::policy::Policy;
use policy_engine::policy::rule_id::RuleId;
use policy_engine::submission::identity::Caller;
use policy_engine::{Decision, Denial};
use records::Kind;
use records::convert;
use records::convert::{Problem, RawRecord, RawRecords};

use crate::Webhook;
use crate::answer::Response;
use crate::governed::Call;
use crate::outage::Outage;
use crate::review::Request;

pub(crate) fn decide(webhook: &Webhook, call: Call<'_>) -> Result<Response, Outage> {
    let request = call.request;
    webhook.caches.usable()?;
    let policy = webhook.caches.policy();
    let mut decision = Decision::default();
    if !may_write(request, &policy) {
        decision.denials.push(not_an_admin(request));
    }
    if request.operation != "DELETE" && request.sub_resource.is_empty() {
        content(webhook, call, &policy, &mut decision)?;
    }
    if request.operation == "DELETE" && decision.denials.is_empty() {
        let pods = webhook.caches.pods();
        let pods = pods.iter().map(AsRef::as_ref);
        let kind = Kind::of(&request.kind.kind);
        decision.warnings.extend(kind.and_then(|kind| in_use::deleted(&policy, pods, kind, &request.name)));
    }
    webhook.metrics.decided(request, &decision);
    Ok(Response::decided(&request.uid, &decision).audited(&request.uid, policy.version(), &decision))
}

/// Who may write which field comes with the table of roles; until then only platform Admins write.
fn may_write(request: &Request, policy: &Policy) -> bool {
    let requester = request.requester();
    policy.is_admin(Caller::of(requester, policy).user(), requester.groups)
}

fn not_an_admin(request: &Request) -> Denial {
    let Request { user_info, kind, name, operation, .. } = request;
    let username = &user_info.username;
    Denial {
        rule: RuleId::Record,
        field: String::from("metadata.name"),
        message: format!(
            "{username} asked to {} {} {name}; only platform Admins write records; ask one",
            operation.to_lowercase(),
            kind.kind
        ),
    }
}

fn content(webhook: &Webhook, call: Call<'_>, policy: &Policy, decision: &mut Decision) -> Result<(), Outage> {
    let request = call.request;
    let object = request.object.as_ref().ok_or(Mismatch::NoObject)?;
    let existing = existing(webhook);
    if Kind::of(&request.kind.kind) == Some(Kind::Project) {
        let (pods, old) = (webhook.caches.pods(), request.old_object.as_ref());
        let pods = pods.iter().map(AsRef::as_ref);
        decision.warnings.extend(old.and_then(|old| in_use::plan_taken(policy, pods, old, object)));
    }
    match convert::check(object, &existing) {
        Ok(verdict) => {
            decision.denials.extend(verdict.problems.into_iter().map(denial));
            decision.warnings.extend(verdict.warnings.iter().map(ToString::to_string));
            let record = RawRecord::new(object.clone(), None).into_iter();
            let over = record.flat_map(|record| convert::closed_for_good(&record, call.now));
            decision.warnings.extend(over.map(|warning| warning.to_string()));
            let old = request.old_object.iter().flat_map(|old| convert::changed_alone(old, object));
            decision.warnings.extend(old.map(|warning| warning.to_string()));
        }
        Err(why) => {
            decision.denials.push(Denial {
                rule: RuleId::Record,
                field: String::from("kind"),
                message: why.to_string(),
            });
        }
    }
    Ok(())
}

fn denial(problem: Problem) -> Denial {
    Denial { rule: RuleId::Record, field: problem.field, message: problem.message }
}

/// What cannot be read as a record is not among the existing ones; it takes nothing from the candidate.
fn existing(webhook: &Webhook) -> RawRecords {
    let mut existing = RawRecords::default();
    for kind in Kind::ALL {
        for object in webhook.caches.records(kind) {
            let record = serde_json::to_value(&*object).ok().and_then(|object| RawRecord::of(kind, object, None).ok());
            record.map(|record| existing.replace(record));
        }
    }
    existing
}

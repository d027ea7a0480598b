//! Questions that people ask the platform, each as the `PlatformReview` that a dry run would create.
//!
//! Records, Pods, claims and devices are those of the caches. What accounts have and what was spent is read from the ledger's
//! database, beside its writer and within the call's deadline. Few are answered at a time, in places of their own, so that
//! admissions wait for none of this.

mod asked;
mod why;

use ::records::review::{Answer, Me, PlatformReviewSpec, PlatformReviewStatus, Question};
use decide::entry::Mismatch;
use decide::me::{self, Asked};
use decide::viewer::Viewer;
use policy_engine::policy::Policy;
use policy_engine::policy::people::User;
use policy_engine::policy::rule_id::RuleId;
use policy_engine::submission::identity::Caller;
use policy_engine::{Decision, Denial};
use store::UsageQuery;

use crate::Webhook;
use crate::answer::Response;
use crate::governed::Call;
use crate::outage::Outage;
use crate::review::Request;

pub(crate) async fn decide(webhook: &Webhook, call: Call<'_>) -> Result<Response, Outage> {
    let request = call.request;
    webhook.caches.usable()?;
    let policy = webhook.caches.policy();
    let mut decision = Decision::default();
    let patch = match answer(webhook, call, &policy).await {
        Ok(answer) => {
            let status = PlatformReviewStatus { answer: Some(answer) };
            decide::patch::answer(serde_json::to_value(status).map_err(|_| Outage::Defect)?)
        }
        Err(NoAnswer::Denied(denial)) => {
            decision.denials.push(denial);
            json_patch::Patch::default()
        }
        Err(NoAnswer::Outage(outage)) => return Err(outage),
    };
    webhook.metrics.decided(request, &decision);
    let response = Response::decided(&request.uid, &decision).with_patch(&patch);
    Ok(response.audited(&request.uid, policy.version(), &decision))
}

/// Why a question is not answered.
enum NoAnswer {
    /// It is not one, or not the asker's to ask.
    Denied(Denial),
    /// There is no answer at the moment.
    Outage(Outage),
}

impl From<Denial> for NoAnswer {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<Outage> for NoAnswer {
    fn from(outage: Outage) -> Self {
        Self::Outage(outage)
    }
}

async fn answer(webhook: &Webhook, call: Call<'_>, policy: &Policy) -> Result<Answer, NoAnswer> {
    let PlatformReviewSpec { question, about } = question(call.request)?;
    let (mut answer, about) = (Answer::default(), about.unwrap_or_default());
    match question {
        Question::Me => answer.me = Some(me(webhook, call, policy, person(call.request, policy)?).await?),
        Question::Why => answer.why = Some(asks(webhook, call, policy)?.why(about).await?),
        Question::ExplainPreemption => {
            answer.explain_preemption = Some(asks(webhook, call, policy)?.explain(about).await?);
        }
    }
    Ok(answer)
}

/// Who asks about others' things: a person whom the platform knows, or an admin, who needs no User record for that.
fn asks<'a>(webhook: &'a Webhook, call: Call<'a>, policy: &'a Policy) -> Result<why::Asks<'a>, Denial> {
    let requester = call.request.requester();
    let user = match person(call.request, policy) {
        Ok(user) => Some(user),
        Err(_) if matches!(Caller::of(requester, policy), Caller::Admin) => None,
        Err(denial) => return Err(denial),
    };
    let viewer = Viewer::new(&webhook.caches, policy, user, requester.username, &call.request.user_info.groups);
    Ok(why::Asks { webhook, call, policy, viewer })
}

fn denied(field: &str, message: String) -> Denial {
    Denial { rule: RuleId::Record, field: field.to_owned(), message }
}

/// What is asked, where it is asked as a question is.
fn question(request: &Request) -> Result<PlatformReviewSpec, NoAnswer> {
    if request.operation != "CREATE" || !request.dry_run.unwrap_or(false) {
        let asked = request.operation.to_lowercase();
        return Err(denied(
            "metadata",
            format!(
                "asked to {asked} a PlatformReview, which is never stored; a question is created with dryRun=All: run \
                 sluice me, or kubectl create --dry-run=server -o yaml -f FILE"
            ),
        )
        .into());
    }
    let object = request.object.as_ref().ok_or(Outage::from(Mismatch::NoObject))?;
    let spec = serde_json::from_value::<PlatformReviewSpec>(object["spec"].clone());
    Ok(spec.map_err(|why| denied("spec", format!("{why}; ask me, why or explainPreemption")))?)
}

/// A person whom the platform knows.
fn person<'a>(request: &'a Request, policy: &'a Policy) -> Result<&'a User, Denial> {
    let requester = request.requester();
    let caller = Caller::of(requester, policy);
    caller.user().ok_or_else(|| {
        let then = match caller {
            Caller::Admin => {
                "as a platform Admin, make one (spec.username); what everybody uses is told beside the ledger: kubectl exec -n \
                 sluice-system deploy/sluice -- sluice usage"
            }
            Caller::Person(_)
            | Caller::Controller
            | Caller::Client
            | Caller::Deputy(_)
            | Caller::Node(_)
            | Caller::ControlPlane
            | Caller::Stranger => "ask a platform Admin for one",
        };
        let username = requester.username;
        denied("metadata", format!("{username} asked what is theirs; no User record has this username; {then}"))
    })
}

async fn me(webhook: &Webhook, call: Call<'_>, policy: &Policy, user: &User) -> Result<Me, Outage> {
    webhook.caches.fit(me::TOPICS).map_err(Outage::Unfit)?;
    let now = call.now;
    let query = UsageQuery { since: me::month(now), until: now, project: None, user: Some(user.id.clone()) };
    let balances = webhook.ledger.balances().await.map_err(Outage::Unread)?;
    let hours = webhook.ledger.usage(&query).await.map_err(Outage::Unread)?;
    let ledger = me::Ledger { balances: balances.into_iter().collect(), hours };
    let asked = Asked { user, groups: &call.request.user_info.groups, now };
    Ok(me::answer(&webhook.caches, policy, asked, &ledger))
}

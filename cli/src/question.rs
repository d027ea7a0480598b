//! Questions to the platform: a `PlatformReview` that is created as a dry run, with the asker's own rights.

use anyhow::anyhow;
use cluster::dry_run::{self, Server};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use records::review::{About, Answer, Me, PlatformReviewSpec, PlatformReviewStatus, Preemptions, Question, Why};
use records::{GROUP, VERSION};
use serde::Deserialize as _;
use serde_json::json;

use crate::ending::Failure;

const KIND: &str = "PlatformReview";

/// What is the asker's to know.
pub(crate) async fn me(server: &Server) -> Result<Me, Failure> {
    ask(server, Question::Me, None, |answer| answer.me).await
}

/// Why something is as it is.
pub(crate) async fn why(server: &Server, about: About) -> Result<Why, Failure> {
    ask(server, Question::Why, Some(about), |answer| answer.why).await
}

/// Who was evicted for whom.
pub(crate) async fn explain_preemption(server: &Server, about: About) -> Result<Preemptions, Failure> {
    ask(server, Question::ExplainPreemption, Some(about), |answer| answer.explain_preemption).await
}

async fn ask<T>(
    server: &Server,
    question: Question,
    about: Option<About>,
    which: fn(Answer) -> Option<T>,
) -> Result<T, Failure> {
    let unanswered = |error: anyhow::Error| Failure::Unanswered(error);
    let api_version = format!("{GROUP}/{VERSION}");
    let served = server.served(&api_version, KIND).await.map_err(|error| unanswered(error.into()))?;
    let served = served.ok_or_else(|| {
        unanswered(anyhow!(
            "the cluster serves no {KIND} of {api_version}: Sluice is not installed there, or its definitions are older than \
             this command; ask a platform Admin"
        ))
    })?;
    let spec = PlatformReviewSpec { question, about };
    let question = json!({"apiVersion": api_version, "kind": KIND, "metadata": {"name": "question"}, "spec": spec});
    let answer = server.create(&served, None, &question).await.map_err(|error| unanswered(error.into()))?;
    read(answer, which).map_err(unanswered)
}

fn read<T>(answer: dry_run::Answer, which: fn(Answer) -> Option<T>) -> anyhow::Result<T> {
    if !answer.created() {
        return Err(anyhow!(refusal(&answer)));
    }
    let status = PlatformReviewStatus::deserialize(&answer.body["status"]);
    // Where the webhook's configuration is missing, the question comes back as it was asked.
    status.ok().and_then(|status| which(status.answer?)).ok_or_else(|| {
        anyhow!("the API server took the question and nobody answered it: Sluice is not installed there, or not all of it; ask a platform Admin")
    })
}

/// Sluice's own sentences, where it refuses; else the API server's.
fn refusal(answer: &dry_run::Answer) -> String {
    let status = Status::deserialize(&answer.body).unwrap_or_default();
    let causes = status.details.into_iter().flat_map(|details| details.causes.unwrap_or_default());
    let sentences: Vec<_> = causes.filter_map(|cause| cause.message).collect();
    match (sentences.is_empty(), status.message) {
        (false, _) => sentences.join("; "),
        (true, Some(message)) => message,
        (true, None) => format!("the API server answered {}", answer.status),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn said(status: u16, body: Value) -> String {
        match read(dry_run::Answer { status, warnings: Vec::new(), body }, |answer| answer.me) {
            Ok(me) => panic!("{me:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_question_that_is_not_answered_says_why() {
        let cause = json!({"reason": "record", "field": "metadata", "message": "eve asked what is theirs"});
        let refused = json!({"message": "admission webhook …", "details": {"causes": [cause]}});
        assert_eq!(said(403, refused), "eve asked what is theirs");
        let forbidden = "platformreviews.sluice.dev is forbidden: User \"eve\" cannot create resource";
        assert_eq!(said(403, json!({ "message": forbidden })), forbidden);
        assert_eq!(said(502, Value::Null), "the API server answered 502");
        let unheard = json!({"spec": {"question": "me"}});
        assert!(said(201, unheard).starts_with("the API server took the question and nobody answered it"));
    }
}

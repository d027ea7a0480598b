//! Questions to the platform: a `PlatformReview` that is created as a dry run, with the asker's own rights.

use anyhow::anyhow;
use cluster::dry_run::{self, Server};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause};
use records::review::{About, Answer, Me, PlatformReviewSpec, PlatformReviewStatus, Preemptions, Question, Why};
use records::{GROUP, VERSION};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::ending::{Failure, chain};

const KIND: &str = "PlatformReview";
const FORBIDDEN: u16 = 403;

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

/// Whether questions are answered: what Sluice says, or who says instead of it that it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Sluice answered, be it by a refusal: it decides.
    Answered,
    /// Sluice answered that it cannot decide now, and why.
    Retry(String),
    /// The API server asked Sluice and has no answer.
    Silent(String),
    /// The API server asked nobody.
    Unheard,
    /// The cluster does not know the question.
    NotServed,
    /// The question was not put.
    Unasked(String),
}

/// Puts a question of which only that it is answered counts.
pub(crate) async fn heard(server: &Server) -> Heard {
    let served = match server.served(&api_version(), KIND).await {
        Ok(Some(served)) => served,
        Ok(None) => return Heard::NotServed,
        Err(error) => return Heard::Unasked(chain(&error.into())),
    };
    let question = question(PlatformReviewSpec { question: Question::Me, about: None });
    match server.create(&served, None, &question).await {
        Ok(answer) => heard_in(&answer),
        Err(error) => Heard::Unasked(chain(&error.into())),
    }
}

fn heard_in(answer: &dry_run::Answer) -> Heard {
    /// How Sluice begins where it cannot decide.
    const RETRY: &str = "sluice: retry: ";
    if answer.created() {
        return if answer.body["status"]["answer"].is_object() { Heard::Answered } else { Heard::Unheard };
    }
    let status = status(answer);
    let is_sluices = causes(&status).next().is_some();
    let says = refusal(&status, answer.status);
    match says.split_once(RETRY) {
        Some((_, why)) => Heard::Retry(why.to_owned()),
        None if answer.status == FORBIDDEN && is_sluices => Heard::Answered,
        None if answer.status == FORBIDDEN => Heard::Unasked(says),
        None => Heard::Silent(says),
    }
}

fn api_version() -> String {
    format!("{GROUP}/{VERSION}")
}

fn question(spec: PlatformReviewSpec) -> Value {
    json!({"apiVersion": api_version(), "kind": KIND, "metadata": {"name": "question"}, "spec": spec})
}

async fn ask<T>(
    server: &Server,
    question: Question,
    about: Option<About>,
    which: fn(Answer) -> Option<T>,
) -> Result<T, Failure> {
    let unanswered = |error: anyhow::Error| Failure::Unanswered(error);
    let api_version = api_version();
    let served = server.served(&api_version, KIND).await.map_err(|error| unanswered(error.into()))?;
    let served = served.ok_or_else(|| {
        unanswered(anyhow!(
            "the cluster serves no {KIND} of {api_version}: Sluice is not installed there, or its definitions are older than \
             this command; ask a platform Admin"
        ))
    })?;
    let question = self::question(PlatformReviewSpec { question, about });
    let answer = server.create(&served, None, &question).await.map_err(|error| unanswered(error.into()))?;
    read(answer, which)
}

fn read<T>(answer: dry_run::Answer, which: fn(Answer) -> Option<T>) -> Result<T, Failure> {
    if !answer.created() {
        return Err(refused(&answer));
    }
    let status = PlatformReviewStatus::deserialize(&answer.body["status"]);
    // Where the webhook's configuration is missing, the question comes back as it was asked.
    status.ok().and_then(|status| which(status.answer?)).ok_or_else(|| {
        Failure::Unanswered(anyhow!("the API server took the question and nobody answered it: Sluice is not installed there, or not all of it; ask a platform Admin"))
    })
}

/// A question that was refused: what it is about does not exist, or cannot be asked about, or is not the asker's to know. What else was
/// said in place of an answer is none.
fn refused(answer: &dry_run::Answer) -> Failure {
    /// The field of a Namespace in which the asker may know nothing.
    const NAMESPACE: &str = "spec.about.namespace";
    let status = status(answer);
    let why = anyhow!(refusal(&status, answer.status));
    if answer.status != FORBIDDEN {
        return Failure::Unanswered(why);
    }
    let is_of = |field: &str| field.starts_with("spec.") && field != NAMESPACE;
    match causes(&status).any(|cause| cause.field.as_deref().is_some_and(is_of)) {
        true => Failure::input(why),
        false => Failure::Refused(vec![why]),
    }
}

/// What was answered in place of an object.
fn status(answer: &dry_run::Answer) -> Status {
    Status::deserialize(&answer.body).unwrap_or_default()
}

fn causes(status: &Status) -> impl Iterator<Item = &StatusCause> {
    status.details.iter().flat_map(|details| details.causes.iter().flatten())
}

/// Sluice's own sentences, where it refuses; else the API server's.
fn refusal(status: &Status, code: u16) -> String {
    let sentences: Vec<_> = causes(status).filter_map(|cause| cause.message.as_deref()).collect();
    match (sentences.is_empty(), &status.message) {
        (false, _) => sentences.join("; "),
        (true, Some(message)) => message.clone(),
        (true, None) => format!("the API server answered {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(status: u16, body: Value) -> Failure {
        match read(dry_run::Answer { status, warnings: Vec::new(), body }, |answer| answer.me) {
            Ok(me) => panic!("{me:?}"),
            Err(failure) => failure,
        }
    }

    fn said(status: u16, body: Value) -> String {
        match failed(status, body) {
            Failure::BadInput(errors) | Failure::Refused(errors) => errors[0].to_string(),
            Failure::Unanswered(error) | Failure::Ended(error) => error.to_string(),
            Failure::Output(error) => error.to_string(),
        }
    }

    #[test]
    fn how_it_ends_says_whose_it_is_to_mend() {
        let ending = |status: u16, field: Option<&str>| {
            let causes: Vec<_> = field.iter().map(|field| json!({"field": field, "message": "asked"})).collect();
            failed(status, json!({"message": "m", "details": {"causes": causes}})).report().code()
        };
        assert_eq!(ending(403, Some("spec.about")), 3, "it does not exist");
        assert_eq!(ending(403, Some("spec.about.kind")), 3, "nobody can be asked about it");
        assert_eq!(ending(403, Some("spec.about.id")), 3);
        assert_eq!(ending(403, Some("spec.about.namespace")), 1, "the asker is no member");
        assert_eq!(ending(403, Some("metadata")), 1, "nobody knows the asker");
        assert_eq!(ending(403, None), 1, "RBAC");
        assert_eq!(ending(503, None), 4);
        assert_eq!(ending(201, None), 4, "nobody was asked");
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

    #[test]
    fn a_refusal_is_an_answer_and_silence_is_none() {
        let heard = |status: u16, body: Value| heard_in(&dry_run::Answer { status, warnings: Vec::new(), body });
        assert_eq!(heard(201, json!({"status": {"answer": {"me": {}}}})), Heard::Answered);
        assert_eq!(heard(201, json!({"spec": {"question": "me"}})), Heard::Unheard);
        let cause = json!({"reason": "record", "field": "metadata", "message": "asked what is theirs"});
        assert_eq!(heard(403, json!({"message": "denied", "details": {"causes": [cause]}})), Heard::Answered);
        let forbidden = "platformreviews.sluice.dev is forbidden: User \"eve\" cannot create resource";
        assert_eq!(heard(403, json!({"message": forbidden, "details": {}})), Heard::Unasked(forbidden.to_owned()));
        let cold =
            "admission webhook \"reviews.sluice.dev\" denied the request: sluice: retry: the caches are not filled yet";
        assert_eq!(heard(503, json!({ "message": cold })), Heard::Retry("the caches are not filled yet".to_owned()));
        let refused = "Internal error occurred: failed calling webhook \"reviews.sluice.dev\": connection refused";
        assert_eq!(heard(500, json!({ "message": refused })), Heard::Silent(refused.to_owned()));
    }
}

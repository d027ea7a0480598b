//! One path per webhook entry, with the limits that hold for all of them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::post;
use axum::{Json, Router};
use cluster::causes::chain;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::answer::{Answer, Response};
use crate::governed::{self, Call};
use crate::limits::{Held, NoBody, Weight};
use crate::outage::Outage;
use crate::path::Path;
use crate::review::{NoReview, Request};
use crate::{Webhook, binding, connections, elsewhere, low_priority_thread, records, reviews};

/// What the API server waits where it does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// No webhook configuration can ask for more.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Kept for the way back, so that our own refusal arrives before the API server gives up.
const RESERVE: Duration = Duration::from_millis(300);

pub(crate) fn router(webhook: Webhook) -> Router {
    let on = |path: Path| {
        post(move |state: State<Arc<Webhook>>, query: Query<Asked>, body: Body| answer(path, state, query, body))
    };
    Router::new()
        .route("/governed/mutate", on(Path::Mutate))
        .route("/governed/validate", on(Path::Validate))
        .route("/deletes", on(Path::Deletes))
        .route("/connect", on(Path::Connect))
        .route("/binding", on(Path::Binding))
        .route("/elsewhere", on(Path::Elsewhere))
        .route("/records", on(Path::Records))
        .route("/reviews", on(Path::Reviews))
        .with_state(Arc::new(webhook))
        .layer(from_fn(connections::note))
}

/// What the API server puts behind the `?`.
#[derive(Deserialize)]
struct Asked {
    /// The time that is left, as Go writes durations: `5s`, `1m0s`.
    timeout: Option<String>,
}

impl Asked {
    fn deadline(&self, now: Instant) -> Instant {
        let asked = self.timeout.as_deref().and_then(|text| text.parse::<SignedDuration>().ok());
        let left = asked.and_then(|left| Duration::try_from(left).ok()).unwrap_or(DEFAULT_TIMEOUT);
        let left = left.min(LONGEST_TIMEOUT);
        now + left.saturating_sub(RESERVE.min(left / 4))
    }
}

async fn answer(
    path: Path,
    State(webhook): State<Arc<Webhook>>,
    Query(asked): Query<Asked>,
    body: Body,
) -> HttpResponse {
    let started = Instant::now();
    let deadline = asked.deadline(started);
    let (body, weight) = match webhook.limits.read(path, body, started, deadline).await {
        Ok(read) => read,
        Err(why) => return unread(&webhook, path, &why),
    };
    let call = Arrived { path, body, weight, deadline };
    let response = match call.respond(&webhook).await {
        Ok(response) => response,
        Err(error) => {
            webhook.metrics.unreadable(path);
            return (StatusCode::BAD_REQUEST, chain(&error)).into_response();
        }
    };
    webhook.metrics.answered(path, response.allowed, started.elapsed());
    Json(Answer::from(response)).into_response()
}

fn unread(webhook: &Webhook, path: Path, why: &NoBody) -> HttpResponse {
    webhook.metrics.outage(path, why.cause());
    let status = match why {
        NoBody::TooLarge | NoBody::TooHeavy(_) => StatusCode::PAYLOAD_TOO_LARGE,
        NoBody::TooLate => StatusCode::SERVICE_UNAVAILABLE,
        NoBody::Broken(_) => StatusCode::BAD_REQUEST,
    };
    // What was not read of the body stands in the way of another call on the same connection.
    (status, [(header::CONNECTION, "close")], format!("sluice: {}", chain(why))).into_response()
}

/// A call whose body is there.
struct Arrived {
    path: Path,
    body: Held,
    weight: Weight,
    deadline: Instant,
}

impl Arrived {
    async fn respond(self, webhook: &Arc<Webhook>) -> Result<Response, NoReview> {
        let Self { path, body, weight, deadline } = self;
        // Reading a heavy review may take longer than there is time to answer, and the answer needs the uid.
        let uid = if weight.is_heavy() { Some(Request::read_uid(&body.bytes)?) } else { None };
        let Some(place) = webhook.limits.place(path, weight, deadline).await else {
            let uid = uid.map_or_else(|| Request::read_uid(&body.bytes), Ok)?;
            return Ok(undecided(webhook, path, &uid, &Outage::Busy));
        };
        let Some(uid) = uid else { return read_and_decide(webhook, path, body, deadline).await };
        // What overruns its time goes on without anybody who waits, and keeps its place until it has ended.
        let deciding = low_priority_thread::run({
            let (webhook, runtime) = (Arc::clone(webhook), Handle::current());
            move || {
                let decided = runtime.block_on(read_and_decide(&webhook, path, body, deadline));
                drop(place);
                decided
            }
        });
        match timeout_at(deadline, deciding).await {
            Ok(Some(decided)) => decided,
            Ok(None) => Ok(undecided(webhook, path, &uid, &Outage::Defect)),
            Err(_) => Ok(undecided(webhook, path, &uid, &Outage::Deadline)),
        }
    }
}

async fn read_and_decide(webhook: &Webhook, path: Path, body: Held, deadline: Instant) -> Result<Response, NoReview> {
    let request = Request::read(&body.bytes)?;
    drop(body);
    let call = Call { path, request: &request, now: Timestamp::now(), deadline };
    // On the heap: what is large is not moved then.
    let decided = timeout_at(deadline, Box::pin(decide(webhook, call))).await.unwrap_or(Err(Outage::Deadline));
    Ok(decided.unwrap_or_else(|outage| undecided(webhook, path, &request.uid, &outage)))
}

fn undecided(webhook: &Webhook, path: Path, uid: &str, outage: &Outage) -> Response {
    let error: &dyn std::error::Error = outage;
    tracing::warn!(decision = uid, entry = path.as_str(), error, "nothing was decided");
    webhook.metrics.outage(path, outage.cause());
    outage.answer(uid)
}

async fn decide(webhook: &Webhook, call: Call<'_>) -> Result<Response, Outage> {
    match call.path {
        Path::Mutate | Path::Validate | Path::Deletes | Path::Connect => governed::decide(webhook, call).await,
        Path::Binding => binding::decide(webhook, call),
        Path::Elsewhere => elsewhere::decide(webhook, call).await,
        Path::Records => records::decide(webhook, call),
        Path::Reviews => reviews::decide(webhook, call).await,
    }
}

#[cfg(test)]
mod tests;

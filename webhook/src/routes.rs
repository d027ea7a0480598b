//! One path per webhook entry, with the limits that hold for all of them.

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::post;
use axum::{Json, Router, body::Bytes};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::time::Instant;
use tower::limit::GlobalConcurrencyLimitLayer;

use crate::answer::{Answer, Response};
use crate::governed::{self, Call};
use crate::metrics::Entry;
use crate::outage::{self, Outage};
use crate::review::Request;
use crate::{Webhook, binding, records};

/// An UPDATE carries two objects, and the API server stores none above 3 MiB.
pub(crate) const MAX_BODY_BYTES: usize = 8 << 20;
/// More calls than these wait for a place; each may hold a body.
pub(crate) const MAX_CONCURRENT_CALLS: usize = 256;

/// What the API server waits where it does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// Kept for the way back, so that our own refusal arrives before the API server gives up.
const RESERVE: Duration = Duration::from_millis(300);

pub(crate) fn router(webhook: Webhook) -> Router {
    let entry = |entry: Entry| {
        post(move |state: State<Webhook>, query: Query<Asked>, body: Bytes| answer(entry, state, query, body))
    };
    Router::new()
        .route("/governed/mutate", entry(Entry::Mutate))
        .route("/governed/validate", entry(Entry::Validate))
        .route("/deletes", entry(Entry::Deletes))
        .route("/connect", entry(Entry::Connect))
        .route("/binding", entry(Entry::Binding))
        .route("/records", entry(Entry::Records))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(GlobalConcurrencyLimitLayer::new(MAX_CONCURRENT_CALLS))
        .with_state(webhook)
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
        now + left.saturating_sub(RESERVE.min(left / 4))
    }
}

async fn answer(entry: Entry, State(webhook): State<Webhook>, Query(asked): Query<Asked>, body: Bytes) -> HttpResponse {
    let started = Instant::now();
    let deadline = asked.deadline(started);
    let request = match Request::read(&body) {
        Ok(request) => request,
        Err(error) => {
            webhook.metrics.unreadable(entry);
            return (StatusCode::BAD_REQUEST, outage::chain(&error)).into_response();
        }
    };
    let call = Call { entry, request: &request, now: Timestamp::now(), deadline };
    let decided = tokio::time::timeout_at(deadline, decide(&webhook, call)).await;
    let response = decided.unwrap_or(Err(Outage::Deadline)).unwrap_or_else(|outage| {
        let error: &dyn std::error::Error = &outage;
        tracing::warn!(decision = request.uid, entry = entry.as_str(), error, "nothing was decided");
        webhook.metrics.outage(entry, outage.cause());
        outage.answer(&request.uid)
    });
    webhook.metrics.answered(entry, response.allowed, started.elapsed());
    Json(Answer::from(response)).into_response()
}

async fn decide(webhook: &Webhook, call: Call<'_>) -> Result<Response, Outage> {
    match call.entry {
        Entry::Mutate | Entry::Validate | Entry::Deletes | Entry::Connect => governed::decide(webhook, call).await,
        Entry::Binding => binding::decide(webhook, call),
        Entry::Records => records::decide(webhook, call),
    }
}

#[cfg(test)]
mod tests;

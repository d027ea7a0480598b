//! How requests are sent, and what is remembered of them.

use super::acts::{Ask, UID_OF};
use super::history::History;
use crate::reason;
use anyhow::{Context, Result};
use http::Request;
use kube::Client;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);
/// Of each object that a difference concerns, so many of the last requests are shown.
const SHOWN: usize = 14;

/// One request and its answer.
struct Entry {
    sent: Instant,
    answered: Instant,
    who: &'static str,
    ask: Ask,
    accepted: bool,
    /// Of a refusal, in words that can be counted.
    reason: String,
    /// What was said, in full.
    said: String,
}

/// All that were sent.
pub(super) struct Log {
    began: Instant,
    entries: Mutex<Vec<Entry>>,
}

impl Default for Log {
    fn default() -> Self {
        Self { began: Instant::now(), entries: Mutex::default() }
    }
}

impl Log {
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.entries().len()
    }

    /// How many were accepted, and what the others were told.
    pub(super) fn tally(&self) -> (usize, BTreeMap<String, usize>) {
        let entries = self.entries();
        let mut refused = BTreeMap::new();
        for entry in entries.iter().filter(|entry| !entry.accepted) {
            *refused.entry(entry.reason.clone()).or_default() += 1;
        }
        (entries.iter().filter(|entry| entry.accepted).count(), refused)
    }

    /// The last requests about objects of these names that were sent before a moment.
    pub(super) fn about(&self, names: &BTreeSet<String>, before: Instant) -> String {
        let mut text = String::new();
        let entries = self.entries();
        for name in names {
            let quoted = format!("\"{name}\"");
            let is_about = |entry: &&Entry| {
                let named = entry.ask.path.split(['/', '?']).any(|part| part == name);
                entry.sent < before && (named || entry.ask.body.to_string().contains(&quoted))
            };
            let found: Vec<&Entry> = entries.iter().filter(is_about).collect();
            let _written = writeln!(text, "  requests about {name}:");
            for entry in &found[found.len().saturating_sub(SHOWN)..] {
                let at = |moment: Instant| moment.duration_since(self.began).as_secs_f64();
                let Entry { who, ask: Ask { method, path, body, .. }, said, .. } = entry;
                let (sent, answered) = (at(entry.sent), at(entry.answered));
                let _written = writeln!(text, "    {sent:.3}–{answered:.3} {who} {method} {path} {body} → {said}");
            }
        }
        text
    }

    /// How long ago people began when this was.
    pub(super) fn seconds(&self, at: Instant) -> f64 {
        at.duration_since(self.began).as_secs_f64()
    }
}

/// One person.
#[derive(Clone)]
pub(super) struct Sender {
    client: Client,
    who: &'static str,
    history: Arc<History>,
    log: Arc<Log>,
}

impl Sender {
    pub(super) fn new(client: Client, who: &'static str, history: Arc<History>, log: Arc<Log>) -> Self {
        Self { client, who, history, log }
    }

    /// Sends all at once, and returns when all are answered.
    pub(super) async fn all(&self, asks: Vec<Ask>) {
        let mut sending = JoinSet::new();
        for ask in asks {
            let sender = self.clone();
            sending.spawn(async move { sender.one(ask).await });
        }
        sending.join_all().await;
    }

    async fn one(&self, mut ask: Ask) {
        if let Some(owner) = ask.body.pointer_mut("/metadata/ownerReferences/0/uid")
            && let Some(of) = owner.as_str().and_then(|uid| uid.strip_prefix(UID_OF))
        {
            *owner = Value::from(self.history.uid(of));
        }
        let sent = Instant::now();
        let answer = timeout(DEADLINE, carry(&self.client, &ask)).await;
        let answered = Instant::now();
        let (accepted, reason, said) = match answer {
            Ok(Ok(said)) => (true, String::new(), said),
            Ok(Err(error)) => {
                let reason = match error.downcast_ref::<kube::Error>() {
                    Some(kube::Error::Api(status)) => countable(status.code, &status.message),
                    Some(other) => reason::of_transport(other),
                    None => error.to_string(),
                };
                (false, reason, in_full(&error))
            }
            Err(_elapsed) => (false, "no answer".to_owned(), "no answer".to_owned()),
        };
        self.log.entries().push(Entry { sent, answered, who: self.who, ask, accepted, reason, said });
    }
}

/// What the API server said, once and on one line.
fn in_full(error: &anyhow::Error) -> String {
    let said = match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => format!("{} {}", status.code, status.message),
        _ => format!("{error:#}"),
    };
    said.replace('\n', " | ")
}

/// Without the names in it.
fn countable(code: u16, message: &str) -> String {
    if code == 404 || code == 409 {
        let last = message.rsplit("\": ").next().unwrap_or(message);
        return format!("API server {code}: {}", if code == 404 { "not found" } else { last_words(last) });
    }
    let policy = message.split("ValidatingAdmissionPolicy '").nth(1).and_then(|rest| rest.split('\'').next());
    policy.map_or_else(|| reason::of_status(code, message), |policy| format!("static policy {policy}"))
}

fn last_words(text: &str) -> &str {
    if text.contains("already exists") { "already exists" } else { "conflict" }
}

/// An object that was written has its UID and revision in the answer; that is what a reader wants to know.
async fn carry(client: &Client, ask: &Ask) -> Result<String> {
    let request = Request::builder().method(ask.method).uri(&ask.path).header("content-type", ask.content);
    let request = request.body(serde_json::to_vec(&ask.body)?).context("no request")?;
    let text = client.request_text(request).await?;
    let object: Value = serde_json::from_str(&text)?;
    let meta = &object["metadata"];
    Ok(match meta["uid"].as_str() {
        Some(uid) => format!("{} at {}", uid, meta["resourceVersion"].as_str().unwrap_or("no revision")),
        None => "done".to_owned(),
    })
}

//! What was refused lately, so that people can ask why.
//!
//! Whoever refuses waits for none of this: a refusal goes into a bounded queue, and where that is full it is not kept; the
//! log has it all the same.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::Unavailable;
use crate::dialect::refusals::{REFUSAL, REFUSALS_OF};
use crate::reader::{Reader, on};
use crate::session::{Address, CONNECT_LIMIT, Session};

/// So many wait to be written.
const MOST_WAITING: usize = 1024;
/// So many are written at a time.
const MOST_AT_ONCE: usize = 256;
/// Between two writings, so that controllers that try again and again keep the database from nothing else.
const PAUSE: Duration = Duration::from_millis(250);
/// A write that takes longer is given up.
const LIMIT: Duration = Duration::from_secs(2);
/// A refusal is kept for so long.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// So many are kept at most.
const MOST_KEPT: u32 = 10_000;
/// So many are found at a time.
const MOST_FOUND: i64 = 5;

/// What was refused, to whom, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The decision's id, which stands in the refusal.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub username: String,
    /// Id of the project in whose Namespace.
    pub project: String,
    /// The Namespace.
    pub namespace: String,
    /// By which it is found: kind and name of the object, such as `Pod/train`; of the workload where that was to make it.
    pub subject: String,
    /// What was asked, for people: `create pod train`.
    pub asked: String,
    /// Why.
    pub denials: Vec<Denied>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// Id of the rule.
    pub rule: String,
    /// The field that is at fault.
    pub field: String,
    /// The sentence.
    pub message: String,
}

/// Keeps refusals and finds them again. Clones are the same.
#[derive(Clone)]
pub struct Refusals {
    queue: mpsc::Sender<Refusal>,
    reader: Reader,
}

impl Refusals {
    pub(crate) fn start(address: &Address, reader: &Reader) -> Self {
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        tokio::spawn(keep(address.clone(), waiting));
        Self { queue, reader: reader.clone() }
    }

    /// Keeps a refusal, soon. Says whether there was room in the queue.
    pub fn keep(&self, refusal: Refusal) -> bool {
        self.queue.try_send(refusal).is_ok()
    }

    /// The refusal with this id.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn by_id(&self, id: &str) -> Result<Option<Refusal>, Unavailable> {
        let rows: Vec<RefusalRow> =
            on!(&self.reader, pool => sqlx::query_as(REFUSAL).bind(id).bind(1_i64).fetch_all(pool).await?);
        rows.into_iter().next().map(refusal).transpose()
    }

    /// What was refused to a subject, newest first; few.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn of(&self, namespace: &str, subject: &str) -> Result<Vec<Refusal>, Unavailable> {
        let rows: Vec<RefusalRow> = on!(&self.reader, pool => {
            sqlx::query_as(REFUSALS_OF).bind(namespace).bind(subject).bind(MOST_FOUND).fetch_all(pool).await?
        });
        rows.into_iter().map(refusal).collect()
    }
}

/// Until nobody can refuse any more.
async fn keep(address: Address, mut waiting: mpsc::Receiver<Refusal>) {
    let mut session = None;
    let mut refusals = Vec::new();
    while waiting.recv_many(&mut refusals, MOST_AT_ONCE).await > 0 {
        let rows: Vec<_> = refusals.drain(..).map(|it| row(&it)).collect();
        let oldest = Timestamp::now().checked_sub(KEPT_FOR).unwrap_or(Timestamp::MIN);
        let limits = json!([oldest.as_millisecond(), MOST_KEPT]);
        let written = tokio::time::timeout(LIMIT, write(&address, &mut session, rows, limits)).await;
        if let Err(unavailable) = written.unwrap_or(Err(Unavailable::Deadline)) {
            let error: &dyn std::error::Error = &unavailable;
            tracing::warn!(error, "refusals were not kept; they are in the log");
            session = None;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn write(
    address: &Address,
    session: &mut Option<Session>,
    rows: Vec<Value>,
    limits: Value,
) -> Result<(), Unavailable> {
    let session = match session {
        Some(session) => session,
        None => session.insert(address.connect(CONNECT_LIMIT).await?),
    };
    let sql = &address.dialect().refusals;
    session.write(sql.put, rows).await?;
    session.write(sql.forget, vec![limits]).await
}

type RefusalRow = (String, i64, String, String, String, String, String, String);

fn row(refusal: &Refusal) -> Value {
    let Refusal { id, at, username, project, namespace, subject, asked, denials } = refusal;
    let denials = json!(denials).to_string();
    json!([id, at.as_millisecond(), username, project, namespace, subject, asked, denials])
}

fn refusal(row: RefusalRow) -> Result<Refusal, Unavailable> {
    let (id, at, username, project, namespace, subject, asked, denials) = row;
    let unreadable = |what: &str| Unavailable::Unreadable(format!("the {what} of the refusal {id}"));
    Ok(Refusal {
        at: Timestamp::from_millisecond(at).map_err(|_| unreadable("time"))?,
        denials: serde_json::from_str(&denials).map_err(|_| unreadable("denials"))?,
        username,
        project,
        namespace,
        subject,
        asked,
        id,
    })
}

//! The journal: what daemons began to carry out, and what became of it.
//!
//! What is done to Pods stands here before it is done, so that whoever leads next goes on from it, and people can ask why.
//! For a subject a daemon has one entry open at a time: the database sees to it, however many processes there are.

mod entry;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::Unavailable;
use crate::dialect::journal::{
    ENDED_ENTRIES, ENTRIES_FOR, ENTRIES_OF_NAME, ENTRIES_OF_UID, ENTRY, JournalDialect, OPEN_ENTRIES,
};
use crate::dialect::{COMMIT, ROLLBACK};
use crate::reader::{Reader, on};
use crate::session::{Address, CONNECT_LIMIT, Session};

pub use entry::{Beginning, Begun, Concerned, Entry, Find};
use entry::{EntryRow, entry};

/// An entry is kept for so long after it ended.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);
/// So many of each daemon that ended are kept at most: one that ends many Pods every night crowds out no other's.
pub(crate) const MOST_KEPT: u32 = 10_000;
/// So many are found at a time.
pub const MOST_FOUND: u16 = 100;
/// So many that ended are told at a time.
const MOST_ENDED: u16 = 1000;
/// A transaction that takes longer is given up with its connection.
const TRANSACTION_LIMIT: Duration = Duration::from_secs(2);

/// Notes what is carried out, and tells what was. Clones are the same journal.
#[derive(Clone)]
pub struct Journal {
    pub(crate) address: Address,
    pub(crate) reader: Reader,
    /// The connection that writes, while it is good. Whoever holds the lock writes.
    pub(crate) session: Arc<Mutex<Option<Session>>>,
}

impl Journal {
    pub(crate) fn new(address: &Address, reader: &Reader) -> Self {
        Self { address: address.clone(), reader: reader.clone(), session: Arc::default() }
    }

    /// Notes what is about to be carried out.
    ///
    /// # Guarantees
    /// Of any number of processes that begin for the same subject, one is told [`Begun::Yes`]; of a gang's subjects all are
    /// begun for, or none.
    ///
    /// # Caveats
    /// An error may come after it was written. Then [`open`](Self::open) has it: ask that before beginning again.
    ///
    /// # Errors
    /// The database does not answer. Nothing may be carried out.
    pub async fn begin(&self, beginning: &Beginning) -> Result<Begun, Unavailable> {
        let Beginning { daemon, subjects, objects, plan, at } = beginning;
        let key = |subject: &Concerned| format!("{daemon}/{}", subject.uid);
        let id = new_id(*at);
        self.transaction(async |session, sql| {
            let taken: Vec<(String, String)> = session.read(sql.taken, subjects.iter().map(key)).await?;
            if let Some((_, id)) = taken.into_iter().next() {
                return Ok((Begun::AlreadyOpen { id }, Write::Nothing));
            }
            let whole = json!([
                id,
                daemon,
                json!(subjects).to_string(),
                json!(objects).to_string(),
                plan.to_string(),
                Value::Null.to_string(),
                at.as_millisecond(),
            ]);
            session.write(sql.put_entry, vec![whole]).await?;
            let pod = |is_subject: u8| {
                let id = &id;
                move |it: &Concerned| json!([id, it.uid, it.namespace, it.name, is_subject])
            };
            let pods = subjects.iter().map(pod(1)).chain(objects.iter().map(pod(0)));
            session.write(sql.put_pods, pods.collect()).await?;
            let begun = subjects.iter().map(|subject| json!([key(subject), id]));
            session.write(sql.put_subjects, begun.collect()).await?;
            Ok((Begun::Yes { id: id.clone() }, Write::Something))
        })
        .await
    }

    /// What a daemon began and has not ended, oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn open(&self, daemon: &str) -> Result<Vec<Entry>, Unavailable> {
        let rows: Vec<EntryRow> =
            on!(&self.reader, pool => sqlx::query_as(OPEN_ENTRIES).bind(daemon).fetch_all(pool).await?);
        rows.into_iter().map(entry).collect()
    }

    /// Notes how far it is. What was noted before is replaced; what has ended stays as it is. Answers whether it is open.
    ///
    /// # Errors
    /// The database does not answer; to be said again.
    pub async fn amend(&self, id: &str, state: &Value) -> Result<bool, Unavailable> {
        self.transaction(async |session, sql| {
            let open: Vec<(String, String)> = session.read(sql.open, std::iter::once(id.to_owned())).await?;
            if open.is_empty() {
                return Ok((false, Write::Nothing));
            }
            session.write(sql.amend, vec![json!([id, state.to_string()])]).await?;
            Ok((true, Write::Something))
        })
        .await
    }

    /// Notes that it is over, and what came of it. Who says so first is believed: answers whether it was open. Forgets what
    /// is over for long.
    ///
    /// # Errors
    /// The database does not answer; to be said again.
    pub async fn end(&self, id: &str, outcome: &str, at: Timestamp) -> Result<bool, Unavailable> {
        self.end_keeping(id, outcome, at, MOST_KEPT).await
    }

    pub(crate) async fn end_keeping(
        &self,
        id: &str,
        outcome: &str,
        at: Timestamp,
        most: u32,
    ) -> Result<bool, Unavailable> {
        let oldest = at.checked_sub(KEPT_FOR).unwrap_or(Timestamp::MIN);
        self.transaction(async |session, sql| {
            let open: Vec<(String, String)> = session.read(sql.open, std::iter::once(id.to_owned())).await?;
            let Some((_, daemon)) = open.into_iter().next() else {
                return Ok((false, Write::Nothing));
            };
            session.write(sql.end, vec![json!([id, outcome, at.as_millisecond()])]).await?;
            session.write(sql.drop_subjects, vec![json!([id])]).await?;
            session.write(sql.forget, vec![json!([oldest.as_millisecond(), most, daemon])]).await?;
            Ok((true, Write::Something))
        })
        .await
    }

    /// What a daemon did for a Pod, newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn recent(&self, daemon: &str, subject_uid: &str) -> Result<Vec<Entry>, Unavailable> {
        let most = i64::from(MOST_FOUND);
        let rows: Vec<EntryRow> = on!(&self.reader, pool => {
            sqlx::query_as(ENTRIES_FOR).bind(daemon).bind(subject_uid).bind(most).fetch_all(pool).await?
        });
        rows.into_iter().map(entry).collect()
    }

    /// What a daemon ended at a time or later, newest first, and no more than a thousand.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn ended_since(&self, daemon: &str, at: Timestamp) -> Result<Vec<Entry>, Unavailable> {
        let (since, most) = (at.as_millisecond(), i64::from(MOST_ENDED));
        let rows: Vec<EntryRow> = on!(&self.reader, pool => {
            sqlx::query_as(ENDED_ENTRIES).bind(daemon).bind(since).bind(most).fetch_all(pool).await?
        });
        rows.into_iter().map(entry).collect()
    }

    /// What was done for Pods or to them, newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn find(&self, what: &Find) -> Result<Vec<Entry>, Unavailable> {
        let most = i64::from(MOST_FOUND);
        let rows: Vec<EntryRow> = on!(&self.reader, pool => match what {
            Find::Id(id) => sqlx::query_as(ENTRY).bind(id).bind(most).fetch_all(pool).await?,
            Find::Uid(uid) => sqlx::query_as(ENTRIES_OF_UID).bind(uid).bind(most).fetch_all(pool).await?,
            Find::Pod { namespace, name } => {
                sqlx::query_as(ENTRIES_OF_NAME).bind(namespace).bind(name).bind(most).fetch_all(pool).await?
            }
        });
        rows.into_iter().map(entry).collect()
    }

    /// All or nothing, and nobody else's meanwhile. What breaks takes the connection with it, and half a transaction with that.
    async fn transaction<T>(
        &self,
        steps: impl AsyncFnOnce(&mut Session, &JournalDialect) -> Result<(T, Write), Unavailable>,
    ) -> Result<T, Unavailable> {
        let dialect = self.address.dialect();
        let transaction = async {
            let mut place = self.session.lock().await;
            let mut session = match place.take() {
                Some(session) => session,
                None => self.address.connect(CONNECT_LIMIT).await?,
            };
            session.say(dialect.begin).await?;
            let (answer, wrote) = steps(&mut session, &dialect.journal).await?;
            session
                .say(match wrote {
                    Write::Something => COMMIT,
                    Write::Nothing => ROLLBACK,
                })
                .await?;
            *place = Some(session);
            Ok(answer)
        };
        tokio::time::timeout(TRANSACTION_LIMIT, transaction).await.unwrap_or(Err(Unavailable::Deadline))
    }
}

/// What a transaction did.
enum Write {
    Something,
    Nothing,
}

/// Such as `20261130-094503-k4xw2`: when it began, in UTC, and five characters by which those of one second differ.
fn new_id(at: Timestamp) -> String {
    /// None is taken for another.
    const ALPHABET: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";
    let mut dice = RandomState::new().hash_one(std::process::id());
    let mut character = || {
        let index = usize::try_from(dice % 31).unwrap_or_default();
        dice /= 31;
        char::from(ALPHABET[index])
    };
    let rest: String = std::iter::repeat_with(&mut character).take(5).collect();
    format!("{}-{rest}", at.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S"))
}

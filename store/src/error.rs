//! Why the store could not be opened, or did not answer.

use std::sync::Arc;

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailed {
    /// The URL names no database that is known.
    #[error("the database URL begins with `{scheme}`; it may begin with sqlite: (a file) or postgres: (a server)")]
    Scheme {
        /// How it begins.
        scheme: String,
    },
    /// The URL cannot be read. What it says is not repeated: it may hold a password.
    #[error(
        "the database URL cannot be read; write sqlite:///var/lib/sluice/ledger.db or postgres://user:password@host:5432/database"
    )]
    Url(#[source] sqlx::Error),
    /// No connection.
    #[error("the database does not answer; see that it runs, and that its URL, user and password are right")]
    Unreachable(#[source] sqlx::Error),
    /// A newer Sluice has been here.
    #[error(
        "the database has schema {found}, written by a newer Sluice; this one knows schemas up to {known}: run that version or a newer one"
    )]
    Newer {
        /// Version of the schema.
        found: i64,
        /// Newest that this binary knows.
        known: i64,
    },
    /// An older Sluice has been here, and what was asked changes nothing.
    #[error(
        "the database has schema {found}, written by an older Sluice; this one reads schema {known}: start this version's sluice run on it once"
    )]
    Older {
        /// Version of the schema.
        found: i64,
        /// The one that this binary reads.
        known: i64,
    },
    /// There is no ledger in it, and what was asked changes nothing.
    #[error("the database holds no ledger; see that the URL is the one that sluice run is given")]
    NoLedger(#[source] Option<sqlx::Error>),
    /// The schema could not be brought up to date.
    #[error("the database's schema cannot be brought up to date; the user needs the right to create tables")]
    Schema(#[source] sqlx::migrate::MigrateError),
}

/// Why there is no answer. Nothing is reserved by a request that got none: what was written all the same is taken back at
/// once, or by the reconciler once the request cannot be on its way any more.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unavailable {
    /// The deadline passed.
    #[error("the ledger did not answer within the deadline")]
    Deadline,
    /// More requests wait than the ledger takes.
    #[error("more requests wait for the ledger than it takes")]
    Busy,
    /// The database does not answer.
    #[error("the ledger's database does not answer")]
    Database(#[source] Arc<sqlx::Error>),
    /// The database holds what nobody wrote.
    #[error("the ledger's database holds {0}, which is nothing that Sluice writes")]
    Unreadable(String),
    /// The process is ending.
    #[error("the ledger is closed")]
    Closed,
}

impl From<sqlx::Error> for Unavailable {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

//! Opening a database.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tokio::sync::mpsc;

use crate::OpenFailed;
use crate::journal::Journal;
use crate::ledger::Ledger;
use crate::reader::Reader;
use crate::refusals::Refusals;
use crate::session::{Address, Database};
use crate::sums::{Sums, YOUNG};
use crate::writer::{MOST_WAITING, Writer};

/// Every version of the schema, each as what it changes. What was released is never edited.
const SCHEMA: &[(i64, &str, &str)] = &[
    (1, "ledger", include_str!("../migrations/0001_ledger.sql")),
    (2, "places have owners", include_str!("../migrations/0002_places_have_owners.sql")),
    (3, "journal", include_str!("../migrations/0003_journal.sql")),
    (4, "refusals", include_str!("../migrations/0004_refusals.sql")),
    (5, "journal of daemons", include_str!("../migrations/0005_journal_of_daemons.sql")),
];

/// A file of SQLite that another process writes to is waited for.
const BUSY: Duration = Duration::from_secs(1);

/// Who opens has time, where a machine is busy with what else it starts.
const OPENING_LIMIT: Duration = Duration::from_secs(10);

/// How a server of PostgreSQL ends what we lost: a transaction that hangs holds the lock that all processes need.
///
/// And how it finds rows: by their keys, a batch's few among many. A statement is planned while the tables are still
/// empty, and the plan is kept: left to itself it reads them from end to end, and goes on to when they have grown.
const SERVER_OPTIONS: &[(&str, &str)] = &[
    ("statement_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("tcp_keepalives_idle", "10"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
    ("jit", "off"),
];

/// An open database with its schema up to date.
pub struct Store {
    ledger: Ledger,
}

impl Store {
    /// Opens `sqlite:///var/lib/sluice/ledger.db` (made if it is missing) or `postgres://user:password@host/database`, and
    /// starts the writer on this runtime. It ends when the last [`Ledger`] is dropped.
    ///
    /// # Errors
    /// What is wrong with the URL, the database or its schema.
    pub async fn open(url: &str) -> Result<Self, OpenFailed> {
        let address = address(database(url)?);
        migrate(&address).await?;
        Ok(Self::on(address))
    }

    /// Opens a ledger that is there, for those who only ask: makes no file, and changes no schema.
    ///
    /// # Errors
    /// What is wrong with the URL or the database, and whether its schema is another one.
    pub async fn look(url: &str) -> Result<Self, OpenFailed> {
        let address = address(match database(url)? {
            Database::Sqlite(options) => Database::Sqlite(options.create_if_missing(false)),
            server @ Database::Postgres(_) => server,
        });
        let mut session = address.connect(OPENING_LIMIT).await.map_err(OpenFailed::Unreachable)?;
        let found = session.version().await.map_err(|error| OpenFailed::NoLedger(Some(error)))?;
        let known = known();
        match found {
            None => Err(OpenFailed::NoLedger(None)),
            Some(found) if found > known => Err(OpenFailed::Newer { found, known }),
            Some(found) if found < known => Err(OpenFailed::Older { found, known }),
            Some(_) => Ok(Self::on(address)),
        }
    }

    fn on(address: Address) -> Self {
        let (jobs, waiting) = mpsc::channel(MOST_WAITING);
        let sums = Sums::new(YOUNG);
        let writer = Writer { address: address.clone(), session: None, withdrawals: Vec::new(), sums: sums.clone() };
        tokio::spawn(writer.run(waiting));
        // Tickets begin where no other process's do.
        let first = RandomState::new().hash_one(std::process::id()).cast_signed();
        let tickets = Arc::new(AtomicI64::new(first));
        let reader = Reader::of(&address);
        let ledger = Ledger {
            jobs,
            journal: Journal::new(&address, &reader),
            refusals: Refusals::start(&address, &reader),
            reader,
            sums,
            tickets,
            #[cfg(test)]
            fuse: address.fuse,
        };
        Self { ledger }
    }

    /// The ledger.
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }
}

fn address(database: Database) -> Address {
    Address {
        database,
        #[cfg(test)]
        fuse: crate::tests::Fuse::default(),
    }
}

/// The newest version that this binary knows.
fn known() -> i64 {
    SCHEMA.iter().map(|(version, ..)| *version).max().unwrap_or_default()
}

fn database(url: &str) -> Result<Database, OpenFailed> {
    match url.split_once(':').map_or(url, |(scheme, _)| scheme) {
        "sqlite" => {
            let options = SqliteConnectOptions::from_str(url).map_err(OpenFailed::Url)?;
            let options = options.create_if_missing(true).busy_timeout(BUSY).journal_mode(SqliteJournalMode::Wal);
            // An answer that was given survives a loss of power; a batch shares what that costs.
            Ok(Database::Sqlite(options.synchronous(SqliteSynchronous::Full)))
        }
        "postgres" | "postgresql" => {
            let options = PgConnectOptions::from_str(url).map_err(OpenFailed::Url)?;
            Ok(Database::Postgres(options.application_name("sluice").options(SERVER_OPTIONS.iter().copied())))
        }
        scheme => Err(OpenFailed::Scheme { scheme: scheme.chars().take(20).collect() }),
    }
}

async fn migrate(address: &Address) -> Result<(), OpenFailed> {
    let versions = SCHEMA.iter().map(|(version, name, sql)| {
        Migration::new(*version, Cow::Borrowed(*name), MigrationType::Simple, sqlx::SqlStr::from_static(sql), false)
    });
    let migrator = Migrator::with_migrations(versions.collect());
    let known = known();
    let mut session = address.connect(OPENING_LIMIT).await.map_err(OpenFailed::Unreachable)?;
    session.migrate(&migrator).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) if found > known => OpenFailed::Newer { found, known },
        error => OpenFailed::Schema(error),
    })
}

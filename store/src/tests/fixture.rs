//! Databases, and the objects that tests admit.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use ground::Postgres;
use jiff::Timestamp;
use policy_engine::ledger::{
    Account, AdmitPod, Amounts, Balance, ClaimMade, ForPod, Limits, ObjectName, Outcome, Request, Resource, Sight, Use,
};
use policy_engine::policy::ids::{ProjectId, UserId};
use policy_engine::policy::quota::Quota;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{Ledger, Store};

/// A database of one test's own.
pub(super) struct Database {
    pub url: String,
    _file: Option<TempDir>,
    server: Option<Arc<Server>>,
}

/// The server that all tests of this process share: the last one that uses it ends it.
pub(super) struct Server {
    pub postgres: Mutex<Postgres>,
    _directory: TempDir,
}

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

impl Server {
    pub(super) fn start() -> Arc<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let postgres = Postgres::start(directory.path(), false).expect("a server");
        Arc::new(Self { postgres: Mutex::new(postgres), _directory: directory })
    }

    fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().expect("no test panics here");
        shared.upgrade().unwrap_or_else(|| {
            let server = Self::start();
            *shared = Arc::downgrade(&server);
            server
        })
    }
}

impl Database {
    pub(super) fn sqlite() -> Self {
        let file = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}", file.path().join("ledger.db").display());
        Self { url, _file: Some(file), server: None }
    }

    pub(super) fn postgres() -> Self {
        Self::of(Server::shared())
    }

    pub(super) fn of(server: Arc<Server>) -> Self {
        static NEXT: Mutex<u32> = Mutex::new(0);
        let number = {
            let mut next = NEXT.lock().expect("no test panics here");
            *next += 1;
            *next
        };
        let url = server.postgres.lock().expect("whole").create(&format!("test{number}")).expect("a database");
        Self { url, _file: None, server: Some(server) }
    }

    pub(super) fn server(&self) -> &Server {
        self.server.as_deref().expect("a server")
    }

    /// What an admin, or a migration, may do.
    pub(super) async fn say(&self, sql: &'static str) {
        use sqlx::{Connection as _, PgConnection, SqliteConnection, raw_sql};
        if self.url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.url).await.expect("a connection");
            raw_sql(sql).execute(&mut connection).await.expect("SQL");
        } else {
            let mut connection = PgConnection::connect(&self.url).await.expect("a connection");
            raw_sql(sql).execute(&mut connection).await.expect("SQL");
        }
    }

    pub(super) async fn open(&self) -> Ledger {
        Store::open(&self.url).await.expect("a store").ledger()
    }
}

/// Runs a test on one database.
pub(super) fn run<F: Future<Output = ()>>(database: Database, test: impl FnOnce(Database) -> F) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test(database));
}

/// Each of these tests on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $test() { crate::tests::fixture::run(crate::tests::fixture::Database::sqlite(), super::$test) })*
        }
        mod on_postgres {
            $(#[test] fn $test() { crate::tests::fixture::run(crate::tests::fixture::Database::postgres(), super::$test) })*
        }
    };
}
pub(super) use on_both;

/// GPU, devices, CPU cores.
pub(super) const PROJECT: Quota =
    Quota { milli_gpu: Some(4000), devices: Some(4), milli_cpu: Some(8000), memory_bytes: None };
pub(super) const USER: Quota =
    Quota { milli_gpu: Some(3000), devices: Some(3), milli_cpu: Some(8000), memory_bytes: None };

pub(super) fn project() -> Account {
    Account::Project(ProjectId::new("llm"))
}

pub(super) fn user(name: &str) -> Account {
    Account::User { project: ProjectId::new("llm"), user: UserId::new(name) }
}

pub(super) fn payers(name: &str) -> Limits {
    [(project(), PROJECT), (user(name), USER)].into_iter().collect()
}

/// So many GPUs, each a device.
pub(super) fn gpus(count: u64) -> Amounts {
    Amounts { milli_gpu: 1000 * count, devices: count, ..Amounts::NOTHING }
}

pub(super) fn cores(count: u64) -> Amounts {
    Amounts { milli_cpu: 1000 * count, ..Amounts::NOTHING }
}

/// A Pod of alice with one core.
pub(super) fn pod(uid: &str, name: &str, uses: Vec<Use>) -> Request {
    Request::AdmitPod(AdmitPod {
        uid: uid.to_owned(),
        namespace: "llm".to_owned(),
        name: name.to_owned(),
        amounts: cores(1),
        payers: payers("alice"),
        uses,
    })
}

pub(super) fn inline(count: u64) -> Use {
    Use::Inline { reference: "gpu".to_owned(), price: gpus(count) }
}

pub(super) fn named(uid: &str, name: &str, count: u64) -> Use {
    Use::Claim {
        name: name.to_owned(),
        uid: uid.to_owned(),
        price: gpus(count),
        payers: payers("alice"),
        shared: false,
    }
}

pub(super) fn unborn(name: &str) -> Use {
    Use::Unborn { name: name.to_owned() }
}

/// A claim of alice.
pub(super) fn claim(uid: &str, name: &str, count: u64) -> Request {
    made(uid, name, count, None)
}

pub(super) fn claim_for(pod: &str, uid: &str, count: u64) -> Request {
    let for_pod = ForPod { uid: pod.to_owned(), reference: "gpu".to_owned() };
    made(uid, &format!("made-{uid}"), count, Some(for_pod))
}

fn made(uid: &str, name: &str, count: u64, for_pod: Option<ForPod>) -> Request {
    let (uid, namespace, name) = (uid.to_owned(), "llm".to_owned(), name.to_owned());
    Request::ClaimMade(ClaimMade {
        uid,
        namespace,
        name,
        price: gpus(count),
        payers: payers("alice"),
        shared: false,
        for_pod,
    })
}

pub(super) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

pub(super) async fn reserve(ledger: &Ledger, request: Request) -> Outcome {
    ledger.reserve(request, soon()).await.expect("an answer")
}

pub(super) async fn assert_reserved(ledger: &Ledger, request: Request) {
    assert_eq!(reserve(ledger, request).await, Outcome::Reserved);
}

/// Refused for exactly these: account, resource, what it has, what was asked, limit.
pub(super) async fn assert_refused(ledger: &Ledger, request: Request, short: &[(Account, Resource, u64, u64, u64)]) {
    let Outcome::Refused(found) = reserve(ledger, request.clone()).await else { panic!("{request:?} is reserved") };
    let found = found.into_iter().map(|s| (s.account, s.resource, s.used + s.reserved, s.asked, s.limit));
    assert_eq!(found.collect::<Vec<_>>(), short);
}

/// Used and reserved devices, and cores in all, of the project.
pub(super) async fn assert_stands(ledger: &Ledger, used: u64, reserved: u64, cores: u64) {
    let Balance { used: bound, reserved: waiting } = ledger.balance(&project()).await.expect("an answer");
    let found = (bound.devices, waiting.devices, (bound.milli_cpu + waiting.milli_cpu) / 1000);
    assert_eq!(found, (used, reserved, cores), "used devices, reserved devices, cores");
}

pub(super) async fn observe(ledger: &Ledger, sight: Sight) {
    ledger.observe(vec![sight]).await.expect("an answer");
}

/// Whatever the clock says, later than what was charged by more than a request lasts.
pub(super) fn later() -> Timestamp {
    Timestamp::now() + jiff::SignedDuration::from_secs(600)
}

pub(super) async fn pod_gone(ledger: &Ledger, uid: &str) {
    observe(ledger, Sight::PodGone { uid: uid.to_owned(), at: later() }).await;
}

pub(super) async fn claim_gone(ledger: &Ledger, uid: &str) {
    observe(ledger, Sight::ClaimGone { uid: uid.to_owned(), at: later() }).await;
}

/// It is there, and nobody has it yet.
pub(super) async fn claim_seen(ledger: &Ledger, uid: &str, count: u64) {
    let (price, payers) = (gpus(count), payers("alice"));
    let place = ObjectName::claim("llm", &format!("made-{uid}"), &payers, false);
    observe(ledger, Sight::Claim { uid: uid.to_owned(), bound: None, price, got: None, payers, place, at: later() })
        .await;
}

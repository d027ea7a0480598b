//! Connections that read: beside the writer, so that a long list keeps no admission waiting.

use std::time::Duration;

use policy_engine::ledger::{Account, Balance, Charge, Hours, UseKey};
use policy_engine::policy::ids::{ProjectId, UserId};
use sqlx::FromRow;
use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions, SqliteRow};

use crate::Unavailable;
use crate::dialect::{
    ALL_ACCOUNTS, ALL_CHARGES, ALL_USES, COMPARED, END_FORGOTTEN, FORGET_USAGE, HOURS, NOTE_COMPARED, UNSEEN_CHARGES,
};
use crate::rows;
use crate::session::{Address, Database};
use crate::usage::{self, UsageQuery};

/// So many read at once.
const MOST_READERS: u32 = 4;
/// A reader that finds no connection in this time is told so.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub(crate) enum Reader {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// The same call on either pool.
macro_rules! on {
    ($reader:expr, $pool:ident => $call:expr) => {
        match $reader {
            $crate::reader::Reader::Sqlite($pool) => $call,
            $crate::reader::Reader::Postgres($pool) => $call,
        }
    };
}
pub(crate) use on;

impl Reader {
    pub(crate) fn of(address: &Address) -> Self {
        match address.database.clone() {
            Database::Sqlite(options) => {
                let pool = SqlitePoolOptions::new().max_connections(MOST_READERS).acquire_timeout(PATIENCE);
                Self::Sqlite(pool.connect_lazy_with(options))
            }
            Database::Postgres(options) => {
                let pool = PgPoolOptions::new().max_connections(MOST_READERS).acquire_timeout(PATIENCE);
                Self::Postgres(pool.connect_lazy_with(options))
            }
        }
    }

    pub(crate) async fn balances(&self) -> Result<Vec<(Account, Balance)>, Unavailable> {
        self.all(ALL_ACCOUNTS).await?.into_iter().map(rows::account).collect()
    }

    pub(crate) async fn charges(&self) -> Result<Vec<Charge>, Unavailable> {
        self.all(ALL_CHARGES).await?.into_iter().map(rows::charge).collect()
    }

    pub(crate) async fn unseen(&self, most: i64) -> Result<Vec<Charge>, Unavailable> {
        let rows: Vec<_> = on!(self, pool => sqlx::query_as(UNSEEN_CHARGES).bind(most).fetch_all(pool).await?);
        rows.into_iter().map(rows::charge).collect()
    }

    pub(crate) async fn uses(&self) -> Result<Vec<UseKey>, Unavailable> {
        Ok(self.all(ALL_USES).await?.into_iter().map(rows::used).collect())
    }

    pub(crate) async fn usage(&self, query: &UsageQuery) -> Result<Vec<Hours>, Unavailable> {
        let UsageQuery { since, until, project, user } = query;
        let (since, until) = (since.as_millisecond(), until.as_millisecond());
        let project = project.as_ref().map_or("", ProjectId::as_str);
        let user = user.as_ref().map_or("", UserId::as_str);
        let rows: Vec<_> = on!(self, pool => {
            sqlx::query_as(HOURS).bind(since).bind(until).bind(project).bind(user).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(usage::of_row).collect())
    }

    pub(crate) async fn forget_usage(&self, before: jiff::Timestamp) -> Result<u64, Unavailable> {
        let before = before.as_millisecond();
        Ok(on!(self, pool => sqlx::query(FORGET_USAGE).bind(before).execute(pool).await?.rows_affected()))
    }

    pub(crate) async fn was_compared(&self) -> Result<bool, Unavailable> {
        let rows: Vec<(i64,)> = self.all(COMPARED).await?;
        Ok(!rows.is_empty())
    }

    pub(crate) async fn compared(&self, at: jiff::Timestamp) -> Result<(), Unavailable> {
        let at = at.as_millisecond();
        on!(self, pool => sqlx::query(END_FORGOTTEN).bind(at).execute(pool).await?.rows_affected());
        on!(self, pool => sqlx::query(NOTE_COMPARED).bind(at).execute(pool).await?.rows_affected());
        Ok(())
    }

    async fn all<T>(&self, sql: &'static str) -> Result<Vec<T>, Unavailable>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        Ok(on!(self, pool => sqlx::query_as(sql).fetch_all(pool).await?))
    }
}

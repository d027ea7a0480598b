//! One connection that writes.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{Connection as _, FromRow, PgConnection, SqliteConnection};

use crate::Unavailable;
use crate::dialect::{Dialect, POSTGRES, SQLITE, VERSION};

/// Where the database is.
#[derive(Clone)]
pub(crate) struct Address {
    pub database: Database,
    /// Burns through at a statement of a test's choice.
    #[cfg(test)]
    pub fuse: crate::tests::Fuse,
}

/// Which one it is.
#[derive(Clone)]
pub(crate) enum Database {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

/// A server that does not even answer is gone.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(1);

pub(crate) struct Session {
    connection: Connection,
    #[cfg(test)]
    fuse: crate::tests::Fuse,
}

enum Connection {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

impl Address {
    pub(crate) fn dialect(&self) -> &'static Dialect {
        match self.database {
            Database::Sqlite(_) => &SQLITE,
            Database::Postgres(_) => &POSTGRES,
        }
    }

    pub(crate) async fn connect(&self, limit: Duration) -> Result<Session, sqlx::Error> {
        let connecting = async {
            Ok::<_, sqlx::Error>(match &self.database {
                Database::Sqlite(options) => {
                    Connection::Sqlite(Box::new(SqliteConnection::connect_with(options).await?))
                }
                Database::Postgres(options) => {
                    Connection::Postgres(Box::new(PgConnection::connect_with(options).await?))
                }
            })
        };
        let connection = tokio::time::timeout(limit, connecting).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
        Ok(Session {
            connection,
            #[cfg(test)]
            fuse: self.fuse.clone(),
        })
    }
}

impl Session {
    /// A statement without parameters, or several.
    pub(crate) async fn say(&mut self, sql: &'static str) -> Result<(), Unavailable> {
        #[cfg(test)]
        self.fuse.burn()?;
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                sqlx::raw_sql(sql).execute(&mut **connection).await?;
            }
            Connection::Postgres(connection) => {
                sqlx::raw_sql(sql).execute(&mut **connection).await?;
            }
        }
        #[cfg(test)]
        self.fuse.burn()?;
        Ok(())
    }

    /// Writes these rows; nothing if there are none.
    pub(crate) async fn write(&mut self, sql: &'static str, rows: Vec<Value>) -> Result<(), Unavailable> {
        if rows.is_empty() {
            return Ok(());
        }
        #[cfg(test)]
        self.fuse.burn()?;
        let rows = Value::Array(rows).to_string();
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                sqlx::query(sql).bind(rows).execute(&mut **connection).await?;
            }
            Connection::Postgres(connection) => {
                sqlx::query(sql).bind(rows).execute(&mut **connection).await?;
            }
        }
        Ok(())
    }

    /// Reads what belongs to these keys; nothing if there are none.
    pub(crate) async fn read<T>(
        &mut self,
        sql: &'static str,
        keys: impl Iterator<Item = String>,
    ) -> Result<Vec<T>, Unavailable>
    where
        T: DeserializeOwned + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let keys: Vec<String> = keys.collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        #[cfg(test)]
        self.fuse.burn()?;
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let keys = Value::from(keys).to_string();
                let (rows,): (String,) = sqlx::query_as(sql).bind(keys).fetch_one(&mut **connection).await?;
                serde_json::from_str(&rows).map_err(|error| Unavailable::Unreadable(error.to_string()))
            }
            Connection::Postgres(connection) => Ok(sqlx::query_as(sql).bind(keys).fetch_all(&mut **connection).await?),
        }
    }

    pub(crate) async fn migrate(&mut self, migrator: &Migrator) -> Result<(), MigrateError> {
        match &mut self.connection {
            Connection::Sqlite(connection) => migrator.run(&mut **connection).await,
            Connection::Postgres(connection) => migrator.run(&mut **connection).await,
        }
    }

    /// The newest version that the schema was brought up to.
    pub(crate) async fn version(&mut self) -> Result<Option<i64>, sqlx::Error> {
        let (version,) = match &mut self.connection {
            Connection::Sqlite(connection) => sqlx::query_as(VERSION).fetch_one(&mut **connection).await?,
            Connection::Postgres(connection) => sqlx::query_as(VERSION).fetch_one(&mut **connection).await?,
        };
        Ok(version)
    }

    /// Reads everything.
    pub(crate) async fn read_all<T>(&mut self, sql: &'static str) -> Result<Vec<T>, Unavailable>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        Ok(match &mut self.connection {
            Connection::Sqlite(connection) => sqlx::query_as(sql).fetch_all(&mut **connection).await?,
            Connection::Postgres(connection) => sqlx::query_as(sql).fetch_all(&mut **connection).await?,
        })
    }
}

//! Every sum of the project that the ledger ever had, with when.

use super::DATABASE;
use anyhow::{Context, Result};
use ground::Postgres;

const ACCOUNT: &str = "project/llm-serving";

/// Moments, and how many devices were charged from then on.
pub(super) struct History(Vec<(f64, u64)>);

impl History {
    /// Lets the database write them down. The clock is asked within the transaction that has the lock.
    pub(super) fn begin(postgres: &Postgres) -> Result<()> {
        let sql = format!(
            "CREATE TABLE history (at DOUBLE PRECISION NOT NULL, devices BIGINT NOT NULL);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO history VALUES
                     (extract(epoch FROM clock_timestamp()) * 1000, NEW.used_devices + NEW.reserved_devices);
                 RETURN NULL;
             END $$;
             CREATE TRIGGER note AFTER INSERT OR UPDATE ON accounts
                 FOR EACH ROW WHEN (NEW.account = '{ACCOUNT}') EXECUTE FUNCTION note();"
        );
        postgres.ask(DATABASE, &sql)?;
        Ok(())
    }

    pub(super) fn read(postgres: &Postgres) -> Result<Self> {
        let rows = postgres.ask(DATABASE, "SELECT at, devices FROM history ORDER BY at")?;
        let row = |line: &str| {
            let (at, devices) = line.split_once('|').context("two columns")?;
            Ok::<_, anyhow::Error>((at.parse()?, devices.parse()?))
        };
        Ok(Self::of(rows.lines().map(row).collect::<Result<_>>()?))
    }

    pub(super) fn of(changes: Vec<(f64, u64)>) -> Self {
        Self(changes)
    }

    /// The most that there ever was.
    pub(super) fn most(&self) -> u64 {
        self.0.iter().map(|(_, devices)| *devices).max().unwrap_or_default()
    }

    /// The most that there was at any moment from one to another.
    pub(super) fn most_between(&self, from: f64, until: f64) -> u64 {
        let Self(changes) = self;
        let first = changes.partition_point(|(at, _)| *at <= from);
        let last = changes.partition_point(|(at, _)| *at <= until);
        // What held at the beginning counts too.
        changes[first.saturating_sub(1)..last].iter().map(|(_, devices)| *devices).max().unwrap_or_default()
    }
}

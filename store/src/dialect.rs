//! The statements. Both databases speak the same ones, but for how an array becomes rows and rows are handed over; `$1` is
//! that array everywhere, so that a batch of any size is one prepared statement.

pub(crate) mod journal;
pub(crate) mod refusals;

use journal::JournalDialect;
use refusals::RefusalsDialect;

/// What one database is told.
pub(crate) struct Dialect {
    /// Begins a transaction that nobody else's can overlap with.
    pub begin: &'static str,
    /// Places of charges of, for, or standing for UIDs, or made for the same Pods, and of uses by them.
    pub places: &'static str,
    pub charges: &'static str,
    pub uses: &'static str,
    pub accounts: &'static str,
    pub put_charges: &'static str,
    pub drop_charges: &'static str,
    pub put_uses: &'static str,
    pub drop_uses: &'static str,
    pub put_accounts: &'static str,
    pub open_usage: &'static str,
    pub close_usage: &'static str,
    pub journal: JournalDialect,
    pub refusals: RefusalsDialect,
}

/// What is kept of a charge, in the order in which rows are read and written.
macro_rules! charge_columns {
    () => {
        "uid, reference, place, milli_gpu, devices, milli_cpu, memory_bytes, bound, seen, raised_at, ticket, pod_uid, \
         pod_reference, claim_uid, payers, tags"
    };
}

/// `$rows` is `$1` as rows with a column `value`; `$listed` says that a column is among its texts. What is read is
/// between `$all` and `$of_all`.
macro_rules! dialect {
    ($begin:literal, $rows:literal, $listed:literal, $all:literal, $of_all:literal, $journal:expr, $refusals:expr) => {
        Dialect {
            begin: $begin,
            journal: $journal,
            refusals: $refusals,
            places: concat!(
                $all,
                "place",
                $of_all,
                " FROM (",
                "SELECT place FROM charges WHERE uid ",
                $listed,
                " UNION SELECT place FROM charges WHERE pod_uid ",
                $listed,
                " UNION SELECT place FROM charges WHERE claim_uid <> '' AND claim_uid ",
                $listed,
                " UNION SELECT place FROM charges WHERE pod_uid IN ",
                "(SELECT pod_uid FROM charges WHERE pod_uid <> '' AND uid ",
                $listed,
                ")",
                " UNION SELECT place FROM uses WHERE pod_uid ",
                $listed,
                ") AS places",
            ),
            charges: concat!($all, charge_columns!(), $of_all, " FROM charges WHERE place ", $listed,),
            uses: concat!($all, "place, pod_uid", $of_all, " FROM uses WHERE place ", $listed),
            accounts: concat!(
                $all,
                "account, used_milli_gpu, used_devices, used_milli_cpu, used_memory_bytes, ",
                "reserved_milli_gpu, reserved_devices, reserved_milli_cpu, reserved_memory_bytes",
                $of_all,
                " FROM accounts WHERE account ",
                $listed,
            ),
            put_charges: concat!(
                "INSERT INTO charges (",
                charge_columns!(),
                ") ",
                "SELECT value->>0, value->>1, value->>2, CAST(value->>3 AS BIGINT), CAST(value->>4 AS BIGINT), ",
                "CAST(value->>5 AS BIGINT), CAST(value->>6 AS BIGINT), CAST(value->>7 AS BIGINT), ",
                "CAST(value->>8 AS BIGINT), CAST(value->>9 AS BIGINT), CAST(value->>10 AS BIGINT), value->>11, ",
                "value->>12, value->>13, value->>14, value->>15 FROM ",
                $rows,
                " WHERE true ",
                "ON CONFLICT (uid, reference) DO UPDATE SET place = excluded.place, milli_gpu = excluded.milli_gpu, ",
                "devices = excluded.devices, milli_cpu = excluded.milli_cpu, memory_bytes = excluded.memory_bytes, ",
                "bound = excluded.bound, seen = excluded.seen, raised_at = excluded.raised_at, ",
                "ticket = excluded.ticket, pod_uid = excluded.pod_uid, pod_reference = excluded.pod_reference, ",
                "claim_uid = excluded.claim_uid, payers = excluded.payers, tags = excluded.tags",
            ),
            drop_charges: concat!(
                "DELETE FROM charges WHERE (uid, reference) IN (SELECT value->>0, value->>1 FROM ",
                $rows,
                ")",
            ),
            put_uses: concat!(
                "INSERT INTO uses (place, pod_uid) SELECT value->>0, value->>1 FROM ",
                $rows,
                " WHERE true ",
                "ON CONFLICT (place, pod_uid) DO NOTHING",
            ),
            drop_uses: concat!(
                "DELETE FROM uses WHERE (place, pod_uid) IN (SELECT value->>0, value->>1 FROM ",
                $rows,
                ")",
            ),
            put_accounts: concat!(
                "INSERT INTO accounts (account, used_milli_gpu, used_devices, used_milli_cpu, used_memory_bytes, ",
                "reserved_milli_gpu, reserved_devices, reserved_milli_cpu, reserved_memory_bytes) ",
                "SELECT value->>0, CAST(value->>1 AS BIGINT), CAST(value->>2 AS BIGINT), ",
                "CAST(value->>3 AS BIGINT), CAST(value->>4 AS BIGINT), CAST(value->>5 AS BIGINT), ",
                "CAST(value->>6 AS BIGINT), CAST(value->>7 AS BIGINT), CAST(value->>8 AS BIGINT) ",
                "FROM ",
                $rows,
                " WHERE true ",
                "ON CONFLICT (account) DO UPDATE SET used_milli_gpu = excluded.used_milli_gpu, ",
                "used_devices = excluded.used_devices, used_milli_cpu = excluded.used_milli_cpu, ",
                "used_memory_bytes = excluded.used_memory_bytes, reserved_milli_gpu = excluded.reserved_milli_gpu, ",
                "reserved_devices = excluded.reserved_devices, reserved_milli_cpu = excluded.reserved_milli_cpu, ",
                "reserved_memory_bytes = excluded.reserved_memory_bytes",
            ),
            open_usage: concat!(
                "INSERT INTO usage_intervals (claim_uid, opened_at, milli_gpu, devices, project, user_id, group_id, ",
                "queue, model) SELECT value->>0, CAST(value->>1 AS BIGINT), CAST(value->>2 AS BIGINT), ",
                "CAST(value->>3 AS BIGINT), value->>4, value->>5, value->>6, value->>7, value->>8 FROM ",
                $rows,
                // A ledger whose charges were emptied finds intervals that are open: they go on.
                " WHERE true ON CONFLICT (claim_uid) WHERE closed_at IS NULL DO NOTHING",
            ),
            close_usage: concat!(
                "UPDATE usage_intervals SET closed_at = CASE WHEN CAST(value->>1 AS BIGINT) < opened_at ",
                "THEN opened_at ELSE CAST(value->>1 AS BIGINT) END FROM ",
                $rows,
                " WHERE claim_uid = value->>0 AND closed_at IS NULL",
            ),
        }
    };
}

/// `IMMEDIATE`: one that reads first and then wants to write would have to begin again whenever somebody else wrote.
/// Without `MATERIALIZED` a row would be written out as text for each of its columns. What is read is one text: its library
/// hands over column by column between threads, which costs more than the reading.
pub(crate) const SQLITE: Dialect = dialect!(
    "BEGIN IMMEDIATE",
    "(WITH array AS MATERIALIZED (SELECT value FROM json_each($1)) SELECT value FROM array)",
    "IN (SELECT value FROM json_each($1))",
    "SELECT json_group_array(json_array(",
    "))",
    journal::SQLITE,
    refusals::SQLITE
);

/// The lock is released by the end of the transaction, whichever it is. Its number is ours alone by convention.
pub(crate) const POSTGRES: Dialect = dialect!(
    "BEGIN; SELECT pg_advisory_xact_lock(5567150621)",
    "jsonb_array_elements($1::jsonb)",
    "= ANY($1)",
    "SELECT ",
    "",
    journal::POSTGRES,
    refusals::POSTGRES
);

pub(crate) const COMMIT: &str = "COMMIT";
pub(crate) const ROLLBACK: &str = "ROLLBACK";

/// Everything. The same on both.
pub(crate) const ALL_CHARGES: &str = concat!("SELECT ", charge_columns!(), " FROM charges");
/// At most `$1` of what nobody has seen yet, the dearest first. No index says which: there are few at a time.
pub(crate) const UNSEEN_CHARGES: &str = concat!(
    "SELECT ",
    charge_columns!(),
    " FROM charges WHERE seen = 0 ORDER BY milli_gpu DESC, milli_cpu DESC, memory_bytes DESC LIMIT $1"
);
pub(crate) const ALL_USES: &str = "SELECT place, pod_uid FROM uses";
pub(crate) const ALL_ACCOUNTS: &str = "SELECT account, used_milli_gpu, used_devices, used_milli_cpu, used_memory_bytes, \
     reserved_milli_gpu, reserved_devices, reserved_milli_cpu, reserved_memory_bytes FROM accounts";

/// `$1` since, `$2` until, `$3` project or nothing, `$4` user or nothing. Milliseconds are summed before they become seconds,
/// so that what lasts less than one counts, too.
pub(crate) const HOURS: &str = "SELECT project, user_id, group_id, queue, model, \
     CAST(SUM(milli_gpu * lasted) AS BIGINT) / 1000, CAST(SUM(devices * lasted) AS BIGINT) / 1000 FROM ( \
     SELECT project, user_id, group_id, queue, model, milli_gpu, devices, \
     CASE WHEN closed_at IS NULL OR closed_at > $2 THEN $2 ELSE closed_at END \
     - CASE WHEN opened_at < $1 THEN $1 ELSE opened_at END AS lasted \
     FROM usage_intervals WHERE opened_at < $2 AND (closed_at IS NULL OR closed_at > $1) \
     AND ($3 = '' OR project = $3) AND ($4 = '' OR user_id = $4)) AS intervals \
     GROUP BY project, user_id, group_id, queue, model ORDER BY project, user_id, group_id, queue, model";

/// `$1` the time before which nothing is kept.
pub(crate) const FORGET_USAGE: &str = "DELETE FROM usage_intervals WHERE closed_at < $1";

/// Whether the ledger was ever known to hold what runs.
pub(crate) const COMPARED: &str = "SELECT at FROM compared LIMIT 1";
/// The first time counts.
pub(crate) const NOTE_COMPARED: &str = "INSERT INTO compared (at) SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM compared)";

/// What was open before charges were emptied, and holds nothing any more.
pub(crate) const END_FORGOTTEN: &str = "UPDATE usage_intervals SET closed_at = CASE WHEN $1 < opened_at THEN opened_at \
     ELSE $1 END WHERE closed_at IS NULL AND claim_uid NOT IN (SELECT uid FROM charges WHERE bound = 1)";

/// As sqlx keeps it.
pub(crate) const VERSION: &str = "SELECT MAX(version) FROM _sqlx_migrations";

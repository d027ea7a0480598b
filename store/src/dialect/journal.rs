//! The statements of the journal. `$1` of those that write is an array of rows, as elsewhere.

/// What one database is told.
pub(crate) struct JournalDialect {
    /// Which entries are open for subjects.
    pub taken: &'static str,
    /// Which of these entries are open, and whose they are.
    pub open: &'static str,
    pub put_entry: &'static str,
    pub put_pods: &'static str,
    pub put_subjects: &'static str,
    pub amend: &'static str,
    pub end: &'static str,
    pub drop_subjects: &'static str,
    /// Forgets what ended before a time, and of a daemon what ended before so many others of its own.
    pub forget: &'static str,
}

/// What is kept of an entry, in the order in which rows are read and written.
macro_rules! entry_columns {
    () => {
        "id, daemon, subjects, objects, plan, state, begun_at, ended_at, outcome"
    };
}

/// The arguments are those of `dialect!`.
macro_rules! journal_dialect {
    ($rows:literal, $listed:literal, $all:literal, $of_all:literal) => {
        JournalDialect {
            taken: concat!($all, "subject, entry", $of_all, " FROM journal_subjects WHERE subject ", $listed),
            open: concat!($all, "id, daemon", $of_all, " FROM journal WHERE ended_at IS NULL AND id ", $listed),
            put_entry: concat!(
                "INSERT INTO journal (id, daemon, subjects, objects, plan, state, begun_at) ",
                "SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, ",
                "CAST(value->>6 AS BIGINT) FROM ",
                $rows,
            ),
            put_pods: concat!(
                "INSERT INTO journal_pods (entry, uid, namespace, name, is_subject) ",
                "SELECT value->>0, value->>1, value->>2, value->>3, CAST(value->>4 AS BIGINT) FROM ",
                $rows,
                " WHERE true ON CONFLICT (entry, uid) DO NOTHING",
            ),
            put_subjects: concat!(
                "INSERT INTO journal_subjects (subject, entry) SELECT value->>0, value->>1 FROM ",
                $rows,
            ),
            amend: concat!("UPDATE journal SET state = value->>1 FROM ", $rows, " WHERE id = value->>0"),
            end: concat!(
                "UPDATE journal SET outcome = value->>1, ended_at = CAST(value->>2 AS BIGINT) FROM ",
                $rows,
                " WHERE id = value->>0",
            ),
            drop_subjects: concat!("DELETE FROM journal_subjects WHERE entry IN (SELECT value->>0 FROM ", $rows, ")",),
            forget: concat!(
                "DELETE FROM journal WHERE ended_at < (SELECT CAST(value->>0 AS BIGINT) FROM ",
                $rows,
                ") OR (daemon = (SELECT value->>2 FROM ",
                $rows,
                ") AND ended_at < (SELECT ended_at FROM journal WHERE ended_at IS NOT NULL AND daemon = (SELECT value->>2 FROM ",
                $rows,
                ") ORDER BY ended_at DESC LIMIT 1 OFFSET (SELECT CAST(value->>1 AS BIGINT) - 1 FROM ",
                $rows,
                ")))",
            ),
        }
    };
}

pub(super) const SQLITE: JournalDialect = journal_dialect!(
    "(WITH array AS MATERIALIZED (SELECT value FROM json_each($1)) SELECT value FROM array) AS rows",
    "IN (SELECT value FROM json_each($1))",
    "SELECT json_group_array(json_array(",
    "))"
);

pub(super) const POSTGRES: JournalDialect =
    journal_dialect!("jsonb_array_elements($1::jsonb)", "= ANY($1)", "SELECT ", "");

/// What a daemon, `$1`, began and has not ended, oldest first.
pub(crate) const OPEN_ENTRIES: &str =
    concat!("SELECT ", entry_columns!(), " FROM journal WHERE daemon = $1 AND ended_at IS NULL ORDER BY begun_at, id");
/// What a daemon, `$1`, ended at `$2` or later, newest first, at most `$3`.
pub(crate) const ENDED_ENTRIES: &str = concat!(
    "SELECT ",
    entry_columns!(),
    " FROM journal WHERE daemon = $1 AND ended_at IS NOT NULL AND ended_at >= $2 ORDER BY ended_at DESC, id DESC LIMIT $3"
);
/// One entry, `$1`; at most `$2`.
pub(crate) const ENTRY: &str = concat!("SELECT ", entry_columns!(), " FROM journal WHERE id = $1 LIMIT $2");
/// What a daemon, `$1`, did for the Pod with UID `$2`, newest first, at most `$3`.
pub(crate) const ENTRIES_FOR: &str = concat!(
    "SELECT ",
    entry_columns!(),
    " FROM journal WHERE daemon = $1 AND id IN (SELECT entry FROM journal_pods WHERE uid = $2 AND is_subject = 1) \
     ORDER BY begun_at DESC, id DESC LIMIT $3"
);
/// What concerns the Pod with UID `$1`, newest first, at most `$2`.
pub(crate) const ENTRIES_OF_UID: &str = concat!(
    "SELECT ",
    entry_columns!(),
    " FROM journal WHERE id IN (SELECT entry FROM journal_pods WHERE uid = $1) ORDER BY begun_at DESC, id DESC LIMIT $2"
);
/// What concerns Pods in Namespace `$1` with the name `$2`, newest first, at most `$3`.
pub(crate) const ENTRIES_OF_NAME: &str = concat!(
    "SELECT ",
    entry_columns!(),
    " FROM journal WHERE id IN (SELECT entry FROM journal_pods WHERE namespace = $1 AND name = $2) \
     ORDER BY begun_at DESC, id DESC LIMIT $3"
);

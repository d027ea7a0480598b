//! The statements about refusals.

/// What one database is told.
pub(crate) struct RefusalsDialect {
    pub put: &'static str,
    /// Forgets those before a time, and those before so many others.
    pub forget: &'static str,
}

/// What is kept of a refusal, in the order in which rows are read and written.
macro_rules! refusal_columns {
    () => {
        "id, refused_at, username, project, namespace, subject, asked, denials"
    };
}

macro_rules! refusals_dialect {
    ($rows:literal) => {
        RefusalsDialect {
            put: concat!(
                "INSERT INTO refusals (",
                refusal_columns!(),
                ") SELECT value->>0, CAST(value->>1 AS BIGINT), value->>2, value->>3, value->>4, value->>5, ",
                "value->>6, value->>7 FROM ",
                $rows,
                " WHERE true ON CONFLICT (id) DO NOTHING",
            ),
            forget: concat!(
                "DELETE FROM refusals WHERE refused_at < (SELECT CAST(value->>0 AS BIGINT) FROM ",
                $rows,
                ") OR refused_at < (SELECT refused_at FROM refusals ",
                "ORDER BY refused_at DESC LIMIT 1 OFFSET (SELECT CAST(value->>1 AS BIGINT) - 1 FROM ",
                $rows,
                "))",
            ),
        }
    };
}

pub(super) const SQLITE: RefusalsDialect =
    refusals_dialect!("(WITH array AS MATERIALIZED (SELECT value FROM json_each($1)) SELECT value FROM array) AS rows");

pub(super) const POSTGRES: RefusalsDialect = refusals_dialect!("jsonb_array_elements($1::jsonb)");

/// The one with the id `$1`; at most `$2`.
pub(crate) const REFUSAL: &str = concat!("SELECT ", refusal_columns!(), " FROM refusals WHERE id = $1 LIMIT $2");
/// What was refused in Namespace `$1` to the subject `$2`, newest first, at most `$3`.
pub(crate) const REFUSALS_OF: &str = concat!(
    "SELECT ",
    refusal_columns!(),
    " FROM refusals WHERE namespace = $1 AND subject = $2 ORDER BY refused_at DESC, id LIMIT $3"
);

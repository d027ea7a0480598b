//! What happened, in SQL. The only crate that knows SQL.

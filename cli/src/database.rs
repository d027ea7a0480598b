//! The ledger's database, as a command line names it.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use anyhow::Error;
use clap::Args;
use store::{Ledger, OpenFailed, Store};

use crate::ending::Failure;

/// Where it is if nobody says it: in the working directory.
const HERE: &str = "sqlite://ledger.db";

/// The database of the ledger.
#[derive(Args, Debug)]
pub(crate) struct DatabaseArgs {
    /// The ledger's database: sqlite:///var/lib/sluice/ledger.db for one process, or postgres://user:password@host/database
    /// for as many as you like. The variable keeps a password out of the list of processes
    #[arg(
        long,
        value_name = "URL",
        default_value = HERE,
        env = "SLUICE_DATABASE_URL",
        hide_env_values = true
    )]
    database_url: DatabaseUrl,
}

impl DatabaseArgs {
    /// Where it is.
    pub(crate) fn url(&self) -> &DatabaseUrl {
        &self.database_url
    }
}

/// A database's URL, which may hold a password and is never shown.
#[derive(Clone)]
pub(crate) struct DatabaseUrl(String);

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl")
    }
}

impl FromStr for DatabaseUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl DatabaseUrl {
    /// Whether nobody said where it is, and it is not here.
    pub(crate) fn names_nothing(&self) -> bool {
        let here = HERE.trim_start_matches("sqlite://");
        self.0 == HERE && !std::path::Path::new(here).exists()
    }

    /// Opens it, and brings its schema up to date.
    pub(crate) async fn open(&self) -> Result<Ledger, OpenFailed> {
        Ok(Store::open(&self.0).await?.ledger())
    }

    /// Opens what is there, and changes nothing. A URL that names no database is bad input, whoever answers.
    pub(crate) async fn look(&self) -> Result<Ledger, Failure> {
        Ok(Store::look(&self.0).await.map_err(unopened)?.ledger())
    }
}

fn unopened(why: OpenFailed) -> Failure {
    let is_input = match &why {
        OpenFailed::Scheme { .. } | OpenFailed::Url(_) => true,
        OpenFailed::Unreachable(_)
        | OpenFailed::Newer { .. }
        | OpenFailed::Older { .. }
        | OpenFailed::NoLedger(_)
        | OpenFailed::Schema(_) => false,
    };
    let why = Error::new(why).context("cannot open the ledger");
    if is_input { Failure::input(why) } else { Failure::Unanswered(why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_that_names_no_database_is_bad_input_and_one_without_answer_is_none() {
        let ending = async |url: &str| {
            let Err(failure) = DatabaseUrl(url.to_owned()).look().await else { panic!("{url} was opened") };
            failure.report().code()
        };
        assert_eq!(ending("foo").await, 3);
        assert_eq!(ending("postgres://[").await, 3);
        assert_eq!(ending("sqlite:///nowhere/at/all.db").await, 4);
    }
}

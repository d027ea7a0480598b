//! The ledger's database, as a command line names it.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use store::{Ledger, OpenFailed, Store};

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
    /// Opens it, and brings its schema up to date.
    pub(crate) async fn open(&self) -> Result<Ledger, OpenFailed> {
        Ok(Store::open(&self.0).await?.ledger())
    }

    /// Opens what is there, and changes nothing.
    pub(crate) async fn look(&self) -> Result<Ledger, OpenFailed> {
        Ok(Store::look(&self.0).await?.ledger())
    }
}

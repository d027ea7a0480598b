//! Where the records are by which a command decides.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Error;
use cluster::client::Access;
use cluster::dry_run::Server;
use policy_engine::policy::Policy;
use records::convert;
use records::convert::{Problem, RawRecords};
use records::files;

use crate::ending::{self, Failure};

/// Where the records are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PolicySource {
    Cluster,
    Directory(PathBuf),
}

impl FromStr for PolicySource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "cluster" { Self::Cluster } else { Self::Directory(text.into()) })
    }
}

impl PolicySource {
    /// What the records say. What is wrong with them is said and stops nothing, as in a cluster.
    pub(crate) async fn policy(&self) -> Result<Policy, Failure> {
        let (raw, mut problems) = match self {
            Self::Directory(path) => read(path).map_err(Failure::BadInput)?,
            Self::Cluster => {
                let unanswered = |error: Error| Failure::Unanswered(error);
                let server = Server::connect(&Access::default()).await.map_err(|error| unanswered(error.into()))?;
                (server.records().await.map_err(|error| unanswered(error.into()))?, Vec::new())
            }
        };
        let (records, found) = convert::build(&raw);
        problems.extend(found);
        problems.iter().for_each(ending::warn);
        Ok(records.into())
    }
}

/// Reads records from files.
pub(crate) fn read(path: &Path) -> Result<(RawRecords, Vec<Problem>), Vec<Error>> {
    files::read(path).map_err(|error| vec![Error::new(error).context("cannot read the policy")])
}

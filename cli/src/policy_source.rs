//! Where the records are by which a command decides.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Error;
use policy_engine::policy::Policy;
use records::convert;
use records::convert::{Problem, RawRecords};
use records::files;

use crate::cluster_args::ClusterArgs;
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
    pub(crate) async fn policy(&self, cluster: &ClusterArgs) -> Result<Policy, Failure> {
        let (raw, mut problems) = match self {
            Self::Directory(path) => match cluster.in_vain() {
                Some(contradiction) => return Err(Failure::input(contradiction)),
                None => read(path).map_err(Failure::BadInput)?,
            },
            Self::Cluster => {
                let server = cluster.server().await?;
                (server.records().await.map_err(|error| Failure::Unanswered(error.into()))?, Vec::new())
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

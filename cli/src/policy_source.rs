//! Where the records are by which a command decides.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Error;
use cluster::dry_run::{AskFailed, Server};
use policy_engine::policy::Policy;
use records::convert::{Grade, Problem, RawRecord, RawRecords};
use records::review::Person;
use records::{Kind, convert, files};
use serde_json::json;

use crate::cluster_args::ClusterArgs;
use crate::ending::{self, Failure};
use crate::question;

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
                match server.records().await {
                    Ok(records) => (records, Vec::new()),
                    Err(refused @ AskFailed::Refused { .. }) => return of_a_member(&server, refused).await,
                    Err(error) => return Err(Failure::Unanswered(error.into())),
                }
            }
        };
        let (records, found) = convert::build(&raw);
        problems.extend(found);
        problems.iter().for_each(ending::warn);
        Ok(records.into())
    }
}

/// What the records say to who may not read the list of users: everybody but the asker is nobody in it, which is no news to
/// them.
async fn of_a_member(server: &Server, refused: AskFailed) -> Result<Policy, Failure> {
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::User);
    let Ok(mut raw) = server.records_of(kinds).await else { return Err(Failure::Unanswered(refused.into())) };
    let Person { name, id, username, system_role } = question::me(server).await?.user;
    let spec = json!({"id": id, "username": username, "systemRole": system_role});
    let user = json!({"metadata": {"name": name}, "spec": spec});
    raw.replace(RawRecord::of(Kind::User, user, None).map_err(Failure::input)?);
    let (records, problems) = convert::build(&raw);
    problems.iter().filter(|problem| problem.grade == Grade::Refused).for_each(ending::warn);
    Ok(records.into())
}

/// Reads records from files.
pub(crate) fn read(path: &Path) -> Result<(RawRecords, Vec<Problem>), Vec<Error>> {
    files::read(path).map_err(|error| vec![Error::new(error).context("cannot read the policy")])
}

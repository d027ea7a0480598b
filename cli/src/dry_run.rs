//! `sluice dry-run`: what would happen to objects if they were created, and why.
//!
//! Live, the API server is asked by `dryRun=All`: nothing can be more exact about one object. With `--policy` the crate `decide`,
//! which decides for the webhook, decides here: on records from files or from the cluster, at any instant, and on all objects of a
//! run together. Both answer in the same words.

mod defaults;
mod input;
mod live;
mod local;
mod object;
mod said;
mod show;
mod verdict;

use std::path::PathBuf;

use anyhow::{Error, anyhow};
use clap::Args;
use jiff::Timestamp;

use crate::cluster_args::ClusterArgs;
use crate::database::DatabaseUrl;
use crate::ending::{self, Ending, Failure};
use crate::policy_source::{self, PolicySource};
use local::Local;
use object::Asker;
use show::Format;
use verdict::{Unanswered, Verdict};

/// Say what would be admitted, changed and refused, and change nothing
///
/// Without --policy the API server is asked, as kubectl asks it: it admits each object by a server-side dry run. It stores none, so
/// that an object which names another of the same run is judged without it; a note says so. With --policy the same decision is made
/// here, and the objects of a run know each other: each is judged where it stands, and by what stands behind it. A note says where
/// their order matters.
///
/// Exit codes: 0 allowed, 1 denied, 2 warnings under --strict, 3 bad input, 4 could not ask.
#[derive(Args, Debug)]
pub(crate) struct DryRun {
    /// Objects to submit: a file, a directory of .yaml, .yml and .json files, or - for standard input; repeatable
    #[arg(short, long = "filename", value_name = "FILE|DIR|-", required = true)]
    files: Vec<PathBuf>,
    /// Who submits them; by default you
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
    /// A group of that user; repeatable
    #[arg(long = "as-group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Namespace of objects that name none
    #[arg(short, long)]
    namespace: Option<String>,
    /// Decide here: on the records in a directory, or on those of the cluster
    #[arg(long, value_name = "DIR|cluster")]
    policy: Option<PolicySource>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Decide as at this instant, with --policy; by default now. With an offset (2026-11-23T12:00:00+01:00), or in a
    /// zone (2026-11-23T12:00[Europe/Berlin])
    #[arg(long, value_name = "TIME", value_parser = crate::instant::parse)]
    at: Option<Timestamp>,
    /// Ask this ledger whether there is room, with --policy: its database's URL, as `sluice run` is given it
    #[arg(long, value_name = "URL")]
    ledger: Option<DatabaseUrl>,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
    /// Exit with 2 where something is allowed with warnings
    #[arg(long)]
    strict: bool,
}

impl DryRun {
    pub(crate) async fn run(self) -> Result<Ending, Failure> {
        let Self { files, user, groups, namespace, policy, cluster, at, ledger, output, strict } = self;
        let mut problems = contradictions(user.as_deref(), &groups, policy.as_ref(), at);
        if ledger.is_some() && policy.is_none() {
            problems.push(anyhow!("--ledger needs --policy: the API server asks the ledger by itself"));
        }
        if matches!(policy, Some(PolicySource::Directory(_))) {
            problems.extend(cluster.in_vain());
        }
        let objects = input::read(&files, &mut problems);
        let directory = match &policy {
            Some(PolicySource::Directory(path)) => policy_source::read(path).map_err(|all| problems.extend(all)).ok(),
            Some(PolicySource::Cluster) | None => None,
        };
        if !problems.is_empty() {
            return Err(Failure::BadInput(problems));
        }
        let ledger = match ledger {
            Some(url) => Some(url.look().await?),
            None => None,
        };
        let asker = Asker::new(user, groups);
        let now = at.unwrap_or_else(Timestamp::now);
        let answers = match (policy, directory, asker) {
            (None, _, asker) => live::ask(objects, asker, namespace, &cluster).await?,
            (Some(_), Some(records), Some(asker)) => {
                Local::new(records, asker, ledger, now).judge(objects, namespace).await?
            }
            (Some(_), _, asker) => {
                Local::observe(asker, ledger, now, &cluster).await?.judge(objects, namespace).await?
            }
        };
        finish(answers, output, strict)
    }
}

/// Flags that say what cannot be.
fn contradictions(
    user: Option<&str>,
    groups: &[String],
    policy: Option<&PolicySource>,
    at: Option<Timestamp>,
) -> Vec<Error> {
    let mut all = Vec::new();
    if at.is_some() && policy.is_none() {
        all.push(anyhow!("--at needs --policy: the API server decides as of now"));
    }
    if user.is_none() && !groups.is_empty() {
        all.push(anyhow!("--as-group needs --as: groups belong to a user"));
    }
    if user.is_none() && matches!(policy, Some(PolicySource::Directory(_))) {
        all.push(anyhow!("--policy with a directory needs --as: no cluster says who you are"));
    }
    all
}

fn finish(answers: Vec<Result<Verdict, Unanswered>>, output: Format, strict: bool) -> Result<Ending, Failure> {
    let (mut verdicts, mut invalid, mut unanswered) = (Vec::new(), false, false);
    for answer in answers {
        match answer {
            Ok(verdict) => verdicts.push(verdict),
            Err(Unanswered::Invalid(error)) => {
                invalid = true;
                ending::report(&error);
            }
            Err(Unanswered::Unasked(error)) => {
                unanswered = true;
                ending::report(&error);
            }
        }
    }
    show::notes(&verdicts, output).iter().for_each(ending::note);
    crate::output::print(&show::write(&verdicts, output)?)?;
    Ok(match verdict::ending(&verdicts, strict) {
        _ if invalid => Ending::BadInput,
        _ if unanswered => Ending::Unanswered,
        decided => decided,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_contradict_are_all_named() {
        let said = |user, groups: &[String], policy: Option<&str>, at| {
            let policy = policy.map(|text| text.parse().expect("any text is a source"));
            let all = contradictions(user, groups, policy.as_ref(), at);
            all.iter()
                .map(|error| error.to_string().split(' ').next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        let group = ["dev".to_owned()];
        assert_eq!(said(None, &group, None, Some(Timestamp::UNIX_EPOCH)), ["--at", "--as-group"]);
        assert_eq!(said(None, &[], Some("org"), None), ["--policy"]);
        assert!(said(Some("alice"), &group, Some("org"), Some(Timestamp::UNIX_EPOCH)).is_empty());
        assert!(said(None, &[], Some("cluster"), None).is_empty());
    }
}

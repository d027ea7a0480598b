//! `sluice workspace`: makes, starts, stops and shows workspaces, with the person's own rights.

mod create;
mod wait;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, LogParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use policy_engine::contract;
use policy_engine::workspace::MAIN;
use records::workspace::{Phase, Workspace};
use serde::Serialize;
use serde_json::json;

use crate::cluster_args::ClusterArgs;
use crate::ending::{Ending, Failure};
use crate::output::{self, Format};
use crate::switch_queue::Place;
use crate::table;

/// Who the API server is told has written it.
const FIELD_MANAGER: &str = "sluice-workspace";

/// Make, start, stop and show workspaces: notebooks and editors in a project
///
/// Writes the objects that `kubectl get sws` shows, with your own rights: whatever is refused, is refused as kubectl's is, with every
/// reason. Where something takes a while, its progress is told until it is done.
///
/// Exit codes: 0 done, 1 refused, 3 bad input, 4 could not ask, or not done in time.
#[derive(Args, Debug)]
pub(crate) struct WorkspaceArgs {
    #[command(subcommand)]
    act: Act,
    /// Its namespace; without it that of the kubeconfig's context
    #[arg(short, long, value_name = "NAME", global = true)]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Format::Text, global = true)]
    output: Format,
}

#[derive(Subcommand, Debug)]
enum Act {
    /// Make one, and start it
    Create(Box<create::Create>),
    /// Show those of the namespace
    List,
    /// Start one that is stopped, or one in Error anew
    Start(Named),
    /// Stop one; its volumes stay
    Stop(Named),
    /// Delete one; its volumes stay
    Delete(Named),
    /// Show what its server wrote
    Logs {
        /// Its name
        name: String,
        /// So many lines of the end
        #[arg(long, value_name = "LINES", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        tail: i64,
    },
}

/// One of them.
#[derive(Args, Debug)]
struct Named {
    /// Its name
    name: String,
    /// Do not wait until it is done
    #[arg(long)]
    no_wait: bool,
}

/// A workspace as it is: the contract of `-o json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    namespace: String,
    name: String,
    phase: String,
    reason: String,
    message: String,
    #[serde(rename = "type")]
    type_: String,
    image: String,
    /// Devices times share; empty where it has none.
    gpu: String,
    queue: String,
    /// Id of the user whose it is.
    owner: String,
}

impl WorkspaceArgs {
    pub(crate) async fn run(self) -> Result<Ending, Failure> {
        let Self { act, namespace, cluster, output } = self;
        let client = cluster.client().await?;
        let place = Place::of(namespace, &client);
        match act.run(client, &place, output).await {
            Ok(ending) => Ok(ending),
            Err(failure) => Err(cluster.unasked(failure).await),
        }
    }
}

impl Act {
    async fn run(self, client: Client, place: &Place, output: Format) -> Result<Ending, Failure> {
        let api = Api::<Workspace>::namespaced(client.clone(), place.namespace());
        let at = At { api, place };
        match self {
            Self::Create(create) => {
                let no_wait = create.no_wait;
                let made = create.workspace();
                let made = at.api.create(&Default::default(), &made).await.map_err(|error| place.failed(error))?;
                let shown = at.started(made, no_wait).await?;
                output.print(&shown, sentence)?;
            }
            Self::List => {
                let all = at.api.list(&ListParams::default()).await.map_err(|error| place.failed(error))?;
                let all: Vec<_> = all.items.iter().map(shown).collect();
                output.print(&all, |all| listing(all))?;
            }
            Self::Start(Named { name, no_wait }) => {
                let before = at.get(&name).await?;
                if phase(&before) == Some(Phase::Error) && before.spec.running {
                    let stopped = at.set_running(&name, false).await?;
                    at.until_stopped(stopped).await?;
                }
                let started = at.set_running(&name, true).await?;
                let shown = at.started(started, no_wait).await?;
                output.print(&shown, sentence)?;
            }
            Self::Stop(Named { name, no_wait }) => {
                let mut stopped = at.set_running(&name, false).await?;
                if !no_wait {
                    stopped = at.until_stopped(stopped).await?;
                }
                output.print(&shown(&stopped), sentence)?;
            }
            Self::Delete(Named { name, no_wait }) => {
                let before = at.get(&name).await?;
                at.api.delete(&name, &DeleteParams::default()).await.map_err(|error| place.failed(error))?;
                if !no_wait {
                    at.until_gone(&before).await?;
                }
                let gone =
                    Shown { phase: "Deleted".to_owned(), message: "its volumes stay".to_owned(), ..shown(&before) };
                output.print(&gone, sentence)?;
            }
            Self::Logs { name, tail } => {
                let before = at.get(&name).await?;
                let which =
                    LogParams { container: Some(MAIN.to_owned()), tail_lines: Some(tail), ..LogParams::default() };
                let pods = Api::<Pod>::namespaced(client, place.namespace());
                let text = match pods.logs(&name, &which).await {
                    Ok(text) => text,
                    Err(kube::Error::Api(status)) if status.is_not_found() => {
                        let Shown { phase, message, .. } = shown(&before);
                        let why = format!(
                            "workspace {name} has no Pod, and so no log: {phase}: {message}; start it: sluice workspace start {name}"
                        );
                        return Err(Failure::Refused(vec![anyhow!(why)]));
                    }
                    Err(error) => return Err(place.failed(error)),
                };
                output::print(&text)?;
            }
        }
        Ok(Ending::Fine)
    }
}

/// The workspaces of a namespace.
struct At<'a> {
    api: Api<Workspace>,
    place: &'a Place,
}

impl At<'_> {
    async fn get(&self, name: &str) -> Result<Workspace, Failure> {
        let found = self.api.get_opt(name).await.map_err(|error| self.place.failed(error))?;
        found.ok_or_else(|| self.place.missing("workspace", name))
    }

    async fn set_running(&self, name: &str, running: bool) -> Result<Workspace, Failure> {
        let by = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let change = Patch::Merge(json!({"spec": {"running": running}}));
        match self.api.patch(name, &by, &change).await {
            Ok(written) => Ok(written),
            Err(kube::Error::Api(status)) if status.is_not_found() => Err(self.place.missing("workspace", name)),
            Err(error) => Err(self.place.failed(error)),
        }
    }

    async fn started(&self, workspace: Workspace, no_wait: bool) -> Result<Shown, Failure> {
        if no_wait || !workspace.spec.running {
            return Ok(shown(&workspace));
        }
        Ok(shown(&self.until_running(workspace).await?))
    }
}

fn phase(of: &Workspace) -> Option<Phase> {
    of.status.as_ref()?.phase
}

fn shown(of: &Workspace) -> Shown {
    let status = of.status.clone().unwrap_or_default();
    let text = |text: Option<String>| text.unwrap_or_default();
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    Shown {
        namespace: of.namespace().unwrap_or_default(),
        name: of.name_any(),
        phase: word(json!(status.phase)),
        reason: text(status.reason),
        message: text(status.message),
        type_: word(json!(of.spec.type_)),
        image: of.spec.image.as_str().to_owned(),
        gpu: text(status.effective_gpu),
        queue: text(status.queue),
        owner: of.labels().get(contract::USER_ID).cloned().unwrap_or_default(),
    }
}

fn sentence(Shown { namespace, name, phase, message, .. }: &Shown) -> String {
    match phase.as_str() {
        "" => format!("workspace {namespace}/{name} is written; how it is: sluice workspace list -n {namespace}\n"),
        phase => format!("workspace {namespace}/{name}: {phase}: {message}\n"),
    }
}

fn listing(all: &[Shown]) -> String {
    let head = ["NAME", "PHASE", "TYPE", "GPU", "QUEUE", "OWNER", "MESSAGE"];
    let dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let row = |it: &Shown| {
        [&it.name, &it.phase, &it.type_, &it.gpu, &it.queue, &it.owner, &it.message].map(|text| dash(text)).to_vec()
    };
    table::columns(&head, all.iter().map(row).collect())
}

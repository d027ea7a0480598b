//! A workspace as a person wrote it, and what is made of it: its Pod and its Service.
//!
//! The webhook judges the Pod that a workspace will be, the dry run and the audit do the same, and the daemon `workspaces`
//! makes it: all of them call [`pod`] and [`service`], so that what is judged is what runs.

mod make;
mod server;
#[cfg(test)]
mod tests;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Deserialize;
use serde_json::Value;

use crate::object::Unreadable;
use crate::object::place::Place;
use crate::policy::plan::Plan;
use crate::policy::quantity::decimal;

/// Where in a workspace its Pod stands, which stands nowhere in it.
pub(crate) const POD: &str = "pod";

pub use make::{MAIN, WORKSPACE, pod, service};

/// What a workspace asks for. Absent fields are as the schema of the kind fills them in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workspace {
    /// What kind of server it is.
    #[serde(rename = "type")]
    pub type_: Type,
    /// Its image.
    pub image: String,
    /// Whether it is to run.
    #[serde(default = "yes")]
    pub running: bool,
    #[serde(default)]
    root_shell: bool,
    /// The queue that it names.
    pub queue: Option<String>,
    gpu: Option<Gpu>,
    claim_name: Option<String>,
    #[serde(default)]
    resources: Resources,
    #[serde(default)]
    volumes: Vec<Volume>,
    shm: Option<Amount>,
    fs_group: Option<i64>,
    #[serde(default)]
    image_pull_secrets: Vec<String>,
    port: Option<u16>,
    path: Option<String>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: Vec<Variable>,
    activity_path: Option<String>,
}

/// What kind of server a workspace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// JupyterLab.
    Jupyter,
    /// code-server.
    Vscode,
    /// Any other.
    Custom,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Gpu {
    model: String,
    #[serde(default = "one")]
    count: u32,
    #[serde(default = "whole")]
    sm_percent: u32,
    vram_policy: Option<String>,
    pinned_memory: Option<Amount>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resources {
    cpu: Option<Amount>,
    memory: Option<Amount>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Volume {
    claim_name: String,
    mount_path: String,
    #[serde(default)]
    read_only: bool,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    name: String,
    #[serde(default)]
    value: String,
}

/// A quantity, as a number or as text.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Amount {
    Number(i64),
    Text(String),
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

fn whole() -> u32 {
    100
}

impl Workspace {
    /// Reads the object.
    ///
    /// # Errors
    /// Where its spec is none of a workspace.
    pub fn read(object: &Value) -> Result<Self, Unreadable> {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        Self::deserialize(spec).map_err(|why| Unreadable::new(Place::of(["spec"]), &why))
    }

    /// Whether an object asks to run, also where the rest of it cannot be read.
    pub fn is_to_run(object: &Value) -> bool {
        object.pointer("/spec/running") != Some(&Value::Bool(false))
    }

    /// Where its server listens.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(server::port(self.type_))
    }

    /// The page at which it opens.
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or(server::path(self.type_))
    }

    /// Devices times share, as it asks for them.
    pub fn effective_gpu(&self) -> Option<String> {
        let gpu = self.gpu.as_ref()?;
        Some(decimal(u64::from(gpu.count) * u64::from(gpu.sm_percent) * 10))
    }

    /// The name of the claim whose GPUs it uses.
    pub fn claim_name(&self) -> Option<&str> {
        self.claim_name.as_deref()
    }
}

/// What a workspace gets where it says nothing: the defaults of the plan in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// CPU.
    pub cpu: Option<String>,
    /// Memory.
    pub memory: Option<String>,
}

impl Defaults {
    /// Those of a plan.
    pub fn of(plan: Option<&Plan>) -> Self {
        let amount = |quantity: &Option<Quantity>| quantity.as_ref().map(|Quantity(amount)| amount.clone());
        plan.map(|plan| Self { cpu: amount(&plan.defaults.cpu), memory: amount(&plan.defaults.memory) })
            .unwrap_or_default()
    }
}

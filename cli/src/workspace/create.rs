//! A workspace from flags.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use records::text::Amount;
use records::workspace::{Gpu, Resources, Type, Variable, Volume, Workspace, WorkspaceSpec};

/// What it is to be.
#[derive(Args, Debug)]
pub(super) struct Create {
    /// Its name
    name: String,
    /// Its image, which the project must allow
    #[arg(long)]
    image: String,
    /// What kind of server it is
    #[arg(long = "type", value_enum, default_value_t = Kind::Jupyter)]
    kind: Kind,
    /// Its queue; without it default
    #[arg(long)]
    queue: Option<String>,
    /// The model of its GPUs; without it, it has none of its own
    #[arg(long, value_name = "MODEL", conflicts_with = "claim")]
    gpu: Option<String>,
    /// So many of them
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "gpu", value_parser = clap::value_parser!(i32).range(1..=64))]
    gpus: i32,
    /// The share of each, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 100, requires = "gpu", value_parser = clap::value_parser!(i32).range(1..=100))]
    share: i32,
    /// A ResourceClaim of the project whose GPUs it uses
    #[arg(long, value_name = "NAME")]
    claim: Option<String>,
    /// CPUs; without it the plan's default
    #[arg(long)]
    cpu: Option<String>,
    /// Memory; without it the plan's default
    #[arg(long)]
    memory: Option<String>,
    /// A PersistentVolumeClaim and where it is mounted; with :ro at the end only to be read
    #[arg(long = "volume", value_name = "CLAIM:PATH[:ro]")]
    volumes: Vec<Mounted>,
    /// Size of /dev/shm; without it a quarter of the memory
    #[arg(long)]
    shm: Option<String>,
    /// The group that may write to its volumes
    #[arg(long, value_name = "GROUP")]
    fs_group: Option<i64>,
    /// The port at which a custom image listens
    #[arg(long, required_if_eq("kind", "custom"))]
    port: Option<u16>,
    /// A variable of its environment
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<Variable>,
    /// Run as UID 0, where project and group allow that
    #[arg(long)]
    root_shell: bool,
    /// Do not wait until it runs
    #[arg(long)]
    pub(super) no_wait: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Jupyter,
    Vscode,
    Custom,
}

#[derive(Clone, Debug)]
struct Mounted(Volume);

impl FromStr for Mounted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.split(':').collect();
        let (claim, path, read_only) = match parts[..] {
            [claim, path] => (claim, path, false),
            [claim, path, "ro"] => (claim, path, true),
            _ => return Err("write CLAIM:PATH, such as data:/data, or CLAIM:PATH:ro".to_owned()),
        };
        Ok(Self(Volume { claim_name: claim.into(), mount_path: path.into(), read_only }))
    }
}

fn variable(text: &str) -> Result<Variable, String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok(Variable { name: name.into(), value: value.into() })
}

impl Create {
    pub(super) fn workspace(self) -> Workspace {
        let Self {
            name,
            image,
            kind,
            queue,
            gpu,
            gpus,
            share,
            claim,
            cpu,
            memory,
            volumes,
            shm,
            fs_group,
            port,
            env,
            root_shell,
            no_wait: _,
        } = self;
        let gpu = gpu.map(|model| Gpu {
            model: model.as_str().into(),
            count: gpus,
            sm_percent: share,
            vram_policy: None,
            pinned_memory: None,
        });
        let (cpu, memory) = (cpu.map(Amount::Text), memory.map(Amount::Text));
        let spec = WorkspaceSpec {
            type_: match kind {
                Kind::Jupyter => Type::Jupyter,
                Kind::Vscode => Type::Vscode,
                Kind::Custom => Type::Custom,
            },
            image: image.as_str().into(),
            running: true,
            root_shell,
            queue: queue.as_deref().map(Into::into),
            gpu,
            claim_name: claim.as_deref().map(Into::into),
            resources: (cpu.is_some() || memory.is_some()).then_some(Resources { cpu, memory }),
            volumes: volumes.into_iter().map(|Mounted(volume)| volume).collect(),
            shm: shm.map(Amount::Text),
            fs_group,
            image_pull_secrets: Vec::new(),
            port: port.map(i32::from),
            path: None,
            command: Vec::new(),
            args: Vec::new(),
            env,
            activity_path: None,
        };
        Workspace::new(&name, spec)
    }
}

//! A process that a control plane consists of, as it is to be started.

use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

/// A process and how to see that it is well.
#[derive(Debug, Clone)]
pub(crate) struct Component {
    pub name: &'static str,
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<(&'static str, PathBuf)>,
    pub ports: Vec<u16>,
    pub health: Health,
    /// Whether it ends when it is asked to. One that does not is killed at once.
    pub heeds_term: bool,
}

/// The address that answers 200 when a component is ready.
#[derive(Debug, Clone)]
pub(crate) enum Health {
    Http(u16, &'static str),
    /// Where the kubeconfigs say.
    ApiServer,
    /// Behind the cluster's own certificate authority, on loopback.
    Https(u16, &'static str),
    /// No address, but a node that says that it is ready.
    Node(&'static str),
}

impl Component {
    /// Changes with the program and its arguments: a component whose digest changed is started again.
    pub(crate) fn digest(&self) -> String {
        let program = std::fs::metadata(&self.program).ok();
        let modified = program.as_ref().and_then(|file| file.modified().ok()?.duration_since(UNIX_EPOCH).ok());
        let text = format!("{:?} {:?} {:?} {:?}", self.args, self.env, modified, program.map(|file| file.len()));
        Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

//! What runs, on disk: written after every start and every end, so that a killed `up` is found again.

use crate::error::{Error, Result};
use crate::layout;
use crate::ports::Ports;
use crate::process::Process;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub ports: Option<Ports>,
    pub processes: BTreeMap<String, Process>,
    /// What kube-apiserver is started with besides.
    #[serde(default)]
    pub apiserver_args: Vec<String>,
}

impl State {
    /// A state file that cannot be read would leave processes behind for ever: that is an error, not an empty state.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| Error::says(format!("{} is not readable: {error}", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::file("read", path)(error)),
        }
    }

    /// Replaces the file in one step: a full disk leaves the old state.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let next = path.with_extension("json.next");
        layout::write(&next, &serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(&next, path).map_err(Error::file("write", path))
    }

    pub(crate) fn ports(&self) -> Result<&Ports> {
        self.ports.as_ref().ok_or_else(|| Error::says("no control plane was started here yet: cargo xtask up"))
    }
}

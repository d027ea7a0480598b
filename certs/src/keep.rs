//! Where material is kept between restarts and shared between replicas.

mod directory;
mod secret;

use std::io;
use std::path::{Path, PathBuf};

use kube::Client;
use tokio::task::JoinError;

use crate::KeyMaterial;
use crate::material::Unusable;

/// Where material is kept.
#[derive(Clone)]
pub enum Keep {
    /// Files `ca.crt`, `ca.key`, `tls.crt`, `tls.key`, for processes of one machine.
    Directory(PathBuf),
    /// A Secret with the same keys, for all replicas.
    Secret {
        /// Speaks to the API server.
        client: Client,
        /// The Secret's namespace.
        namespace: String,
        /// The Secret's name.
        name: String,
    },
}

/// What was found, and what a replacement is guarded by.
pub(crate) struct Kept {
    pub(crate) material: Option<KeyMaterial>,
    version: Version,
}

enum Version {
    /// A directory has no versions; its content is compared under a lock.
    Content,
    /// The Secret as it was read, so that what else is in it survives; `None` if there was none.
    Secret(Option<Box<k8s_openapi::api::core::v1::Secret>>),
}

/// What became of an attempt to store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Written,
    /// Someone else stored first: theirs is the material, ours was never used.
    Overtaken,
}

/// Material could not be read or stored.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Something is there and cannot be used. It is never replaced: clients may trust it.
    #[error(
        "the TLS material in {place} is damaged; put the damaged part back, or remove all of it to have a new CA issued"
    )]
    Unusable {
        /// The directory or Secret.
        place: String,
        /// Which part, and why.
        #[source]
        source: Unusable,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file or directory could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process replaced the files again and again while they were read.
    #[error("{} changes faster than it can be read", path.display())]
    Unsteady {
        /// The directory.
        path: PathBuf,
    },
    /// The API server did not give the Secret.
    #[error("cannot read Secret {namespace}/{name}")]
    Get {
        /// The Secret's namespace.
        namespace: String,
        /// The Secret's name.
        name: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// The API server did not take the Secret.
    #[error("cannot write Secret {namespace}/{name}")]
    Put {
        /// The Secret's namespace.
        namespace: String,
        /// The Secret's name.
        name: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// The thread that reads or writes files died.
    #[error("the file task ended early")]
    Task(#[source] JoinError),
}

impl Keep {
    pub(crate) async fn load(&self) -> Result<Kept, KeepError> {
        match self {
            Self::Directory(path) => {
                let material = off_thread(path, directory::load).await?;
                Ok(Kept { material, version: Version::Content })
            }
            Self::Secret { client, namespace, name } => {
                let (material, secret) = secret::load(client, namespace, name).await?;
                Ok(Kept { material, version: Version::Secret(secret.map(Box::new)) })
            }
        }
    }

    /// Replaces what was `seen`, or nothing at all.
    pub(crate) async fn store(&self, seen: Kept, new: &KeyMaterial) -> Result<Stored, KeepError> {
        match self {
            Self::Directory(path) => {
                let new = new.parts();
                off_thread(path, move |path| directory::store(path, seen.material.as_ref(), &new)).await
            }
            Self::Secret { client, namespace, name } => {
                let seen = match seen.version {
                    Version::Secret(secret) => secret.map(|secret| *secret),
                    Version::Content => None,
                };
                secret::store(client, namespace, name, seen, new).await
            }
        }
    }
}

async fn off_thread<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, KeepError> + Send + 'static,
) -> Result<T, KeepError> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || work(&path)).await.map_err(KeepError::Task)?
}

//! Where material is kept between restarts and shared between replicas.

mod directory;
mod secret;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use kube::Client;
use tokio::task::JoinError;

use crate::material::Unusable;
use crate::{KeyMaterial, Request, request};

/// Where material is kept.
#[derive(Clone)]
pub enum Keep {
    /// Files `ca.crt`, `ca.key`, `tls.crt`, `tls.key`, for processes of one machine; or a Secret mounted there.
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
    /// What a person asks for, as it is written there.
    pub(crate) request: Option<String>,
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

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::Secret { namespace, name, .. } => write!(f, "Secret {namespace}/{name}"),
        }
    }
}

impl Keep {
    /// What is kept; `None` if nothing is.
    ///
    /// # Errors
    /// When it cannot be read, or is there and cannot be used.
    pub async fn look(&self) -> Result<Option<KeyMaterial>, KeepError> {
        self.load().await.map(|kept| kept.material)
    }

    pub(crate) async fn load(&self) -> Result<Kept, KeepError> {
        match self {
            Self::Directory(path) => {
                let (material, request) = off_thread(path, |path| {
                    Ok((directory::load(path)?, directory::read_optional(&path.join(request::FILE))?))
                })
                .await?;
                let request = request.map(|text| String::from_utf8_lossy(&text).into_owned());
                Ok(Kept { material, request, version: Version::Content })
            }
            Self::Secret { client, namespace, name } => {
                let (material, secret) = secret::load(client, namespace, name).await?;
                let annotations = secret.as_ref().and_then(|secret| secret.metadata.annotations.as_ref());
                let request = annotations.and_then(|all| all.get(request::ANNOTATION)).cloned();
                Ok(Kept { material, request, version: Version::Secret(secret.map(Box::new)) })
            }
        }
    }

    /// Asks whoever follows this place for a rotation. The last request counts.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn ask(&self, request: &Request) -> Result<(), KeepError> {
        match self {
            Self::Directory(path) => {
                let text = request.to_string();
                off_thread(path, move |path| directory::write(&path.join(request::FILE), text.as_bytes())).await
            }
            Self::Secret { client, namespace, name } => secret::annotate(client, namespace, name, request).await,
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

//! What a dry run asks the API server: creations that it forgets, and what decides them, read once.

mod inventory;
mod observe;
mod warnings;

pub use inventory::Existing;
pub use observe::{Identity, Observed};

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use kube::core::gvk::GroupVersion;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::discovery::{Scope, pinned_kind};
use kube::error::DiscoveryError;
use kube::{Client, Resource};
use policy_engine::object::kinds::GroupResource;
use serde_json::Value;
use tokio::time::Instant;

use crate::client::{Access, ConnectFailed, LookupFailed, connect, in_time, is_path_segment};
use crate::lookup::devices::Devices;
use crate::lookup::namespaces::Namespaces;
use crate::lookup::owners::Owners;
use crate::lookup::volumes::Volumes;

/// Longer than every webhook of a usual cluster together may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The API server stores no object above 3 MiB.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// How the API server serves a kind.
#[derive(Clone, Debug)]
pub struct Served {
    resource: ApiResource,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

impl Served {
    /// The resource without its version.
    pub fn group_resource(&self) -> GroupResource {
        GroupResource::new(&self.resource.group, &self.resource.plural)
    }

    /// A kind as most are served, where nobody can be asked: the plural name is guessed.
    pub fn guessed(api_version: &str, kind: &str, namespaced: bool) -> Self {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        Self { resource: ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind)), namespaced }
    }
}

/// What the API server answered to a creation.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The texts of its `Warning` headers, as they came.
    pub warnings: Vec<String>,
    /// The object as it would be, or a `Status`; null if the body is no JSON.
    pub body: Value,
}

/// Why the API server was not asked, or did not say.
#[derive(Debug, thiserror::Error)]
pub enum AskFailed {
    /// It refuses to say.
    #[error("the API server does not say {what}: {message}")]
    Refused {
        /// What was asked.
        what: String,
        /// Its own words.
        message: String,
    },
    /// There was no answer.
    #[error(transparent)]
    Lookup(#[from] LookupFailed),
}

/// The API server, as a dry run sees it.
#[derive(Clone)]
pub struct Server {
    client: Client,
}

impl Server {
    /// Speaks to the API server. Nothing is asked yet.
    ///
    /// # Errors
    /// Where no usable configuration was found.
    pub async fn connect(access: &Access) -> Result<Self, ConnectFailed> {
        Ok(Self { client: connect(access).await? })
    }

    /// Speaks to the API server through this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The namespace that the kubeconfig's context says.
    pub fn default_namespace(&self) -> &str {
        self.client.default_namespace()
    }

    /// Looks up which project a Namespace belongs to.
    pub fn namespaces(&self) -> Namespaces {
        Namespaces::asking(self.client.clone())
    }

    /// Looks up stamps for what controllers create.
    pub fn owners(&self) -> Owners {
        Owners::new(self.client.clone())
    }

    /// Looks up whose volumes are.
    pub fn volumes(&self) -> Volumes {
        Volumes::asking(self.client.clone())
    }

    /// Looks up claims of devices, their templates and classes.
    pub fn devices(&self) -> Devices {
        Devices::asking(self.client.clone())
    }

    /// How a kind is served; `None` if it is not.
    ///
    /// # Errors
    /// Where the API server does not say.
    pub async fn served(&self, api_version: &str, kind: &str) -> Result<Option<Served>, AskFailed> {
        let Ok(version) = api_version.parse::<GroupVersion>() else { return Ok(None) };
        if ![&version.group, &version.version].into_iter().all(|it| it.is_empty() || is_path_segment(it)) {
            return Ok(None);
        }
        let wanted = GroupVersionKind::gvk(&version.group, &version.version, kind);
        let what = || format!("the kind {kind} of {api_version}");
        match in_time(patience(), what, pinned_kind(&self.client, &wanted)).await? {
            Ok((resource, capabilities)) => {
                Ok(Some(Served { resource, namespaced: capabilities.scope == Scope::Namespaced }))
            }
            Err(kube::Error::Discovery(DiscoveryError::MissingKind(_))) => Ok(None),
            // A group that is not served is answered by a page, not by a Status with a reason.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(failed(what(), error)),
        }
    }

    /// Has the API server admit and validate an object as if it were created; unknown fields are refused, as by kubectl.
    ///
    /// The request is sent as it is: the client's own calls drop the headers of the answer, where warnings are.
    ///
    /// # Errors
    /// Where there was no answer. A refusal is an answer.
    pub async fn create(&self, served: &Served, namespace: Option<&str>, object: &Value) -> Result<Answer, AskFailed> {
        let what = || format!("a new {}", served.resource.kind);
        let path = DynamicObject::url_path(&served.resource, namespace);
        let request = Request::post(format!("{path}?dryRun=All&fieldValidation=Strict&fieldManager=sluice-dry-run"))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(Body::from(object.to_string().into_bytes()))
            .map_err(|error| failed(what(), kube::Error::HttpError(error)))?;
        let exchange = async {
            let (head, body) = self.client.send(request).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(kube::Error::Service)?;
            Ok::<_, kube::Error>((head, body.to_bytes()))
        };
        let (head, body) = in_time(patience(), what, exchange).await?.map_err(|error| failed(what(), error))?;
        Ok(Answer {
            status: head.status.as_u16(),
            warnings: warnings::read(&head.headers),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }
}

fn patience() -> Instant {
    Instant::now() + PATIENCE
}

fn failed(what: String, error: kube::Error) -> AskFailed {
    match error {
        kube::Error::Api(status) => AskFailed::Refused { what, message: status.message },
        error => AskFailed::Lookup(LookupFailed::Api { what, source: Arc::new(error) }),
    }
}

impl Answer {
    /// Whether the object would be created.
    pub fn created(&self) -> bool {
        StatusCode::from_u16(self.status).is_ok_and(|status| status.is_success())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plural_names_of_workloads_are_guessed_right() {
        for kind in ["Pod", "Deployment", "DaemonSet", "Job", "CronJob", "ReplicationController"] {
            let served = Served::guessed("apps/v1", kind, true);
            assert_eq!(served.group_resource(), GroupResource::new("apps", &format!("{}s", kind.to_lowercase())));
        }
        assert_eq!(Served::guessed("v1", "Pod", true).group_resource(), GroupResource::new("", "pods"));
    }
}

//! What a dry run asks the API server: creations that it forgets, and what decides them, read once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, WARNING};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{ListParams, PostParams};
use kube::client::Body;
use kube::core::gvk::GroupVersion;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::discovery::{Scope, pinned_kind};
use kube::error::DiscoveryError;
use kube::{Api, Client, Resource};
use policy_engine::contract;
use policy_engine::policy::workload::GroupResource;
use serde_json::Value;
use tokio::time::Instant;

use crate::client::{Access, ConnectFailed, LookupFailed, connect, in_time, is_path_segment};
use crate::convert::{RawRecord, RawRecords};
use crate::owners::Owners;
use crate::records::{self, Kind};
use crate::watch::NamespaceMeta;

/// Longer than every webhook of a usual cluster together may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The API server stores no object above 3 MiB.
const MAX_ANSWER_BYTES: usize = 16 << 20;
const PAGE: u32 = 500;

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

/// A name and the groups that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What the API server calls the client.
    pub username: String,
    /// The groups that were proven.
    pub groups: Vec<String>,
}

/// What decides about creations, as it is in the cluster now.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// All records.
    pub records: RawRecords,
    /// The project id of every Namespace that is bound to a project.
    pub bindings: BTreeMap<String, String>,
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

    /// The namespace that the kubeconfig's context says.
    pub fn default_namespace(&self) -> &str {
        self.client.default_namespace()
    }

    /// Looks up stamps for what controllers create.
    pub fn owners(&self) -> Owners {
        Owners::new(self.client.clone())
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
            warnings: warnings(&head.headers),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }

    /// Who the client is.
    ///
    /// # Errors
    /// Where the API server does not say.
    pub async fn identity(&self) -> Result<Identity, AskFailed> {
        let what = || String::from("the name of this client");
        let reviews = Api::<SelfSubjectReview>::all(self.client.clone());
        let review = SelfSubjectReview::default();
        let answer = in_time(patience(), what, reviews.create(&PostParams::default(), &review)).await?;
        let review = answer.map_err(|error| failed(what(), error))?;
        let user = review.status.and_then(|status| status.user_info).unwrap_or_default();
        let username = user.username.ok_or_else(|| LookupFailed::Unsaid { what: what() })?;
        Ok(Identity { username, groups: user.groups.unwrap_or_default() })
    }

    /// Reads all records and all bindings once.
    ///
    /// # Errors
    /// Where one of them cannot be read: nothing is decided on a part.
    pub async fn observe(&self) -> Result<Observed, AskFailed> {
        let mut records = Vec::new();
        for kind in Kind::ALL {
            let resource = record_resource(kind);
            let found: Vec<DynamicObject> =
                list(&Api::all_with(self.client.clone(), &resource), &resource.plural).await?;
            let object = |object| serde_json::to_value(object).map_err(|error| unreadable(&resource, error));
            for object in found.into_iter().map(object) {
                // What the API server lists has a name.
                records.extend(RawRecord::of(kind, object?, None));
            }
        }
        let mut bindings = BTreeMap::new();
        for namespace in list(&Api::<NamespaceMeta>::all(self.client.clone()), "namespaces").await? {
            let project = namespace.metadata.labels.and_then(|mut labels| labels.remove(contract::PROJECT_ID));
            bindings.extend(namespace.metadata.name.zip(project));
        }
        Ok(Observed { records: records.into_iter().collect(), bindings })
    }

    /// The version of the policy in force, as the platform reports it; `None` where that cannot be read.
    pub async fn policy_version(&self) -> Option<String> {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &record_resource(Kind::PlatformPolicy));
        let what = || String::from("the policy in force");
        let found = in_time(patience(), what, api.get_opt(records::POLICY_NAME)).await.ok()?.ok()??;
        Some(found.data.get("status")?.get("version")?.as_str()?.to_owned())
    }
}

fn record_resource(kind: Kind) -> ApiResource {
    let named = GroupVersionKind::gvk(records::GROUP, records::VERSION, kind.name());
    ApiResource::from_gvk_with_plural(&named, &records::crd(kind).spec.names.plural)
}

async fn list<K>(api: &Api<K>, what: &str) -> Result<Vec<K>, AskFailed>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let mut all = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = in_time(patience(), || what.to_owned(), api.list(&params)).await?;
        let page = page.map_err(|error| failed(what.to_owned(), error))?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(all),
        }
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

fn unreadable(resource: &ApiResource, error: serde_json::Error) -> AskFailed {
    failed(resource.plural.clone(), kube::Error::SerdeError(error))
}

/// The texts of `Warning: 299 - "…"` headers, which quote by backslash.
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let texts = headers.get_all(WARNING).iter().filter_map(|value| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let (_, quoted) = value.split_once('"')?;
        let mut text = String::new();
        let mut chars = quoted.chars();
        while let Some(char) = chars.next() {
            match char {
                '"' => return Some(text),
                '\\' => text.extend(chars.next()),
                char => text.push(char),
            }
        }
        None
    });
    texts.collect()
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
    fn warnings_are_unquoted() {
        let mut headers = HeaderMap::new();
        for value in [r#"299 - "sluice: asked \"a\\b\", set to 1""#, r#"299 - "é""#, "299 - unquoted", r#"299 - "cut"#]
        {
            headers.append(WARNING, value.parse().expect("a header value"));
        }
        assert_eq!(warnings(&headers), [r#"sluice: asked "a\b", set to 1"#, "é"]);
    }

    #[test]
    fn plural_names_of_workloads_are_guessed_right() {
        for kind in ["Pod", "Deployment", "DaemonSet", "Job", "CronJob", "ReplicationController"] {
            let served = Served::guessed("apps/v1", kind, true);
            assert_eq!(served.group_resource(), GroupResource::new("apps", &format!("{}s", kind.to_lowercase())));
        }
        assert_eq!(Served::guessed("v1", "Pod", true).group_resource(), GroupResource::new("", "pods"));
    }
}

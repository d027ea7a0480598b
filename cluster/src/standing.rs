//! How the platform stands, for who looks at it first: each object that says so, read once. Each is read for itself, so that
//! who may not read one is told of the others.

use std::fmt::Debug;
use std::time::Duration;

use http::Request;
use http::header::DATE;
use jiff::{Timestamp, fmt::rfc2822};
use k8s_openapi::api::coordination::v1;
use kube::api::ListParams;
use kube::client::Body;
use kube::core::{DynamicObject, Resource};
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

mod guards;

pub use guards::{Entry, bindings, mutating, static_policies, validating};

use crate::causes::chain;
use crate::conditions::{READY, REFERENCES};
use crate::write::resource;
use records::{Kind, POLICY_NAME};

/// So long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
const PAGE: u32 = 500;
const FORBIDDEN: u16 = 403;
const NOT_FOUND: u16 = 404;

/// What was read, or why it was not.
pub type Part<T> = Result<T, Unread>;

/// Why something was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// The asker may not.
    #[error("{0}")]
    Forbidden(String),
    /// The API server did not answer, or by an error.
    #[error("{0}")]
    Failed(String),
}

/// A Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it; `None` for nobody.
    pub holder: Option<String>,
    /// When it was last renewed.
    pub renewed: Option<Timestamp>,
    /// How long it lasts unless it is renewed.
    pub lasts: Duration,
}

/// A record of which not every part can be used, or that refers to what does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Troubled {
    /// Its name.
    pub name: String,
    /// What its conditions say, a sentence for each thing.
    pub says: Vec<String>,
}

/// What time it is for the API server: the clocks by which Leases are renewed are near it, and the asker's may be anywhere.
///
/// # Errors
/// Where it does not answer.
pub async fn clock(client: &Client) -> Part<Timestamp> {
    let request = Request::get("/version").body(Body::empty()).map_err(|error| Unread::Failed(error.to_string()))?;
    let answer = patient(client.send(request)).await?.map_err(unread)?;
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
    Ok(date.and_then(|date| rfc2822::parse(date).ok()).map_or_else(Timestamp::now, |date| date.timestamp()))
}

/// The one PlatformPolicy, as it was written and as the platform says.
///
/// # Errors
/// Where it was not read.
pub async fn policy(client: &Client) -> Part<Option<Value>> {
    let found =
        get(&Api::<DynamicObject>::all_with(client.clone(), &resource(Kind::PlatformPolicy)), POLICY_NAME).await?;
    found.map(serde_json::to_value).transpose().map_err(|error| Unread::Failed(error.to_string()))
}

/// A Lease.
///
/// # Errors
/// Where it was not read.
pub async fn lease(client: &Client, namespace: &str, name: &str) -> Part<Option<Lease>> {
    let found = get(&Api::<v1::Lease>::namespaced(client.clone(), namespace), name).await?;
    Ok(found.map(|lease| {
        let spec = lease.spec.unwrap_or_default();
        let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        Lease {
            holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
            renewed: spec.renew_time.map(|time| time.0),
            lasts: Duration::from_secs(seconds.unwrap_or_default()),
        }
    }))
}

/// The records of a kind whose conditions say that something is wrong with them.
///
/// # Errors
/// Where they were not read.
pub async fn troubled(client: &Client, kind: Kind) -> Part<Vec<Troubled>> {
    let api = Api::<DynamicObject>::all_with(client.clone(), &resource(kind));
    let mut troubled = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = match patient(api.list(&params)).await? {
            // The kind is not installed: that is said of the PlatformPolicy.
            Err(kube::Error::Api(status)) if status.code == NOT_FOUND => return Ok(troubled),
            page => page.map_err(unread)?,
        };
        troubled.extend(page.items.iter().filter_map(trouble));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(troubled),
        }
    }
}

fn trouble(record: &DynamicObject) -> Option<Troubled> {
    let conditions = record.data["status"]["conditions"].as_array()?.iter();
    let bad = conditions.filter(|it| (it["type"] == READY || it["type"] == REFERENCES) && it["status"] == "False");
    let says: Vec<_> = bad.filter_map(|it| it["message"].as_str()).flat_map(str::lines).map(str::to_owned).collect();
    let name = record.metadata.name.clone()?;
    (!says.is_empty()).then_some(Troubled { name, says })
}

async fn get<K>(api: &Api<K>, name: &str) -> Part<Option<K>>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    match patient(api.get(name)).await? {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if status.code == NOT_FOUND => Ok(None),
        Err(error) => Err(unread(error)),
    }
}

async fn patient<T>(answer: impl Future<Output = T>) -> Part<T> {
    timeout(PATIENCE, answer)
        .await
        .map_err(|_elapsed| Unread::Failed("the API server did not answer in time".to_owned()))
}

fn unread(error: kube::Error) -> Unread {
    match error {
        kube::Error::Api(status) if status.code == FORBIDDEN => Unread::Forbidden(status.message),
        kube::Error::Api(status) => Unread::Failed(status.message),
        error => Unread::Failed(chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::ApiServer;

    const CONFIGURATION: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sluice";

    #[tokio::test]
    async fn what_is_there_is_read_and_what_is_not_is_no_failure() {
        let client = json!({"service": {"namespace": "n", "name": "s"}, "caBundle": "Zm9v"});
        let closed = json!({"name": "governed.sluice.dev", "clientConfig": client, "failurePolicy": "Fail",
            "admissionReviewVersions": ["v1"], "sideEffects": "None"});
        let open = json!({"name": "deletes.sluice.dev", "clientConfig": {"url": "https://x"}, "failurePolicy": "Ignore",
            "admissionReviewVersions": ["v1"], "sideEffects": "None"});
        let held =
            json!({"holderIdentity": "a", "renewTime": "2026-11-23T10:00:00.000000Z", "leaseDurationSeconds": 15});
        let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "message": "spec.plan: ResourcePlan lost does not exist\nspec.groups: x"});
        let project = |name: &str, status: &str| {
            json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "Project", "metadata": {"name": name},
                "status": {"conditions": [condition("Ready", "True"), condition("ReferencesResolved", status)]}})
        };
        let projects = "/apis/sluice.dev/v1alpha1/projects";
        let lease_at = "/apis/coordination.k8s.io/v1/namespaces/sluice-system/leases/sluice-reapers";
        let server = ApiServer::with_collections([
            (CONFIGURATION.to_owned(), json!({"metadata": {"name": "sluice"}, "webhooks": [closed, open]})),
            (lease_at.to_owned(), json!({"metadata": {"name": "sluice-reapers"}, "spec": held})),
            (format!("{projects}/good"), project("good", "True")),
            (format!("{projects}/ours"), project("ours", "False")),
        ]);
        let client = server.client();
        let entries = validating(&client, "sluice").await.expect("it was read").expect("it is there");
        let seen: Vec<_> =
            entries.iter().map(|it| (it.name.as_str(), it.ca_bundle.as_deref(), it.fails_open)).collect();
        assert_eq!(seen, [("governed.sluice.dev", Some("Zm9v"), false), ("deletes.sluice.dev", None, true)]);
        assert_eq!(entries[0].written["clientConfig"]["service"]["name"], "s", "as it was written");
        assert_eq!(mutating(&client, "sluice").await, Ok(None));
        assert_eq!(policy(&client).await, Ok(None));
        let renewed = Some("2026-11-23T10:00:00Z".parse().expect("an instant"));
        let found = Lease { holder: Some("a".to_owned()), renewed, lasts: Duration::from_secs(15) };
        assert_eq!(lease(&client, "sluice-system", "sluice-reapers").await, Ok(Some(found)));
        let ours = Troubled {
            name: "ours".to_owned(),
            says: ["spec.plan: ResourcePlan lost does not exist", "spec.groups: x"].map(Into::into).into(),
        };
        assert_eq!(troubled(&client, Kind::Project).await, Ok(vec![ours]));
        assert_eq!(troubled(&client, Kind::User).await, Ok(vec![]));
        drop(server.calls());
    }
}

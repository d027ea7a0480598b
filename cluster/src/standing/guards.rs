//! What makes the API server ask Sluice, and what it decides without it: the entries of webhook configurations, and the static
//! policies with their bindings, as they are written there.

use std::fmt::Debug;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
    ValidatingWebhookConfiguration,
};
use kube::api::ListParams;
use kube::core::Resource;
use kube::{Api, Client};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{NOT_FOUND, Part, Unread, get, patient, unread};

/// How the names of the chart's static policies begin.
const OURS: &str = "sluice-";

/// An entry of a webhook configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Which CAs it says to trust, as it is written; `None` for none.
    pub ca_bundle: Option<String>,
    /// Whether what cannot be asked goes through.
    pub fails_open: bool,
    /// All of it.
    pub written: Value,
}

impl Entry {
    /// An entry, as it is written.
    pub fn of(written: Value) -> Self {
        let text = |pointer: &str| written.pointer(pointer).and_then(Value::as_str).filter(|it| !it.is_empty());
        Self {
            name: text("/name").unwrap_or_default().to_owned(),
            ca_bundle: text("/clientConfig/caBundle").map(str::to_owned),
            fails_open: text("/failurePolicy") == Some("Ignore"),
            written,
        }
    }
}

/// The entries of a MutatingWebhookConfiguration.
///
/// # Errors
/// Where it was not read.
pub async fn mutating(client: &Client, name: &str) -> Part<Option<Vec<Entry>>> {
    let found = get(&Api::<MutatingWebhookConfiguration>::all(client.clone()), name).await?;
    found.map(|it| entries(it.webhooks)).transpose()
}

/// The entries of a ValidatingWebhookConfiguration.
///
/// # Errors
/// Where it was not read.
pub async fn validating(client: &Client, name: &str) -> Part<Option<Vec<Entry>>> {
    let found = get(&Api::<ValidatingWebhookConfiguration>::all(client.clone()), name).await?;
    found.map(|it| entries(it.webhooks)).transpose()
}

fn entries(webhooks: Option<Vec<impl Serialize>>) -> Part<Vec<Entry>> {
    webhooks.into_iter().flatten().map(|webhook| written(webhook).map(Entry::of)).collect()
}

/// The static policies that have a name of the chart's.
///
/// # Errors
/// Where they were not read.
pub async fn static_policies(client: &Client) -> Part<Vec<Value>> {
    ours(Api::<ValidatingAdmissionPolicy>::all(client.clone())).await
}

/// The bindings that have a name of the chart's: without one, a static policy decides nothing.
///
/// # Errors
/// Where they were not read.
pub async fn bindings(client: &Client) -> Part<Vec<Value>> {
    ours(Api::<ValidatingAdmissionPolicyBinding>::all(client.clone())).await
}

async fn ours<K>(api: Api<K>) -> Part<Vec<Value>>
where
    K: Resource + Clone + DeserializeOwned + Serialize + Debug,
{
    let all = match patient(api.list(&ListParams::default())).await? {
        // An API server that serves none has none.
        Err(kube::Error::Api(status)) if status.code == NOT_FOUND => return Ok(Vec::new()),
        all => all.map_err(unread)?,
    };
    let is_ours = |it: &K| it.meta().name.as_deref().is_some_and(|name| name.starts_with(OURS));
    all.items.into_iter().filter(is_ours).map(written).collect()
}

fn written(object: impl Serialize) -> Part<Value> {
    serde_json::to_value(object).map_err(|error| Unread::Failed(error.to_string()))
}

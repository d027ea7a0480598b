//! Tells API servers which CAs to trust: writes the bundle into webhook configurations, and notices when someone resets it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::stream::{self, BoxStream, SelectAll, StreamExt};
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::CaBundle;
use crate::step::Observed;

/// Who wrote, in the API server's bookkeeping.
pub(crate) const FIELD_MANAGER: &str = "sluice-certs";

/// A kind of configuration that holds CA bundles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigurationKind {
    /// `MutatingWebhookConfiguration`
    Mutating,
    /// `ValidatingWebhookConfiguration`
    Validating,
}

/// A configuration to write into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Its kind.
    pub kind: ConfigurationKind,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ConfigurationKind::Mutating => "MutatingWebhookConfiguration",
            ConfigurationKind::Validating => "ValidatingWebhookConfiguration",
        };
        write!(f, "{kind}/{}", self.name)
    }
}

/// Where the bundle is published. Without configurations it is nowhere, and a person hands the bundle to the clients.
#[derive(Clone)]
pub struct Publication {
    /// Speaks to the API server.
    pub client: Client,
    /// The configurations that name our webhooks, and only ours: every entry of them gets the bundle.
    pub configurations: Vec<Configuration>,
    /// Whether the bundle is ours to write, or somebody else's, and we only look what API servers are told.
    pub writes: bool,
}

/// How a configuration was found or left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It had the bundle already.
    Unchanged,
    /// The bundle was written and read back.
    Written,
    /// There is no such configuration: it is not installed yet, or break-glass removed it.
    Absent,
}

/// A configuration and how it was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Which one.
    pub configuration: Configuration,
    /// How it was left.
    pub outcome: Outcome,
}

/// The bundle could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The configuration could not be read.
    #[error("cannot read {configuration}")]
    Get {
        /// Which one.
        configuration: Configuration,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// The configuration could not be written.
    #[error("cannot write the CA bundle into {configuration}")]
    Patch {
        /// Which one.
        configuration: Configuration,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// Someone else writes them again and again.
    #[error("someone else keeps changing the webhook configurations; find out who also writes caBundle there")]
    Contended,
}

/// A configuration as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    configuration: Configuration,
    object: Option<DynamicObject>,
}

impl Publication {
    /// The configurations as they are, as far as they are there.
    pub(crate) async fn read(&self) -> Result<Vec<Found>, PublishError> {
        let mut all = Vec::with_capacity(self.configurations.len());
        for configuration in &self.configurations {
            let found = self.api(configuration.kind).get_opt(&configuration.name).await;
            let object = found.map_err(|source| PublishError::Get {
                configuration: configuration.clone(),
                source: Box::new(source),
            })?;
            all.push(Found { configuration: configuration.clone(), object });
        }
        Ok(all)
    }

    /// The bundle of every entry of every configuration, in PEM; empty text where an entry has none.
    ///
    /// # Errors
    /// When a configuration cannot be read.
    pub async fn bundles(&self) -> Result<Vec<(Configuration, Vec<String>)>, PublishError> {
        let found = self.read().await?;
        Ok(found.into_iter().map(|it| (it.configuration, it.object.iter().flat_map(bundles).collect())).collect())
    }

    /// Writes the bundle into every configuration that was found without it, if it is still as it was found. Returns those that were
    /// written; whether all have the bundle now is known after they are read again.
    ///
    /// API servers follow configurations by watch: one of several may act on the former bundle for a moment longer.
    pub(crate) async fn write(&self, found: &[Found], bundle: &CaBundle) -> Result<Vec<Configuration>, PublishError> {
        let mut written = Vec::new();
        for Found { configuration, object } in found {
            let Some(patch) = object.as_ref().and_then(|object| patch(object, bundle)) else { continue };
            let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
            let api = self.api(configuration.kind);
            match api.patch(&configuration.name, &params, &Patch::Strategic(patch)).await {
                Ok(_) => written.push(configuration.clone()),
                Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => {}
                Err(source) => {
                    return Err(PublishError::Patch { configuration: configuration.clone(), source: Box::new(source) });
                }
            }
        }
        Ok(written)
    }

    /// The configurations as they are now and whenever they change. Never ends; with no configurations, never yields.
    pub(crate) fn changes(&self) -> SelectAll<BoxStream<'static, watcher::Result<DynamicObject>>> {
        let watches = self.configurations.iter().map(|configuration| {
            // RBAC grants `list` and `watch` by resource name only to requests with this selector.
            let one = watcher::Config::default().fields(&format!("metadata.name={}", configuration.name));
            watcher(self.api(configuration.kind), one).default_backoff().applied_objects().boxed()
        });
        stream::select_all(watches)
    }

    fn api(&self, kind: ConfigurationKind) -> Api<DynamicObject> {
        let resource = match kind {
            ConfigurationKind::Mutating => ApiResource::erase::<MutatingWebhookConfiguration>(&()),
            ConfigurationKind::Validating => ApiResource::erase::<ValidatingWebhookConfiguration>(&()),
        };
        Api::all_with(self.client.clone(), &resource)
    }
}

fn bundles(object: &DynamicObject) -> Vec<String> {
    let entries = object.data.get("webhooks").and_then(Value::as_array);
    let bundle = |entry: &Value| {
        let encoded = entry.pointer("/clientConfig/caBundle").and_then(Value::as_str).unwrap_or_default();
        let pem = STANDARD.decode(encoded).unwrap_or_default();
        String::from_utf8(pem).unwrap_or_default()
    };
    entries.into_iter().flatten().map(bundle).collect()
}

/// What all configurations together say.
pub(crate) fn observed(found: &[Found]) -> Observed {
    let objects = || found.iter().map(|found| found.object.as_ref());
    Observed {
        bundles: objects().flatten().flat_map(bundles).collect(),
        generations: objects().map(|object| object?.metadata.generation).collect(),
    }
}

/// How each configuration was left.
pub(crate) fn outcomes(found: Vec<Found>, written: &[Configuration]) -> Vec<Published> {
    let outcome = |found: &Found| match &found.object {
        None => Outcome::Absent,
        Some(_) if written.contains(&found.configuration) => Outcome::Written,
        Some(_) => Outcome::Unchanged,
    };
    let outcomes =
        found.into_iter().map(|found| Published { outcome: outcome(&found), configuration: found.configuration });
    outcomes.collect()
}

/// What to send so that every entry has the bundle; `None` if it has. Entries merge by name, so nothing else in them is touched, and the
/// resource version makes it fail if they changed since.
pub(crate) fn patch(found: &DynamicObject, bundle: &CaBundle) -> Option<Value> {
    let wanted = STANDARD.encode(bundle.pem());
    let stale: Vec<_> = (found.data.get("webhooks")?.as_array()?.iter())
        .filter(|webhook| {
            let has = webhook.pointer("/clientConfig/caBundle");
            has.and_then(Value::as_str) != Some(&wanted)
        })
        .filter_map(|webhook| webhook.get("name"))
        .map(|name| json!({ "name": name, "clientConfig": { "caBundle": wanted } }))
        .collect();
    (!stale.is_empty()).then(|| {
        json!({
            "metadata": { "resourceVersion": found.metadata.resource_version },
            "webhooks": stale,
        })
    })
}

#[cfg(test)]
mod tests;

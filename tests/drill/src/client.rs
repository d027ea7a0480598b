//! People who speak to the API server, each with their own certificate.

use crate::reason;
use anyhow::{Context, Result};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, ObjectList};
use kube::{Api, Client, Config};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// The API server asks two webhooks with five seconds each. A request that is silent for longer than this is lost.
const DEADLINE: Duration = Duration::from_secs(20);
const MANAGER: &str = "drill";

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome<T> {
    Accepted(T),
    /// Answered with an error, or the connection ended with one. Why, in words that can be counted.
    Refused(String),
    /// Whether the request was carried out is not known: the connection ended before the answer.
    Cut(String),
    /// Neither an answer nor an error within the deadline.
    Silent,
}

/// A client with somebody's certificate.
#[derive(Clone)]
pub(crate) struct Person {
    client: Client,
}

impl Person {
    pub(crate) async fn of(kubeconfig: &Path) -> Result<Self> {
        // An error means that somebody chose before.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let read = Kubeconfig::read_from(kubeconfig).with_context(|| kubeconfig.display().to_string())?;
        let mut config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
        config.default_retry = false;
        Ok(Self { client: Client::try_from(config)? })
    }

    /// For requests of any kind.
    pub(crate) fn client(self) -> Client {
        self.client
    }

    fn pods(&self, namespace: &str) -> Api<DynamicObject> {
        let pods = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Pod"));
        Api::namespaced_with(self.client.clone(), namespace, &pods)
    }

    pub(crate) async fn create(&self, namespace: &str, pod: &Value) -> Outcome<DynamicObject> {
        match serde_json::from_value(pod.clone()) {
            Ok(pod) => said(self.pods(namespace).create(&PostParams::default(), &pod)).await,
            Err(error) => Outcome::Refused(error.to_string()),
        }
    }

    pub(crate) async fn merge(&self, namespace: &str, name: &str, patch: &Value) -> Outcome<DynamicObject> {
        let params = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
        said(self.pods(namespace).patch(name, &params, &Patch::Merge(patch))).await
    }

    pub(crate) async fn delete(&self, namespace: &str, name: &str) -> Outcome<()> {
        let params = DeleteParams::default().grace_period(0);
        match said(self.pods(namespace).delete(name, &params)).await {
            Outcome::Accepted(_) => Outcome::Accepted(()),
            Outcome::Refused(reason) => Outcome::Refused(reason),
            Outcome::Cut(reason) => Outcome::Cut(reason),
            Outcome::Silent => Outcome::Silent,
        }
    }

    pub(crate) async fn list(&self, namespace: &str, selector: &str) -> Result<ObjectList<DynamicObject>> {
        let list =
            timeout(DEADLINE, async { self.pods(namespace).list(&ListParams::default().labels(selector)).await });
        Ok(list.await.context("the API server lists no Pods")??)
    }
}

async fn said<T>(answer: impl Future<Output = Result<T, kube::Error>>) -> Outcome<T> {
    match timeout(DEADLINE, answer).await {
        Ok(Ok(object)) => Outcome::Accepted(object),
        Ok(Err(kube::Error::Api(status))) => Outcome::Refused(reason::of_status(status.code, &status.message)),
        Ok(Err(error)) => Outcome::Cut(reason::of_transport(&error)),
        Err(_elapsed) => Outcome::Silent,
    }
}

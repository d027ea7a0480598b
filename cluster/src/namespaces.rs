//! Which project a Namespace belongs to.

use std::sync::Arc;
use std::time::Duration;

use kube::Api;
use kube::core::ObjectMeta;
use policy_engine::contract;
use tokio::time::Instant;

use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::watch::{Caches, NamespaceMeta};

/// How long an answer of the API server saves it from the same question.
const ANSWER_HOLDS: Duration = Duration::from_secs(1);
const MOST_ANSWERS: u64 = 10_000;

/// Answers which project a Namespace is bound to. Clones share what they know.
#[derive(Clone)]
pub struct Namespaces {
    caches: Caches,
    asked: moka::future::Cache<String, Option<String>>,
}

impl Namespaces {
    /// Answers from the caches and, where they know of no project, from the API server.
    pub fn new(caches: Caches) -> Self {
        let asked = moka::future::Cache::builder().max_capacity(MOST_ANSWERS).time_to_live(ANSWER_HOLDS).build();
        Self { caches, asked }
    }

    /// The id of the project that the Namespace is bound to.
    ///
    /// A Namespace that the cache does not know, or knows without the label, may have got it a moment ago: the API
    /// server is asked before that is believed, once a second at most, however many wait for it.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn project_of(&self, name: &str, deadline: Instant) -> Result<Option<String>, LookupFailed> {
        if let Some(project) = self.caches.namespace(name).and_then(|namespace| project(&namespace.metadata)) {
            return Ok(Some(project));
        }
        if !is_path_segment(name) {
            return Ok(None);
        }
        let what = || format!("namespace {name}");
        let ask = async {
            let api = Api::<NamespaceMeta>::all(self.caches.client().clone());
            let found = api.get_opt(name).await?;
            Ok::<_, kube::Error>(found.and_then(|namespace| project(&namespace.metadata)))
        };
        let answer = in_time(deadline, what, self.asked.try_get_with_by_ref(name, ask)).await?;
        answer.map_err(|source: Arc<kube::Error>| LookupFailed::Api { what: what(), source })
    }
}

fn project(meta: &ObjectMeta) -> Option<String> {
    meta.labels.as_ref()?.get(contract::PROJECT_ID).cloned()
}

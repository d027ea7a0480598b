//! Which project a Namespace belongs to.

use std::sync::Arc;
use std::time::Duration;

use kube::core::ObjectMeta;
use kube::{Api, Client};
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
    client: Client,
    caches: Option<Caches>,
    asked: moka::future::Cache<String, Option<String>>,
}

impl Namespaces {
    /// Answers from the caches and, where they know of no project, from the API server.
    pub fn new(caches: Caches) -> Self {
        Self { caches: Some(caches.clone()), ..Self::asking(caches.client().clone()) }
    }

    /// Asks about each Namespace.
    pub fn asking(client: Client) -> Self {
        let asked = moka::future::Cache::builder().max_capacity(MOST_ANSWERS).time_to_live(ANSWER_HOLDS).build();
        Self { client, caches: None, asked }
    }

    /// The id of the project that the Namespace is bound to.
    ///
    /// A Namespace that the cache does not know, or knows without the label, may have got it a moment ago: the API
    /// server is asked before that is believed, once a second at most, however many wait for it.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn project_of(&self, name: &str, deadline: Instant) -> Result<Option<String>, LookupFailed> {
        let cached = self.caches.as_ref().and_then(|caches| caches.namespace(name));
        if let Some(project) = cached.and_then(|namespace| project(&namespace.metadata)) {
            return Ok(Some(project));
        }
        if !is_path_segment(name) {
            return Ok(None);
        }
        let what = || format!("namespace {name}");
        let ask = async {
            let api = Api::<NamespaceMeta>::all(self.client.clone());
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::{Request, Response};
    use kube::client::Body;
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// Namespaces behind caches that never fill, and how often the API server was asked about single ones.
    fn namespaces(answer: impl Fn(&str) -> Option<&'static str> + Send + 'static) -> (Namespaces, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let name = request.uri().path().strip_prefix("/api/v1/namespaces/").unwrap_or_default();
            counter.fetch_add(usize::from(!name.is_empty()), Ordering::Relaxed);
            let code = if answer(name).is_some() { 200 } else { 404 };
            let none = r#"{"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}"#;
            let text = answer(name).unwrap_or(none).as_bytes().to_vec();
            let answer = Response::builder().status(code).body(Body::from(text));
            async move { answer }
        });
        let caches = Caches::start(Client::new(service, "default"), CancellationToken::new());
        (Namespaces::new(caches), asked)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn a_miss_is_asked_once_before_it_is_believed() {
        let bound = r#"{"metadata": {"name": "team", "labels": {"platform-go/project-id": "llm"}}}"#;
        let (namespaces, asked) = namespaces(move |name| (name == "team").then_some(bound));
        let all = (0..20).map(|_| namespaces.project_of("team", soon()));
        for project in futures::future::join_all(all).await {
            assert_eq!(project.expect("answers").as_deref(), Some("llm"));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        for _ in 0..3 {
            assert_eq!(namespaces.project_of("nowhere", soon()).await.expect("answers"), None);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        assert_eq!(namespaces.project_of("team/../../secrets", soon()).await.expect("answers"), None);
        assert_eq!(asked.load(Ordering::Relaxed), 2, "no such path is asked for");
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_read_is_an_error() {
        let (namespaces, _) = namespaces(|name| (name == "team").then_some("garbage"));
        let failed = namespaces.project_of("team", soon()).await;
        assert!(matches!(failed, Err(LookupFailed::Api { what, .. }) if what == "namespace team"));
    }
}

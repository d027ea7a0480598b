//! Which project a Namespace belongs to.

use std::sync::Arc;

use kube::core::ObjectMeta;
use kube::{Api, Client};
use policy_engine::contract;
use policy_engine::policy::ids::ProjectId;
use tokio::time::Instant;

use super::{Answers, answers};
use crate::client::{LookupFailed, in_time, is_path_segment};
use crate::world::{NamespaceMeta, World};

/// Answers which project a Namespace is bound to. Clones share what they know.
#[derive(Clone)]
pub struct Namespaces {
    client: Client,
    world: Option<World>,
    asked: Answers<String, Option<ProjectId>>,
}

impl Namespaces {
    /// Answers from the caches and, where they know of no project, from the API server.
    pub fn new(world: World) -> Self {
        Self { world: Some(world.clone()), ..Self::asking(world.client().clone()) }
    }

    /// Asks about each Namespace.
    pub fn asking(client: Client) -> Self {
        Self { client, world: None, asked: answers() }
    }

    /// The id of the project that the Namespace is bound to.
    ///
    /// A Namespace that the cache does not know, or knows without the label, may have got it a moment ago: the API
    /// server is asked before that is believed, once a second at most, however many wait for it.
    ///
    /// # Errors
    /// Where the API server had to be asked and did not answer.
    pub async fn project_of(&self, name: &str, deadline: Instant) -> Result<Option<ProjectId>, LookupFailed> {
        let cached = self.world.as_ref().and_then(|world| world.namespace(name));
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
        answer.map_err(|source: Arc<kube::Error>| LookupFailed::api(what, source))
    }
}

fn project(meta: &ObjectMeta) -> Option<ProjectId> {
    meta.labels.as_ref()?.get(contract::PROJECT_ID).map(ProjectId::new)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::testing::ApiServer;

    const TEAM: &str = "/api/v1/namespaces/team";

    /// Namespaces that were made after the caches were filled.
    async fn namespaces(found: Value) -> (Namespaces, ApiServer) {
        let server = ApiServer::with_collections::<String>([]);
        let world = server.world(&[]).await;
        server.add(TEAM, found);
        (Namespaces::new(world), server)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn a_miss_is_asked_once_before_it_is_believed() {
        let bound = json!({"metadata": {"name": "team", "labels": {"platform-go/project-id": "llm"}}});
        let (namespaces, server) = namespaces(bound).await;
        let all = (0..20).map(|_| namespaces.project_of("team", soon()));
        for project in futures::future::join_all(all).await {
            assert_eq!(project.expect("answers"), Some(ProjectId::new("llm")));
        }
        server.assert_asked([TEAM]);
        for _ in 0..3 {
            assert_eq!(namespaces.project_of("nowhere", soon()).await.expect("answers"), None);
        }
        server.assert_asked(["/api/v1/namespaces/nowhere"]);
        // No such path is asked for.
        assert_eq!(namespaces.project_of("team/../../secrets", soon()).await.expect("answers"), None);
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_read_is_an_error() {
        let (namespaces, server) = namespaces(json!("garbage")).await;
        let failed = namespaces.project_of("team", soon()).await;
        assert!(matches!(failed, Err(LookupFailed::Api { what, .. }) if what == "namespace team"));
        server.assert_asked([TEAM]);
    }
}

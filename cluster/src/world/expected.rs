//! Templates that Pods are about to name. Admission knows of them before the Pods are there, and whoever makes templates in this
//! process hears of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy_engine::claims::template::Template;
use policy_engine::daemons::templates::KEPT;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::{Topic, World};

/// A template that is expected is remembered for as long as one is kept that nobody names.
const REMEMBERED: Duration = KEPT;
/// More are not expected at a time: they are made when their Pods are seen.
const MOST: usize = 1024;

/// By Namespace and name, and since when.
type Known = BTreeMap<(String, String), (Template, Instant)>;

/// What is expected. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    known: Arc<Mutex<Known>>,
    told: watch::Sender<()>,
}

impl Expected {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether it is news.
    fn add(&self, namespace: &str, template: &Template) -> bool {
        let mut known = self.known();
        known.retain(|_, (_, since)| since.elapsed() < REMEMBERED);
        let is_full = known.len() >= MOST;
        let key = (namespace.to_owned(), template.name.clone());
        match known.get_mut(&key) {
            Some((_, since)) => *since = Instant::now(),
            None if is_full => {}
            None => return known.insert(key, (template.clone(), Instant::now())).is_none(),
        }
        false
    }
}

impl World {
    /// Pods are about to name a template. If somebody in this process makes templates now, waits until it is there, and no longer
    /// than `patience`. Says whether it is there.
    pub async fn expect_template(&self, namespace: &str, template: &Template, patience: Duration) -> bool {
        let expected = &self.0.expected;
        let is_there = || self.template(namespace, &template.name).is_some();
        let is_news = expected.add(namespace, template);
        if is_there() || expected.told.receiver_count() == 0 {
            return is_there();
        }
        let mut changes = self.changes(&[Topic::ResourceClaimTemplates]);
        if is_news {
            expected.told.send_replace(());
        }
        let seen = async {
            while !is_there() {
                changes.changed().await;
            }
        };
        timeout(patience, seen).await.is_ok()
    }

    /// The templates that Pods are about to name, each with its Namespace.
    pub fn expected_templates(&self) -> Vec<(String, Template)> {
        let known = self.0.expected.known();
        let expected = known.iter().filter(|(_, (_, since))| since.elapsed() < REMEMBERED);
        expected.map(|((namespace, _), (template, _))| (namespace.clone(), template.clone())).collect()
    }

    /// Hears when there is another one. Who hears makes it.
    pub fn hear_of_expected(&self) -> watch::Receiver<()> {
        self.0.expected.told.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::ApiServer;

    fn template() -> Template {
        let text = "{}".to_owned();
        Template { name: "gpu-any-cnt1-sm100-memmax-0123456789".into(), text, spec: Default::default() }
    }

    #[tokio::test]
    async fn nobody_waits_where_nobody_makes_templates_and_who_does_hears_of_each_once() {
        let server = ApiServer::with_collections::<String>([]);
        let world = server.world(&[Topic::ResourceClaimTemplates]).await;
        let forever = Duration::from_secs(3600);
        assert!(!world.expect_template("team", &template(), forever).await, "nobody hears");
        assert_eq!(world.expected_templates(), [("team".to_owned(), template())]);
        let heard = world.hear_of_expected();
        assert!(!world.expect_template("team", &template(), Duration::ZERO).await);
        assert!(!heard.has_changed().expect("it lives"), "that is no news");
        assert!(!world.expect_template("other", &template(), Duration::ZERO).await);
        assert!(heard.has_changed().expect("it lives"));
    }

    #[tokio::test]
    async fn who_expects_what_is_there_waits_for_nothing() {
        let name = template().name;
        let path = format!("/apis/resource.k8s.io/v1/namespaces/team/resourceclaimtemplates/{name}");
        let object = json!({"metadata": {"namespace": "team", "name": name}, "spec": {"spec": {}}});
        let server = ApiServer::with_collections([(path, object)]);
        let world = server.world(&[Topic::ResourceClaimTemplates]).await;
        let heard = world.hear_of_expected();
        assert!(world.expect_template("team", &template(), Duration::ZERO).await);
        assert!(!heard.has_changed().expect("it lives"), "there is nothing to make");
        assert_eq!(world.expected_templates().len(), 1, "it is not to be removed now");
    }

    #[tokio::test]
    async fn what_was_expected_long_ago_is_expected_no_more() {
        let server = ApiServer::with_collections::<String>([]);
        let world = server.world(&[Topic::ResourceClaimTemplates]).await;
        world.expect_template("team", &template(), Duration::ZERO).await;
        tokio::time::pause();
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(world.expected_templates(), []);
    }
}

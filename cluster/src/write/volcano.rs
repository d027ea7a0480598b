//! Volcano's Queues.

use kube::Api;
use kube::api::Patch;
use kube::core::DynamicObject;
use policy_engine::daemons::common::{MANAGED_BY, MANAGER, Seen};
use policy_engine::daemons::follow::volcano::{GPU, VolcanoQueue};
use policy_engine::policy::quantity::decimal;
use serde_json::{Map, Value, json};

use super::{Outcome, WriteFailed, Writer, creating, deleting, outcome, patching};
use crate::served::volcano_queues;

impl Writer {
    pub(super) async fn create_volcano_queue(&self, queue: &VolcanoQueue) -> Result<Outcome, WriteFailed> {
        let name = queue.queue.as_str();
        let mut made = DynamicObject::new(name, &volcano_queues());
        made.metadata.labels = Some([(MANAGED_BY.into(), MANAGER.into())].into());
        made.data = json!({ "spec": spec(queue, []) });
        outcome(|| what(name), self.volcano().create(&creating(), &made)).await
    }

    /// Puts right what the platform says, and leaves the rest. `surplus` are resources that the queue does not deserve.
    pub(super) async fn amend_volcano_queue<'a>(
        &self,
        queue: &VolcanoQueue,
        seen: &Seen,
        surplus: impl IntoIterator<Item = &'a String>,
    ) -> Result<Outcome, WriteFailed> {
        let name = queue.queue.as_str();
        let mut spec = spec(queue, surplus);
        spec["capability"] = Value::Null;
        let meta = json!({ "resourceVersion": seen.resource_version, "uid": seen.uid });
        let change = Patch::Merge(json!({ "metadata": meta, "spec": spec }));
        outcome(|| what(name), self.volcano().patch(name, &patching(), &change)).await
    }

    pub(super) async fn delete_volcano_queue(&self, name: &str, seen: &Seen) -> Result<Outcome, WriteFailed> {
        outcome(|| what(name), self.volcano().delete(name, &deleting(seen))).await
    }

    fn volcano(&self) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), &volcano_queues())
    }
}

fn what(name: &str) -> String {
    format!("Volcano's queue {name}")
}

fn spec<'a>(queue: &VolcanoQueue, surplus: impl IntoIterator<Item = &'a String>) -> Value {
    let VolcanoQueue { queue: _, weight, priority, reclaimable, deserved } = queue;
    let mut amounts: Map<String, Value> = surplus.into_iter().map(|resource| (resource.clone(), Value::Null)).collect();
    let deserved = match deserved {
        Some(milli) => {
            amounts.insert(GPU.to_owned(), decimal(*milli).into());
            Some(amounts)
        }
        None => None,
    };
    json!({ "weight": weight, "priority": priority, "reclaimable": reclaimable, "deserved": deserved })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_queue_does_not_deserve_is_taken_off() {
        let queue = |deserved| VolcanoQueue { queue: "q".into(), weight: 3, priority: 5, reclaimable: true, deserved };
        let surplus = ["cpu".to_owned()];
        let said = spec(&queue(Some(2500)), &surplus);
        let deserved = json!({"cpu": null, "nvidia.com/gpu": "2.5"});
        assert_eq!(said, json!({"weight": 3, "priority": 5, "reclaimable": true, "deserved": deserved}));
        assert_eq!(spec(&queue(None), &surplus)["deserved"], Value::Null);
    }
}

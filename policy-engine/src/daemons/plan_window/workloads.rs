//! How many Pods of each workload wait.

use std::collections::{BTreeMap, BTreeSet};

use super::{Controller, Crowd, GatedPod, Noted, Start};

/// The workloads whose Pods wait, each with what it waits for.
#[derive(Default)]
pub(super) struct Workloads<'a> {
    all: BTreeMap<(&'a str, &'a Controller, Option<&'a str>), (usize, Start)>,
    noted: BTreeSet<&'a str>,
    to_come: BTreeSet<&'a str>,
}

impl<'a> Workloads<'a> {
    pub(super) fn count(&mut self, waiting: &'a GatedPod, start: &Start, noted: Noted) {
        let Some(controller) = &waiting.controller else { return };
        let key = (waiting.pod.namespace.as_str(), controller, waiting.queue.as_deref());
        self.all.entry(key).or_insert_with(|| (0, start.clone())).0 += 1;
        match noted {
            Noted::Before => {}
            Noted::Now => drop(self.noted.insert(&controller.uid)),
            Noted::Later => drop(self.to_come.insert(&controller.uid)),
        }
    }

    /// Those of which Pods were told in this cycle, and none is left to be.
    pub(super) fn told(self) -> Vec<Crowd> {
        let Self { all, noted, to_come } = self;
        let news = all.into_iter().filter(|((_, controller, _), _)| {
            let uid = controller.uid.as_str();
            noted.contains(uid) && !to_come.contains(uid)
        });
        let crowd = |((namespace, controller, _), (pods, starts)): ((&str, &Controller, _), _)| Crowd {
            namespace: namespace.to_owned(),
            controller: controller.clone(),
            pods,
            starts,
        };
        news.map(crowd).collect()
    }
}

//! What ended lately, for whoever would be refused because of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::resource::v1::ResourceClaim;
use kube::ResourceExt;
use policy_engine::ledger::Life;

use super::pod::{self, Pod};
use super::reserved_for;
use crate::watch::Change;

/// The oldest are forgotten first: whoever compares everything sees them too.
const MOST: usize = 1024;

/// An end, by the UID of what has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A Pod is gone or finished.
    Pod(String),
    /// A claim is gone, which was reserved for these Pods.
    Claim(String, Vec<String>),
    /// A claim is reserved for nobody any more.
    Released(String),
}

/// The ends that nobody has taken yet. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended(Arc<Mutex<VecDeque<End>>>);

impl Ended {
    pub(super) fn take(&self) -> Vec<End> {
        self.ends().drain(..).collect()
    }

    pub(super) fn note_pod(&self, change: &Change<'_, Pod>) {
        let is_finished = |pod: &Pod| pod::life(pod) == Life::Finished;
        let ended = match change {
            Change::Gone(pod) => *pod,
            Change::Written { before, now } if is_finished(now) && !before.as_deref().is_some_and(is_finished) => *now,
            // Of what is not listed any more nothing is known.
            Change::Written { .. } | Change::Listed(_) => return,
        };
        self.add(ended.metadata.uid.clone().map(End::Pod));
    }

    pub(super) fn note_claim(&self, change: &Change<'_, ResourceClaim>) {
        let is_reserved = |claim: &ResourceClaim| reserved_for(claim).next().is_some();
        let end = match change {
            Change::Gone(claim) => {
                claim.uid().map(|uid| End::Claim(uid, reserved_for(claim).map(str::to_owned).collect()))
            }
            Change::Written { before: Some(before), now } if is_reserved(before) && !is_reserved(now) => {
                now.uid().map(End::Released)
            }
            Change::Written { .. } | Change::Listed(_) => None,
        };
        self.add(end);
    }

    fn add(&self, end: Option<End>) {
        let mut ends = self.ends();
        ends.extend(end);
        if ends.len() > MOST {
            ends.pop_front();
        }
    }

    fn ends(&self) -> MutexGuard<'_, VecDeque<End>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn pod(uid: &str, phase: &str) -> Pod {
        let pod =
            json!({"metadata": {"name": uid, "uid": uid}, "spec": {"containers": []}, "status": {"phase": phase}});
        from_value(pod).expect("a Pod")
    }

    fn claim(pods: &[&str]) -> ResourceClaim {
        let reserved: Vec<Value> =
            pods.iter().map(|uid| json!({"resource": "pods", "name": uid, "uid": uid})).collect();
        from_value(json!({"metadata": {"uid": "c"}, "spec": {}, "status": {"reservedFor": reserved}})).expect("a claim")
    }

    #[test]
    fn a_pod_ends_when_it_is_finished_and_when_it_is_gone_and_a_claim_when_nobody_has_it() {
        let ended = Ended::default();
        let write = |before: Option<Pod>, now: &Pod| {
            ended.note_pod(&Change::Written { before: before.map(Arc::new), now });
        };
        write(None, &pod("runs", "Running"));
        write(Some(pod("ends", "Running")), &pod("ends", "Succeeded"));
        write(Some(pod("ends", "Succeeded")), &pod("ends", "Succeeded"));
        ended.note_pod(&Change::Gone(&pod("gone", "Running")));
        let reserve = |before: &[&str], now: &[&str]| {
            ended.note_claim(&Change::Written { before: Some(Arc::new(claim(before))), now: &claim(now) });
        };
        reserve(&["a", "b"], &["a"]);
        reserve(&["a"], &[]);
        reserve(&[], &[]);
        ended.note_claim(&Change::Gone(&claim(&["a"])));
        let text = str::to_owned;
        let pods = [End::Pod(text("ends")), End::Pod(text("gone"))];
        let claims = [End::Released(text("c")), End::Claim(text("c"), vec![text("a")])];
        assert_eq!(ended.take(), pods.into_iter().chain(claims).collect::<Vec<_>>());
        assert_eq!(ended.take(), []);
    }

    #[test]
    fn the_oldest_are_forgotten_first() {
        let ended = Ended::default();
        (0..=MOST).for_each(|at| ended.note_pod(&Change::Gone(&pod(&at.to_string(), "Running"))));
        let kept = ended.take();
        assert_eq!((kept.len(), kept.first()), (MOST, Some(&End::Pod("1".to_owned()))));
    }
}

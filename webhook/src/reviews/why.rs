//! The questions `why` and `explainPreemption`: gathers what is known, and lets `decide` say it.

use std::collections::HashMap;
use std::sync::Arc;

use ::records::review::{About, Concern, Preemptions, Reason, Subject, Why, WhyPod};
use cluster::lookup::events;
use cluster::view;
use cluster::world::pod::{Pod, is_running, label, life, queue};
use decide::viewer::Viewer;
use decide::why::{self, PodFacts, Queues, There};
use decide::{explain, me};
use jiff::Timestamp;
use kube::core::gvk::GroupVersionResource;
use policy_engine::admission::rules::quota::{Full, worth_telling};
use policy_engine::contract;
use policy_engine::daemons::common::PodName;
use policy_engine::daemons::preemption::NO_ROOM;
use policy_engine::ledger::{AdmitPod, Life, Outcome, Request};
use policy_engine::object::Object;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Policy;
use store::{Find, Refusal};

use super::asked::{Target, target};
use super::{NoAnswer, denied};
use crate::Webhook;
use crate::governed::Call;
use crate::outage::Outage;

/// Of a workload so many Pods are explained.
const MOST_PODS: usize = 20;
/// Who asks, and of whom.
pub(super) struct Asks<'a> {
    pub(super) webhook: &'a Webhook,
    pub(super) call: Call<'a>,
    pub(super) policy: &'a Policy,
    pub(super) viewer: Viewer<'a>,
}

impl Asks<'_> {
    /// Who was evicted for whom.
    pub(super) async fn explain(&self, about: About) -> Result<Preemptions, NoAnswer> {
        self.webhook.caches.fit(me::TOPICS).map_err(Outage::Unfit)?;
        let journal = self.webhook.ledger.journal();
        let (find, id) = match target(about, &self.viewer)? {
            Target::Id(id) => (Find::Id(id.clone()), Some(id)),
            Target::Object { kind: Subject::Pod, namespace, name } => (Find::Pod { namespace, name }, None),
            Target::Object { .. } => {
                let said = "asked about a workload; ask about one of its pods".to_owned();
                return Err(denied("spec.about.kind", said).into());
            }
        };
        let entries = journal.find(&find).await.map_err(Outage::Unread)?;
        let runs = |pod: &PodName, uid: &str| {
            let found = self.webhook.caches.pod_of_uid(&pod.namespace, &pod.name, uid);
            found.is_some_and(|it| it.metadata.deletion_timestamp.is_none() && life(&it) != Life::Finished)
        };
        let answer = explain::answer(&self.viewer, &entries, self.call.now, runs);
        if let Some(id) = id.filter(|_| answer.preemptions.is_empty()) {
            let said = format!(
                "asked about {id}; the journal has no such preemption that concerns a project of yours; it keeps them for 90 days"
            );
            return Err(denied("spec.about.id", said).into());
        }
        Ok(answer)
    }

    /// Why something is as it is.
    pub(super) async fn why(&self, about: About) -> Result<Why, NoAnswer> {
        self.webhook.caches.fit(me::TOPICS).map_err(Outage::Unfit)?;
        let (kind, namespace, name) = match target(about, &self.viewer)? {
            Target::Id(id) => return self.decision(&id).await,
            Target::Object { kind, namespace, name } => (kind, namespace, name),
        };
        let found = match kind {
            Subject::Pod => self.pod_named(&namespace, &name).await?.map(|why| (why, There::Itself)),
            Subject::ResourceClaim => self.claim(&namespace, &name).await?.map(|why| (why, There::Itself)),
            Subject::Deployment
            | Subject::ReplicaSet
            | Subject::StatefulSet
            | Subject::DaemonSet
            | Subject::Job
            | Subject::CronJob => {
                let found = self.workload(kind, &namespace, &name).await?;
                found.map(|(why, made_at)| (why, There::Workload { made_at }))
            }
        };
        let (mut why, there) = found.unwrap_or_else(|| (self.blank(String::new()), There::Not));
        let subject = why::of_asked(kind, &name);
        let mut refusals = self.webhook.refusals.of(&namespace, &subject).await.map_err(Outage::Unread)?;
        refusals.retain(|refusal| why::still_counts(refusal, there, self.call.now));
        if !refusals.is_empty() {
            why.reasons.retain(|reason| !reason.says.starts_with(why::REPLICA_FAILURE));
        }
        why.about = format!("{kind:?} {namespace}/{name}");
        self.add_refusals(&mut why, &refusals);
        if there != There::Not {
            return Ok(why);
        }
        if kind == Subject::Pod {
            let find = Find::Pod { namespace: namespace.clone(), name: name.clone() };
            let entries = self.webhook.ledger.journal().find(&find).await.map_err(Outage::Unread)?;
            let queues = self.queues(&namespace);
            let ended = entries.iter().flat_map(|entry| &entry.objects).find(|pod| pod.name == name).cloned();
            why.reasons.extend(ended.iter().flat_map(|pod| why::journaled(&entries, &pod.uid, true, &queues)));
        }
        if why.reasons.is_empty() {
            let said = format!(
                "asked about {} {namespace}/{name}, which does not exist, and nothing of it was refused lately; look at kubectl get events -n {namespace}",
                subject.split('/').next().unwrap_or_default()
            );
            return Err(denied("spec.about", said).into());
        }
        why.state = "it does not exist".to_owned();
        Ok(why)
    }

    fn queues(&self, namespace: &str) -> Queues<'_> {
        Queues { policy: self.policy, project: self.viewer.project_of(namespace), now: self.call.now }
    }

    fn blank(&self, state: String) -> Why {
        let at = self.call.now.to_string();
        Why { about: String::new(), at, state, reasons: Vec::new(), pods: Vec::new(), more_pods: 0 }
    }

    /// What a refusal said that has this id.
    async fn decision(&self, id: &str) -> Result<Why, NoAnswer> {
        let refusal = self.webhook.refusals.by_id(id).await.map_err(Outage::Unread)?;
        let Some(refusal) = refusal.filter(|it| self.viewer.was_refused(&it.username, &it.namespace)) else {
            let said = format!(
                "asked about {id}; no refusal with this id is known that is yours to see; refusals are kept for a week: an \
                 Admin finds older ones in Sluice's log"
            );
            return Err(denied("spec.about.id", said).into());
        };
        let mut why = self.blank("it was refused".to_owned());
        why.about = format!("decision {id}");
        self.add_refusals(&mut why, &[refusal]);
        Ok(why)
    }

    /// The newest refusal says what has to be mended; the others said it before.
    fn add_refusals(&self, why: &mut Why, refusals: &[Refusal]) {
        let Some(newest) = refusals.first() else { return };
        let Refusal { id, at, username, namespace, asked, .. } = newest;
        let times = if refusals.len() > 1 { ", not for the first time" } else { "" };
        let says =
            format!("asked by {username} to {asked} in {namespace} at {at:.0}, and refused{times} (decision {id})");
        why.reasons.push(Reason { concern: Concern::Rule, says, what_to_do: None });
        why.reasons.extend(why::refused(newest));
    }

    async fn pod_named(&self, namespace: &str, name: &str) -> Result<Option<Why>, Outage> {
        let Some(pod) = self.webhook.caches.pod(namespace, name) else { return Ok(None) };
        let no_room = if life(&pod) == Life::Waiting { self.no_room(namespace).await } else { HashMap::new() };
        let (state, reasons) = self.pod(&pod, &no_room).await?;
        Ok(Some(Why { reasons, ..self.blank(state) }))
    }

    /// What the daemon `preemption` has said of Pods of a Namespace that wait, by UID.
    async fn no_room(&self, namespace: &str) -> HashMap<String, String> {
        events::said(&self.webhook.caches, namespace, NO_ROOM).await
    }

    /// How a Pod is, and why. `no_room` is what [`Self::no_room`] answers.
    async fn pod(&self, pod: &Pod, no_room: &HashMap<String, String>) -> Result<(String, Vec<Reason>), Outage> {
        let Self { webhook, call, policy, .. } = self;
        let (namespace, name) = (pod.metadata.namespace.as_deref(), pod.metadata.name.as_deref());
        let (namespace, name) = (namespace.unwrap_or_default(), name.unwrap_or_default());
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        let mut facts = PodFacts::default();
        let queues = self.queues(namespace);
        if pod.spec.waits_for_queue {
            let gate = why::gate(&webhook.caches, policy, namespace, name, call.now);
            let charge = view::ledger::pod(&webhook.caches, &webhook.left_over.prices, policy, (namespace, name, uid));
            let asked = charge.as_ref().map(AdmitPod::asked);
            facts.to_default = queues.to_default(name, queue(pod), asked.as_ref());
            if let Some(charge) = charge.filter(|_| !gate.releases.is_empty()) {
                facts.full = self.full(charge).await?;
            }
            facts.gate = Some(gate);
        }
        if life(pod) == Life::Waiting {
            facts.more.extend(why::models(&webhook.caches, policy, pod));
            facts.no_room = why::no_room(no_room.get(uid).map(String::as_str), namespace, name);
        }
        let of_it = Find::Uid(uid.to_owned());
        let entries = webhook.ledger.journal().find(&of_it).await.map_err(Outage::Unread)?;
        facts.more.extend(why::journaled(&entries, uid, false, &queues));
        let of_its_name = Find::Pod { namespace: namespace.to_owned(), name: name.to_owned() };
        let entries = webhook.ledger.journal().find(&of_its_name).await.map_err(Outage::Unread)?;
        facts.more.extend(why::before_it(&entries, name, uid, &queues));
        Ok(why::pod(pod, facts, &queues))
    }

    /// What a Pod lacks that waits behind its gate for room.
    async fn full(&self, charge: AdmitPod) -> Result<Vec<String>, Outage> {
        let Self { webhook, call, policy, .. } = self;
        let would = webhook.ledger.would_fit(Request::AdmitPod(charge), call.deadline).await;
        Ok(match would.map_err(Outage::Unread)? {
            Outcome::Refused(short) => {
                worth_telling(&short).map(|shortage| Full { shortage, own: None, policy }.to_string()).collect()
            }
            Outcome::Reserved | Outcome::Crowded(_) => Vec::new(),
        })
    }

    async fn claim(&self, namespace: &str, name: &str) -> Result<Option<Why>, Outage> {
        let Some(claim) = self.webhook.caches.claim(namespace, name) else { return Ok(None) };
        let mut why = self.blank(String::new());
        let is_its = |pod: &Pod| pod.metadata.namespace.as_deref() == Some(namespace) && why::waits_on(pod, &claim);
        self.add_pods(&mut why, is_its).await?;
        let count = why.pods.len();
        (why.state, why.reasons) = why::claim(&claim, count);
        Ok(Some(why))
    }

    /// A workload, and when it was made.
    async fn workload(
        &self,
        kind: Subject,
        namespace: &str,
        name: &str,
    ) -> Result<Option<(Why, Option<Timestamp>)>, Outage> {
        let Some((group, plural)) = why::plural(kind) else { return Ok(None) };
        let resource = GroupVersionResource::gvr(group, "v1", plural);
        let found = self.webhook.owners.object(namespace, &resource, name, self.call.deadline).await;
        let Some(object) = found.map_err(Outage::Lookup)? else { return Ok(None) };
        let mut why = self.blank(String::new());
        let is_its = |pod: &Pod| pod.metadata.namespace.as_deref() == Some(namespace) && why::is_of(pod, kind, name);
        let (running, others) = self.add_pods(&mut why, &is_its).await?;
        why.state = format!("{running} of its pods run, and {others} do not");
        why.reasons = why::conditions(&object);
        let meta = &object["metadata"];
        if let Some(moved_to) = meta["labels"][contract::MOVED_TO].as_str() {
            let stays = |pod: &&Arc<Pod>| {
                is_its(pod) && life(pod) != Life::Finished && label(pod, contract::QUEUE_NAME) != Some(moved_to)
            };
            let stay = self.webhook.caches.pods().iter().filter(stays).count();
            let of = self.policy.platform().workload_kind(&GroupResource::new(group, plural));
            let templates = of.into_iter().flat_map(|of| &of.pod_templates).flat_map(|path| path.resolve(&object));
            let asked = templates.map(|(_, it)| Object(it)).find_map(|it| it.label(contract::QUEUE_NAME));
            let named = why::of_asked(kind, name).to_lowercase();
            why.reasons.extend(self.queues(namespace).switched(&named, moved_to, asked, stay));
        }
        let made_at = meta["creationTimestamp"].as_str().and_then(|at| at.parse().ok());
        Ok(Some((why, made_at)))
    }

    /// Explains the Pods that do not run. Answers how many do, and how many do not.
    async fn add_pods(&self, why: &mut Why, is_its: impl Fn(&Pod) -> bool) -> Result<(usize, usize), Outage> {
        let all = self.webhook.caches.pods();
        let its = all.iter().filter(|pod| is_its(pod) && life(pod) != Life::Finished);
        let (running, mut others): (Vec<_>, Vec<_>) =
            its.partition(|pod| is_running(pod) && why::held_up(pod).is_none());
        others.sort_by_key(|pod| pod.metadata.name.clone());
        let waiting = others.iter().find(|pod| life(pod) == Life::Waiting);
        let no_room = match waiting.and_then(|pod| pod.metadata.namespace.as_deref()) {
            Some(namespace) => self.no_room(namespace).await,
            None => HashMap::new(),
        };
        for pod in others.iter().take(MOST_PODS) {
            let (state, reasons) = self.pod(pod, &no_room).await?;
            why.pods.push(WhyPod { name: pod.metadata.name.clone().unwrap_or_default(), state, reasons });
        }
        why.more_pods = i64::try_from(others.len().saturating_sub(MOST_PODS)).unwrap_or(i64::MAX);
        Ok((running.len(), others.len()))
    }
}

//! The cluster of the model: what lives, and what is on its way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use policy_engine::ledger::{
    Account, AdmitPod, Amounts, ClaimMade, ForPod, Life, LiveClaim, LivePod, REQUEST_TIMEOUT, Request, Tags, Use, View,
};

use super::super::fixture::{cores, gpus, payers};
use super::begin;

const REFERENCE: &str = "own";

/// A Pod.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    uid: String,
    name: String,
    user: &'static str,
    inline: Option<u64>,
    /// Its inline price, or the least price of a claim that ever was there for it.
    least: Option<u64>,
    claims: Vec<String>,
    /// UIDs of the claims with which it was scheduled.
    holds: Vec<String>,
    life: Life,
}

/// A claim.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    uid: String,
    name: String,
    user: &'static str,
    price: u64,
    shared: bool,
    for_pod: Option<String>,
}

/// What was admitted and is not written yet.
#[derive(Clone, Debug)]
pub(super) struct OnTheWay {
    since: Timestamp,
    what: What,
    request: Option<Request>,
}

#[derive(Clone, Debug)]
enum What {
    Pod(Pod),
    Claim(Claim),
    /// The gate of the Pod of this UID is taken off.
    Ungated(String),
    /// The Pod of this UID is put on a node, with the claims of these UIDs.
    Scheduled(String, Vec<String>),
}

impl OnTheWay {
    /// What the ledger is asked; a gated Pod costs nothing.
    pub(super) fn request(&self) -> Option<Request> {
        self.request.clone()
    }
}

pub(super) struct Cluster {
    pub(super) now: Timestamp,
    next: u64,
    pods: BTreeMap<String, Pod>,
    claims: BTreeMap<String, Claim>,
    /// Claims that are gone, and were held then.
    vanished: Vec<Claim>,
    way: Vec<OnTheWay>,
    /// UIDs of everything that was ever written.
    pub(super) came: Vec<String>,
    /// Claims by name as the webhook's watch has them, which lags.
    heard: BTreeMap<String, Claim>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            now: begin(),
            next: 0,
            pods: BTreeMap::new(),
            claims: BTreeMap::new(),
            vanished: Vec::new(),
            way: Vec::new(),
            came: Vec::new(),
            heard: BTreeMap::new(),
        }
    }
}

/// The element that a number means, if there is any.
fn nth<T>(mut all: impl Iterator<Item = T> + Clone, number: usize) -> Option<T> {
    let count = all.clone().count();
    if count == 0 { None } else { all.nth(number % count) }
}

impl Cluster {
    fn uid(&mut self, of: &str) -> String {
        self.next += 1;
        format!("{of}-{}", self.next)
    }

    pub(super) fn ask_pod(
        &mut self,
        name: usize,
        user: &'static str,
        gated: bool,
        inline: Option<u64>,
        claims: &[usize],
    ) -> OnTheWay {
        let (uid, name) = (self.uid("pod"), format!("p{name}"));
        let claims = claims.iter().map(|claim| format!("c{claim}")).collect();
        let life = if gated { Life::Gated } else { Life::Waiting };
        let pod = Pod { uid, name, user, inline, least: inline, claims, holds: Vec::new(), life };
        let request = (!gated).then(|| Request::AdmitPod(admit(&pod, &self.heard)));
        OnTheWay { since: self.now, what: What::Pod(pod), request }
    }

    pub(super) fn ask_claim(&mut self, name: usize, user: &'static str, price: u64, shared: bool) -> OnTheWay {
        let claim = Claim { uid: self.uid("claim"), name: format!("c{name}"), user, price, shared, for_pod: None };
        self.claim_on_the_way(claim)
    }

    /// For a Pod that has none.
    pub(super) fn ask_made(&mut self, pod: usize, price: Option<u64>) -> Option<OnTheWay> {
        let made = |pod: &Pod| self.claims.values().any(|claim| claim.for_pod.as_ref() == Some(&pod.uid));
        let wanting = self.pods.values().filter(|pod| pod.inline.is_some() && !made(pod) && pod.life != Life::Finished);
        let (uid, user, inline) = nth(wanting, pod).map(|pod| (pod.uid.clone(), pod.user, pod.inline))?;
        let (own, price) = (self.uid("claim"), price.or(inline)?);
        let claim = Claim { name: format!("made-{own}"), uid: own, user, price, shared: false, for_pod: Some(uid) };
        Some(self.claim_on_the_way(claim))
    }

    fn claim_on_the_way(&self, claim: Claim) -> OnTheWay {
        let request = Some(Request::ClaimMade(made(&claim)));
        OnTheWay { since: self.now, what: What::Claim(claim), request }
    }

    pub(super) fn ask_ungated(&self, pod: usize) -> Option<OnTheWay> {
        let pod = nth(self.pods.values().filter(|pod| pod.life == Life::Gated), pod)?;
        let request = Some(Request::AdmitPod(admit(pod, &self.heard)));
        Some(OnTheWay { since: self.now, what: What::Ungated(pod.uid.clone()), request })
    }

    pub(super) fn send(&mut self, asked: OnTheWay) {
        self.way.push(asked);
    }

    pub(super) fn on_the_way(&self, way: usize) -> Option<&OnTheWay> {
        nth(self.way.iter(), way)
    }

    fn take(&mut self, way: usize) -> Option<OnTheWay> {
        let count = self.way.len();
        (count > 0).then(|| self.way.remove(way % count))
    }

    pub(super) fn lose(&mut self, way: usize) {
        drop(self.take(way));
    }

    /// A name that is taken is refused by the API server, and so is the change of a Pod that is gone.
    pub(super) fn arrive(&mut self, way: usize) {
        match self.take(way).map(|it| it.what) {
            Some(What::Pod(pod)) if self.pods.values().all(|it| it.name != pod.name) => {
                self.came.push(pod.uid.clone());
                self.pods.insert(pod.uid.clone(), pod);
            }
            Some(What::Claim(claim)) if self.claims.values().all(|it| it.name != claim.name) => {
                // The controller makes one claim for a Pod that is still there.
                let own = |pod: &String| {
                    let twice = self.claims.values().any(|it| it.for_pod.as_ref() == Some(pod));
                    self.pods.contains_key(pod) && !twice
                };
                if claim.for_pod.as_ref().is_none_or(own) {
                    if let Some(pod) = claim.for_pod.as_ref().and_then(|pod| self.pods.get_mut(pod)) {
                        pod.least = pod.least.map(|least| least.min(claim.price));
                    }
                    self.came.push(claim.uid.clone());
                    self.claims.insert(claim.uid.clone(), claim);
                }
            }
            Some(What::Ungated(uid)) => {
                if let Some(pod) = self.pods.get_mut(&uid).filter(|pod| pod.life == Life::Gated) {
                    pod.life = Life::Waiting;
                }
            }
            Some(What::Scheduled(uid, reserved)) => {
                // A claim that has changed since is not reserved: the scheduler writes on what it read.
                let claims = self.pods.get(&uid).and_then(|pod| self.claims_of(pod));
                let stands = claims.is_some_and(|claims| claims.iter().map(|claim| &claim.uid).eq(&reserved));
                if let Some(pod) = self.pods.get_mut(&uid).filter(|pod| stands && pod.life == Life::Waiting) {
                    (pod.life, pod.holds) = (Life::Scheduled, reserved);
                }
            }
            Some(What::Pod(_) | What::Claim(_)) | None => {}
        }
    }

    /// The claims of a Pod, if all are there.
    fn claims_of(&self, pod: &Pod) -> Option<Vec<&Claim>> {
        let named = pod.claims.iter().map(|name| self.claims.values().find(|claim| claim.name == *name));
        let own = pod.inline.map(|_| self.claims.values().find(|claim| claim.for_pod.as_ref() == Some(&pod.uid)));
        named.chain(own).collect()
    }

    /// What the ledger is asked when a Pod's claims are reserved for it: also those that it was not admitted with.
    pub(super) fn ask_scheduled(&self, pod: usize) -> Option<OnTheWay> {
        let waiting = self.pods.values().filter(|pod| pod.life == Life::Waiting);
        let pod = nth(waiting.filter(|pod| self.claims_of(pod).is_some()), pod)?;
        let claims: Vec<_> = self.claims_of(pod)?.into_iter().map(|claim| claim.uid.clone()).collect();
        let mut asked = admit(pod, &self.by_name());
        asked.amounts = Amounts::NOTHING;
        asked.uses.retain(|it| matches!(it, Use::Claim { .. }));
        let request = (!asked.uses.is_empty()).then_some(Request::AdmitPod(asked));
        Some(OnTheWay { since: self.now, what: What::Scheduled(pod.uid.clone(), claims), request })
    }

    fn by_name(&self) -> BTreeMap<String, Claim> {
        self.claims.values().map(|claim| (claim.name.clone(), claim.clone())).collect()
    }

    pub(super) fn finish(&mut self, pod: usize) {
        let uid = nth(self.pods.values().filter(|pod| pod.life == Life::Scheduled), pod).map(|pod| pod.uid.clone());
        if let Some(pod) = uid.and_then(|uid| self.pods.get_mut(&uid)) {
            pod.life = Life::Finished;
        }
    }

    /// Its own claim goes with it.
    pub(super) fn delete_pod(&mut self, pod: usize) {
        if let Some(uid) = nth(self.pods.keys(), pod).cloned() {
            self.pods.remove(&uid);
            self.claims.retain(|_, claim| claim.for_pod.as_ref() != Some(&uid));
        }
    }

    fn is_bound(&self, claim: &Claim) -> bool {
        self.pods.values().any(|pod| pod.life == Life::Scheduled && pod.holds.contains(&claim.uid))
    }

    /// Those that are gone while a Pod holds their devices, until another of the name is.
    fn held(&self) -> impl Iterator<Item = &Claim> {
        let is_replaced = |gone: &Claim| self.claims.values().any(|it| it.name == gone.name && self.is_bound(it));
        self.vanished.iter().filter(move |gone| self.is_bound(gone) && !is_replaced(gone))
    }

    pub(super) fn is_held(&self, uid: &str) -> bool {
        self.held().any(|gone| gone.uid == uid)
    }

    /// One of those that a reconciler has seen. A colleague's alone is known to be held once that was seen, too.
    pub(super) fn vanish(&mut self, claim: usize, seen: &BTreeSet<String>) {
        let is_theirs = |claim: &Claim| {
            let mut holders = self.pods.values().filter(|pod| pod.holds.contains(&claim.uid));
            claim.shared || holders.all(|pod| pod.user == claim.user)
        };
        let held = |claim: &&Claim| seen.contains(&claim.uid) && self.is_bound(claim) && is_theirs(claim);
        let bound = self.claims.values().filter(held);
        if let Some(uid) = nth(bound, claim).map(|claim| claim.uid.clone()) {
            self.vanished.extend(self.claims.remove(&uid));
        }
    }

    pub(super) fn delete_claim(&mut self, claim: usize) {
        let free = self.claims.values().filter(|claim| !self.is_bound(claim));
        if let Some(uid) = nth(free, claim).map(|claim| claim.uid.clone()) {
            self.claims.remove(&uid);
        }
    }

    pub(super) fn delete_everything(&mut self) {
        self.pods.clear();
        self.claims.clear();
        self.way.clear();
    }

    pub(super) fn hear(&mut self) {
        self.heard = self.by_name();
    }

    /// No request lasts longer than the API server lets it.
    pub(super) fn wait(&mut self, time: SignedDuration) {
        self.now += time;
        self.way.retain(|it| self.now.duration_since(it.since) < REQUEST_TIMEOUT);
    }

    pub(super) fn exists(&self, uid: &str) -> bool {
        self.pods.contains_key(uid) || self.claims.contains_key(uid)
    }

    /// Whether it is there, and has not ended.
    pub(super) fn lives(&self, uid: &str) -> bool {
        self.claims.contains_key(uid) || self.pods.get(uid).is_some_and(|pod| pod.life != Life::Finished)
    }

    /// What a watch that has heard everything sees.
    pub(super) fn view(&self) -> View {
        let by_name = self.by_name();
        let pod = |pod: &Pod| (pod.uid.clone(), LivePod { charge: admit(pod, &by_name), life: pod.life });
        let bound = |claim: &Claim| self.is_bound(claim).then(Tags::default);
        let claim =
            |claim: &Claim| (claim.uid.clone(), LiveClaim { charge: made(claim), bound: bound(claim), got: None });
        View {
            pods: self.pods.values().map(pod).collect(),
            claims: self.claims.values().map(claim).collect(),
            passed: BTreeSet::new(),
            at: self.now,
        }
    }

    /// What lives costs this account: ungated Pods that have not ended, their own claims, those that they name, and those
    /// that are gone and that they hold. At
    /// least, and at most. Another user's claim costs what it costs once it is reserved for the Pod; before that only if the
    /// Pod was admitted with it. A claim that the controller will make anew costs what was reserved for it, unless somebody
    /// has seen a smaller one, which gave the difference back.
    pub(super) fn costs(&self, account: &Account) -> (Amounts, Amounts) {
        let pays = |user: &str| payers(user).0.contains_key(account);
        let live = || self.pods.values().filter(|pod| matches!(pod.life, Life::Waiting | Life::Scheduled));
        let pods = || live().filter(|pod| pays(pod.user)).map(|_| cores(1)).fold(Amounts::NOTHING, Amounts::plus);
        let is_named = |claim: &Claim| live().any(|pod| pod.claims.contains(&claim.name));
        let is_held = |claim: &Claim| {
            live().any(|pod| {
                let counts = pod.user == claim.user || claim.shared || pod.holds.contains(&claim.uid);
                claim.for_pod.as_ref() == Some(&pod.uid) || (counts && pod.claims.contains(&claim.name))
            })
        };
        let theirs = || self.claims.values().filter(|claim| pays(claim.user));
        let gone = || self.held().filter(|claim| pays(claim.user));
        let held = dearest(theirs().filter(|claim| is_held(claim)).chain(gone()));
        let named = dearest(theirs().filter(|claim| is_held(claim) || is_named(claim)).chain(gone()));
        let there = || self.claims.values().chain(self.held());
        let made = |pod: &&Pod| there().any(|claim| claim.for_pod.as_ref() == Some(&pod.uid));
        let to_come = || live().filter(|pod| pays(pod.user) && !made(pod));
        let least = to_come().filter_map(|pod| pod.least).map(gpus).chain(held).fold(pods(), Amounts::plus);
        (least, to_come().filter_map(|pod| pod.inline).map(gpus).chain(named).fold(pods(), Amounts::plus))
    }
}

/// What claims cost: of a name and a user, the dearest.
fn dearest<'a>(claims: impl Iterator<Item = &'a Claim>) -> impl Iterator<Item = Amounts> {
    let mut prices = BTreeMap::new();
    for claim in claims {
        let most = prices.entry((&claim.name, claim.user)).or_insert(claim.price);
        *most = claim.price.max(*most);
    }
    prices.into_values().map(gpus)
}

fn admit(pod: &Pod, known: &BTreeMap<String, Claim>) -> AdmitPod {
    let named = pod.claims.iter().map(|name| match known.get(name) {
        Some(claim) => Use::Claim {
            name: name.clone(),
            uid: claim.uid.clone(),
            price: gpus(claim.price),
            payers: payers(claim.user),
            shared: claim.shared,
        },
        None => Use::Unborn { name: name.clone() },
    });
    let own = pod.inline.map(|price| Use::Inline { reference: REFERENCE.to_owned(), price: gpus(price) });
    AdmitPod {
        uid: pod.uid.clone(),
        namespace: "llm".to_owned(),
        name: pod.name.clone(),
        amounts: cores(1),
        payers: payers(pod.user),
        uses: named.chain(own).collect(),
    }
}

fn made(claim: &Claim) -> ClaimMade {
    let for_pod = claim.for_pod.clone().map(|uid| ForPod { uid, reference: REFERENCE.to_owned() });
    ClaimMade {
        uid: claim.uid.clone(),
        namespace: "llm".to_owned(),
        name: claim.name.clone(),
        price: gpus(claim.price),
        payers: payers(claim.user),
        shared: claim.shared,
        for_pod,
    }
}

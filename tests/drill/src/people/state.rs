//! What there is at one revision, what of it is held, and what must not be.

use super::change::{Change, Kind};
use super::project::{PROJECT_LIMIT, USER_LIMIT};
use super::sums::{Amounts, thousandths};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

type Objects = BTreeMap<String, Value>;

#[derive(Default)]
pub(super) struct State {
    pods: Objects,
    claims: Objects,
    templates: Objects,
    /// By name: Pods that named one before it was deleted wait for the next of that name, and what was reserved stays.
    last_templates: Objects,
    volumes: Objects,
}

/// Something that holds, or has reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) user: String,
    pub(super) used: bool,
    pub(super) amounts: Amounts,
}

/// What must not be.
pub(super) struct Wrong {
    /// The same as long as it goes on.
    pub(super) what: String,
    pub(super) says: String,
    pub(super) details: String,
    /// The objects concerned.
    pub(super) names: BTreeSet<String>,
}

pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn each<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    object.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

fn user(object: &Value) -> &str {
    text(object, "/metadata/labels/platform-go~1user-id")
}

fn is_shared(claim: &Value) -> bool {
    text(claim, "/metadata/annotations/platform-go~1share") == "project"
}

fn is_finished(pod: &Value) -> bool {
    ["Succeeded", "Failed"].contains(&text(pod, "/status/phase"))
}

fn has_node(pod: &Value) -> bool {
    !text(pod, "/spec/nodeName").is_empty()
}

fn is_gated(pod: &Value) -> bool {
    each(pod, "/spec/schedulingGates").next().is_some()
}

fn is_bound(pod: &Value) -> bool {
    has_node(pod) && !is_finished(pod)
}

fn is_allocated(claim: &Value) -> bool {
    claim.pointer("/status/allocation").is_some_and(Value::is_object)
}

fn reserved_for(claim: &Value) -> impl Iterator<Item = &str> {
    each(claim, "/status/reservedFor").map(|it| text(it, "/uid"))
}

fn devices(claim: &Value) -> impl Iterator<Item = String> {
    each(claim, "/status/allocation/devices/results")
        .map(|it| [text(it, "/driver"), text(it, "/pool"), text(it, "/device")].join("/"))
}

/// The larger of what a container asks, was given and has.
fn requests(pod: &Value) -> Amounts {
    let of = |resource: &str, requests: Option<&Value>| {
        requests.and_then(|it| thousandths(&it[resource]).ok()).unwrap_or_default()
    };
    let mut sum = Amounts::default();
    for container in each(pod, "/spec/containers") {
        let status = each(pod, "/status/containerStatuses").find(|it| it["name"] == container["name"]);
        let asked = container.pointer("/resources/requests");
        let given = status.and_then(|it| it.pointer("/allocatedResources"));
        let has = status.and_then(|it| it.pointer("/resources/requests"));
        let most = |resource| of(resource, asked).max(of(resource, given)).max(of(resource, has));
        sum += Amounts { cpu: most("cpu"), memory: most("memory") / 1000, ..Amounts::default() };
    }
    sum
}

/// What a claim's spec asks: its devices, and the share of each that the driver is told.
fn price(spec: &Value) -> Amounts {
    let devices: u64 = each(spec, "/devices/requests")
        .map(|it| it.pointer("/exactly/count").and_then(Value::as_u64).unwrap_or(1))
        .sum();
    let share = "/opaque/parameters/sharing/mpsConfig/defaultActiveThreadPercentage";
    let told = each(spec, "/devices/config").filter_map(|it| it.pointer(share)?.as_u64()).next();
    Amounts { gpu: devices * told.unwrap_or(100) * 10, devices, ..Amounts::default() }
}

impl State {
    /// Takes an event over, and says what is wrong with what it led to.
    pub(super) fn take(&mut self, change: &Change) -> Vec<Wrong> {
        let id = uid(&change.object).to_owned();
        let objects = match change.kind {
            Kind::Pod => &mut self.pods,
            Kind::Claim => &mut self.claims,
            Kind::Template => &mut self.templates,
            Kind::Volume => &mut self.volumes,
            Kind::Owner => return Vec::new(),
        };
        if change.kind == Kind::Template {
            self.last_templates.insert(name(&change.object).to_owned(), change.object.clone());
        }
        let before = if change.is_gone { objects.remove(&id) } else { objects.insert(id, change.object.clone()) };
        let mut wrongs = self.judge_event(change, before.as_ref());
        wrongs.extend(self.over_limit());
        wrongs.extend(self.devices_twice());
        wrongs
    }

    /// The objects of these names, and the Pods that name them, as they are, as far as a difference depends on it.
    pub(super) fn describe(&self, names: &BTreeSet<String>) -> String {
        let all = [("Pod", &self.pods), ("ResourceClaim", &self.claims), ("ResourceClaimTemplate", &self.templates)];
        let mut lines = String::new();
        for (kind, object) in all.iter().flat_map(|(kind, objects)| objects.values().map(move |object| (kind, object)))
        {
            let names_one =
                || each(object, "/spec/resourceClaims").any(|it| names.contains(text(it, "/resourceClaimName")));
            if names.contains(name(object)) || names_one() {
                let (meta, status) = (&object["metadata"], &object["status"]);
                let _written = writeln!(
                    lines,
                    "  {kind} {} of {}: owners {}, finalizers {}, deleted {}, gates {}, claims {}, node {}, phase {}, made {}, reserved for {}, conditions {}",
                    name(object),
                    user(object),
                    meta["ownerReferences"],
                    meta["finalizers"],
                    meta["deletionTimestamp"],
                    object["spec"]["schedulingGates"],
                    object["spec"]["resourceClaims"],
                    object["spec"]["nodeName"],
                    status["phase"],
                    status["resourceClaimStatuses"],
                    status["reservedFor"],
                    status["conditions"]
                );
            }
        }
        lines
    }

    pub(super) fn is_empty(&self) -> bool {
        [&self.pods, &self.claims, &self.volumes].iter().all(|objects| objects.is_empty())
    }

    fn claim(&self, name_of: &str) -> Option<&Value> {
        self.claims.values().find(|claim| name(claim) == name_of)
    }

    /// What Pods hold and what is reserved for them: an ungated one its requests, and each claim of one once.
    pub(super) fn held(&self) -> Vec<Held> {
        let mut held = Vec::new();
        let mut seen = BTreeSet::new();
        for pod in self.pods.values().filter(|pod| has_node(pod) || !is_gated(pod)).filter(|pod| !is_finished(pod)) {
            let (kind, user_id) = ("Pod", user(pod).to_owned());
            let name_of = name(pod).to_owned();
            held.push(Held {
                kind,
                name: name_of.clone(),
                user: user_id.clone(),
                used: has_node(pod),
                amounts: requests(pod),
            });
            for reference in each(pod, "/spec/resourceClaims") {
                if let Some(claim) = self.claim_of(pod, reference) {
                    if seen.insert(uid(claim)) {
                        let holds = |it| self.pods.get(it).is_some_and(is_bound);
                        let used = is_allocated(claim) && reserved_for(claim).any(holds);
                        let (kind, name, user) = ("ResourceClaim", name(claim).to_owned(), user(claim).to_owned());
                        held.push(Held { kind, name, user, used, amounts: price(&claim["spec"]) });
                    }
                } else if let Some(amounts) = self.price_to_be(reference) {
                    let (kind, name, user) = ("ResourceClaim to be made", name_of.clone(), user_id.clone());
                    held.push(Held { kind, name, user, used: false, amounts });
                }
            }
        }
        held
    }

    /// The claim that a Pod means and may have, or has.
    fn claim_of(&self, pod: &Value, reference: &Value) -> Option<&Value> {
        if let Some(named) = reference["resourceClaimName"].as_str() {
            return self.claim(named).filter(|claim| {
                user(claim) == user(pod) || is_shared(claim) || reserved_for(claim).any(|it| it == uid(pod))
            });
        }
        let is_made = |it: &&Value| it["name"] == reference["name"];
        let made = each(pod, "/status/resourceClaimStatuses").find(is_made);
        let named = made.and_then(|it| self.claim(text(it, "/resourceClaimName")));
        let is_of = |claim: &&Value| {
            text(claim, "/metadata/ownerReferences/0/uid") == uid(pod)
                && text(claim, "/metadata/annotations/resource.kubernetes.io~1pod-claim-name") == reference["name"]
        };
        named.or_else(|| self.claims.values().find(is_of))
    }

    /// What is reserved for a claim that is still to be made. Where there never was such a template, one GPU is: these Pods
    /// have no labels that ask for another share.
    fn price_to_be(&self, reference: &Value) -> Option<Amounts> {
        let named = reference["resourceClaimTemplateName"].as_str()?;
        let one = Amounts { gpu: 1000, devices: 1, ..Amounts::default() };
        Some(self.last_templates.get(named).map_or(one, |template| price(&template["spec"]["spec"])))
    }

    /// What is bound, of all.
    pub(super) fn bound(&self) -> Amounts {
        let bound = self.bound_by();
        bound.into_iter().fold(Amounts::default(), |sum, held| sum + held.amounts)
    }

    /// What Pods on nodes hold: their requests, and the devices that are allocated for them.
    fn bound_by(&self) -> Vec<Held> {
        let pods = self.pods.values().filter(|pod| is_bound(pod)).map(|pod| Held {
            kind: "Pod",
            name: name(pod).to_owned(),
            user: user(pod).to_owned(),
            used: true,
            amounts: requests(pod),
        });
        let is_held =
            |claim: &&Value| reserved_for(claim).any(|it| self.pods.get(it).is_some_and(|pod| !is_finished(pod)));
        let claims = self.claims.values().filter(|claim| is_allocated(claim)).filter(is_held).map(|claim| {
            let count = u64::try_from(devices(claim).count()).unwrap_or(u64::MAX);
            let amounts = Amounts { devices: count, ..price(&claim["spec"]) };
            Held {
                kind: "ResourceClaim",
                name: name(claim).to_owned(),
                user: user(claim).to_owned(),
                used: true,
                amounts,
            }
        });
        pods.chain(claims).collect()
    }

    fn over_limit(&self) -> Vec<Wrong> {
        let bound = self.bound_by();
        let users: BTreeSet<&str> = bound.iter().map(|held| held.user.as_str()).collect();
        let accounts = users.into_iter().map(|user| (Some(user), USER_LIMIT)).chain([(None, PROJECT_LIMIT)]);
        let over = |(account, limit): (Option<&str>, Amounts)| {
            let held: Vec<&Held> = bound.iter().filter(|it| account.is_none_or(|user| it.user == user)).collect();
            let sum = held.iter().fold(Amounts::default(), |sum, held| sum + held.amounts);
            if sum.fits(limit) {
                return None;
            }
            let whose = account.unwrap_or("the project");
            Some(Wrong {
                what: format!("over the limit of {whose}"),
                says: format!("{whose} holds {sum}; the limit is {limit}"),
                details: show(&held),
                names: held.iter().map(|held| held.name.clone()).collect(),
            })
        };
        accounts.filter_map(over).collect()
    }

    fn devices_twice(&self) -> Vec<Wrong> {
        let mut holders: BTreeMap<String, &str> = BTreeMap::new();
        let mut wrongs = Vec::new();
        for claim in self.claims.values() {
            for device in devices(claim) {
                if let Some(other) = holders.insert(device.clone(), name(claim)) {
                    let says = format!("device {device} is in two allocations, of {other} and {}", name(claim));
                    wrongs.push(wrong(says, [other, name(claim)]));
                }
            }
        }
        wrongs
    }

    fn judge_event(&self, change: &Change, before: Option<&Value>) -> Vec<Wrong> {
        let object = &change.object;
        match change.kind {
            Kind::Pod if change.is_gone => before.and_then(forced).into_iter().collect(),
            Kind::Pod if is_bound(object) && !before.is_some_and(has_node) => {
                let volumes = volumes(object).filter_map(|named| self.volumes.values().find(|it| name(it) == named));
                volumes.filter_map(|volume| foreign(object, volume, "PersistentVolumeClaim")).collect()
            }
            Kind::Volume if !change.is_gone && before.is_none() => {
                let pods = self.pods.values().filter(|pod| is_bound(pod) && volumes(pod).any(|it| it == name(object)));
                pods.filter_map(|pod| foreign(pod, object, "PersistentVolumeClaim")).collect()
            }
            Kind::Claim if change.is_gone => {
                let held = reserved_for(before.unwrap_or(object)).filter_map(|it| self.pods.get(it));
                let held = held.filter(|pod| is_bound(pod));
                held.map(|pod| {
                    let says = format!("ResourceClaim {} went while Pod {} has its devices", name(object), name(pod));
                    wrong(says, [name(object), name(pod)])
                })
                .collect()
            }
            Kind::Claim if !is_shared(object) => {
                let had: BTreeSet<&str> = before.into_iter().flat_map(reserved_for).collect();
                let new = reserved_for(object).filter(|it| !had.contains(it)).filter_map(|it| self.pods.get(it));
                new.filter_map(|pod| foreign(pod, object, "ResourceClaim")).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn volumes(pod: &Value) -> impl Iterator<Item = &str> {
    each(pod, "/spec/volumes").filter_map(|it| it.pointer("/persistentVolumeClaim/claimName")?.as_str())
}

/// A Pod with a colleague's.
fn foreign(pod: &Value, object: &Value, kind: &str) -> Option<Wrong> {
    (user(pod) != user(object)).then(|| {
        let says = format!(
            "Pod {} of {} ({}) has {kind} {} of {} ({})",
            name(pod),
            user(pod),
            uid(pod),
            name(object),
            user(object),
            uid(object)
        );
        wrong(says, [name(pod), name(object)])
    })
}

/// A Pod with devices that was on a node and went without having been asked to end: its process would live on.
fn forced(pod: &Value) -> Option<Wrong> {
    let has_devices = each(pod, "/spec/resourceClaims").next().is_some();
    let was_asked = !text(pod, "/metadata/deletionTimestamp").is_empty();
    (is_bound(pod) && has_devices && !was_asked).then(|| {
        let says = format!("Pod {} ({}) had devices and went at once", name(pod), uid(pod));
        wrong(says, [name(pod)])
    })
}

fn wrong<const N: usize>(says: String, names: [&str; N]) -> Wrong {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Wrong { what: says.clone(), says, details: String::new(), names }
}

/// A line for each.
pub(super) fn show<'a>(held: impl IntoIterator<Item = &'a &'a Held>) -> String {
    held.into_iter().fold(String::new(), |mut text, held| {
        let Held { kind, name, user, used, amounts } = held;
        let how = if *used { "uses" } else { "reserves" };
        let _written = writeln!(text, "    {kind} {name} of {user} {how} {amounts}");
        text
    })
}

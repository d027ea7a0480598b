//! Where rules write in an object that is created.
//!
//! Whoever sees an object only before and after its admission tells by this what Sluice wrote: elsewhere the API server
//! and other webhooks fill things in. They fill in something at some of these places, too; then those are left out.

use std::collections::BTreeSet;

use jsonptr::PointerBuf;
use serde_json::{Map, Value};

use crate::contract;
use crate::submission::slots::mentions;
use crate::submission::volumes::TOLD;

/// Kubernetes' LimitRanger says here what it filled in, which would look like ours.
const LIMIT_RANGER: &str = "kubernetes.io/limit-ranger";
/// Kinds that Sluice never writes in.
const NEVER_HEARD_OF: [&str; 5] = ["Secret", "ConfigMap", "Ingress", "Endpoints", "EndpointSlice"];
const CONTAINERS: [&str; 2] = ["containers", "initContainers"];

/// The places at which rules may have written, for an object as it was submitted and as it was admitted.
pub fn places(before: &Value, after: &Value) -> Vec<PointerBuf> {
    // Who made these, the API server writes by itself.
    if after.get("kind").and_then(Value::as_str).is_some_and(|kind| NEVER_HEARD_OF.contains(&kind)) {
        return Vec::new();
    }
    let mut places = Places(Vec::new());
    places.keys_of_ours(&PointerBuf::new(), before, after);
    for spec in specs(before) {
        if let Some((pod, _)) = spec.split_back().filter(|(_, last)| last.encoded() == "spec") {
            places.keys_of_ours(&pod.to_buf(), before, after);
        }
        places.devices(&spec, before);
    }
    match after.get("kind").and_then(Value::as_str) {
        Some("Pod") => places.pod(before, after),
        Some("PersistentVolumeClaim") => places.volume_claim(before),
        Some("Service") => places.add(&PointerBuf::new(), &["spec", "selector", contract::USER_ID]),
        Some("PodDisruptionBudget") => {
            places.add(&PointerBuf::new(), &["spec", "selector", "matchLabels", contract::USER_ID]);
        }
        Some("ResourceClaim") => places.claim(before, after),
        Some(_) | None => {}
    }
    places.0.sort();
    places.0.dedup();
    places.0
}

/// The PodSpecs in an object, wherever its kind has them.
fn specs(object: &Value) -> Vec<PointerBuf> {
    let (mut found, mut left) = (Vec::new(), vec![(PointerBuf::new(), object)]);
    while let Some((at, value)) = left.pop() {
        let below = |key: &str| extended(&at, &[key]);
        match value {
            Value::Object(map) => {
                if value.get("containers").is_some_and(Value::is_array) {
                    found.push(at);
                } else {
                    left.extend(map.iter().map(|(key, value)| (below(key), value)));
                }
            }
            Value::Array(list) => {
                left.extend(list.iter().enumerate().map(|(at, value)| (below(&at.to_string()), value)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

fn extended(at: &PointerBuf, keys: &[&str]) -> PointerBuf {
    let mut at = at.clone();
    keys.iter().for_each(|key| at.push_back(*key));
    at
}

struct Places(Vec<PointerBuf>);

impl Places {
    fn add(&mut self, at: &PointerBuf, keys: &[&str]) {
        self.0.push(extended(at, keys));
    }

    /// Labels and annotations of the platform, and labels in which a slot is resolved.
    fn keys_of_ours(&mut self, at: &PointerBuf, before: &Value, after: &Value) {
        for map in ["labels", "annotations"] {
            let here = extended(at, &["metadata", map]);
            let entries = |object| here.resolve(object).ok().and_then(Value::as_object).into_iter().flat_map(Map::iter);
            let ours = |(key, value): &(&String, &Value)| {
                key.starts_with(contract::PREFIX) || (map == "labels" && value.as_str().is_some_and(mentions))
            };
            let keys: BTreeSet<_> = entries(before).chain(entries(after)).filter(ours).map(|(key, _)| key).collect();
            keys.into_iter().for_each(|key| self.add(&here, &[key]));
        }
    }

    /// What attaches claims of devices to a Pod, and texts that name them by a slot.
    fn devices(&mut self, spec: &PointerBuf, object: &Value) {
        self.add(spec, &["resourceClaims"]);
        for (at, container) in containers(spec, object) {
            self.add(&at, &["resources", "claims"]);
            for list in ["args", "command"] {
                for (index, word) in elements(container.get(list)) {
                    if word.as_str().is_some_and(mentions) {
                        self.add(&at, &[list, &index]);
                    }
                }
            }
            for (index, variable) in elements(container.get("env")) {
                if variable["value"].as_str().is_some_and(mentions) {
                    self.add(&at, &["env", &index, "value"]);
                }
            }
        }
    }

    fn pod(&mut self, before: &Value, after: &Value) {
        const FIELDS: [&[&str]; 5] = [
            &["spec", "automountServiceAccountToken"],
            &["spec", "priorityClassName"],
            &["spec", "schedulingGates"],
            &["spec", "securityContext", "runAsNonRoot"],
            &["spec", "securityContext", "runAsUser"],
        ];
        let root = PointerBuf::new();
        FIELDS.iter().for_each(|field| self.add(&root, field));
        // Where nothing is asked, the API server writes its own.
        if before["spec"].get("terminationGracePeriodSeconds").is_some() {
            self.add(&root, &["spec", "terminationGracePeriodSeconds"]);
        }
        let ranged = |object: &Value| object["metadata"]["annotations"].get(LIMIT_RANGER).cloned();
        let unranged = ranged(before) == ranged(after);
        for (at, container) in containers(&extended(&root, &["spec"]), before) {
            let asked = |list: &str| container["resources"][list].as_object();
            // Others are left as they are, and the API server makes a request of a limit.
            for resource in ["cpu", "memory"].into_iter().filter(|_| unranged) {
                let asks = |list| asked(list).is_some_and(|it| it.get(resource).is_some_and(|it| !it.is_null()));
                if !asks("requests") && !asks("limits") {
                    self.add(&at, &["resources", "requests", resource]);
                }
            }
            // What a claim stands for is taken out.
            for list in ["limits", "requests"] {
                let extended = asked(list).into_iter().flat_map(Map::keys).filter(|name| name.contains('/'));
                extended.for_each(|name| self.add(&at, &["resources", list, name]));
            }
        }
        self.affinity(before);
        self.mounts(before);
    }

    /// Where required terms are narrowed to the same user's Pods, or the same project's.
    fn affinity(&mut self, pod: &Value) {
        const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
        for kind in ["podAffinity", "podAntiAffinity"] {
            for (index, _) in elements(pod["spec"]["affinity"][kind].get(REQUIRED)) {
                for key in [contract::USER_ID, contract::PROJECT_ID] {
                    let labels = ["spec", "affinity", kind, REQUIRED, &index, "labelSelector", "matchLabels", key];
                    self.add(&PointerBuf::new(), &labels);
                }
            }
        }
    }

    /// Where mounts of volume claims are made read-only.
    fn mounts(&mut self, pod: &Value) {
        let root = PointerBuf::new();
        let volumes = elements(pod["spec"].get("volumes")).filter(|(_, it)| it["persistentVolumeClaim"].is_object());
        for (index, volume) in volumes {
            self.add(&root, &["spec", "volumes", &index, "persistentVolumeClaim", "readOnly"]);
            for (at, container) in containers(&extended(&root, &["spec"]), pod) {
                let mounts = elements(container.get("volumeMounts"));
                for (mount, _) in mounts.filter(|(_, mount)| mount["name"] == volume["name"]) {
                    self.add(&at, &["volumeMounts", &mount, "readOnly"]);
                }
            }
        }
    }

    /// What only the control plane says of a volume claim, and what a lane says. Without one, the API server fills in the
    /// cluster's default class.
    fn volume_claim(&mut self, claim: &Value) {
        for key in TOLD.iter().filter(|key| claim["metadata"]["annotations"].get(key).is_some()) {
            self.add(&PointerBuf::new(), &["metadata", "annotations", key]);
        }
        if claim["metadata"]["labels"][contract::STORAGE_LANE].is_string() {
            ["storageClassName", "accessModes"].iter().for_each(|key| self.add(&PointerBuf::new(), &["spec", key]));
        }
    }

    /// What protects a claim of devices, what narrows it, and what tells its driver.
    fn claim(&mut self, before: &Value, after: &Value) {
        self.add(&PointerBuf::new(), &["metadata", "finalizers"]);
        let devices = extended(&PointerBuf::new(), &["spec", "devices"]);
        if devices.resolve(before).is_err() {
            return self.add(&devices, &[]);
        }
        self.add(&devices, &["config"]);
        for (index, request) in elements(after.pointer("/spec/devices/requests")) {
            let at = extended(&devices, &["requests", &index]);
            let alternatives = elements(request.get("firstAvailable"));
            let alternatives = alternatives.map(|(index, it)| (extended(&at, &["firstAvailable", &index]), it));
            let exactly = request.get("exactly").map(|it| (extended(&at, &["exactly"]), it));
            for (at, asked) in exactly.into_iter().chain(alternatives) {
                ["selectors", "tolerations"].iter().for_each(|key| self.add(&at, &[key]));
                let amounts = asked["capacity"]["requests"].as_object().into_iter().flat_map(Map::keys);
                amounts.for_each(|name| self.add(&at, &["capacity", "requests", name]));
            }
        }
    }
}

fn containers<'a>(spec: &PointerBuf, object: &'a Value) -> Vec<(PointerBuf, &'a Value)> {
    let of = |list: &'static str| {
        let at = extended(spec, &[list]);
        elements(at.resolve(object).ok()).map(|(index, it)| (extended(&at, &[&index]), it)).collect::<Vec<_>>()
    };
    CONTAINERS.into_iter().flat_map(of).collect()
}

fn elements(list: Option<&Value>) -> impl Iterator<Item = (String, &Value)> {
    list.and_then(Value::as_array).into_iter().flatten().enumerate().map(|(index, it)| (index.to_string(), it))
}

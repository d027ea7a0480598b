//! What is kept of a plan is read back as it was, also by a later version.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::world::*;
use crate::daemons::common::PodName;
use crate::daemons::preemption::Preemption;
use crate::daemons::preemption::why::{Because, Lack, Missing, Spared, WhyNot};

/// Reads as this, and back.
fn is_kept_as<T: Serialize + DeserializeOwned + PartialEq + Debug>(it: &T, expected: &Value) {
    let kept = serde_json::to_value(it).expect("JSON");
    assert_eq!(kept, *expected);
    assert_eq!(serde_json::from_value::<T>(kept).expect("what was kept"), *it);
}

#[test]
fn a_preemption_is_read_back_as_it_was() {
    let mut view = cluster(&[("n1", 2)]);
    view.runs("a", "batch", "n1", &[0], 20);
    view.runs("b", "batch", "n1", &[1], 10);
    view.waits("w", "research", 1);
    let plan = view.planned(&policy([]));
    let device = json!({"driver": "gpu.nvidia.com", "pool": "n1", "device": "gpu-1"});
    let (given, victim) = (&plan.preemptions[0].placements[0].devices[0], &plan.preemptions[0].victims[0]);
    let mut expected = json!({
        "place": 0,
        "placements": [{
            "uid": plan.preemptions[0].placements[0].uid, "pod": {"namespace": "nlp", "name": "w"}, "node": "n1",
            "devices": [{
                "claim": given.claim, "request": given.request, "device": device, "takes": null, "freed": true,
            }],
        }],
        "victims": [{
            "uid": victim.uid, "pod": {"namespace": "nlp", "name": "b"}, "queue": "batch", "budget": null,
            "because": {"lower": {"queue": "batch", "priority": 10, "than": "research", "thanPriority": 100}},
            "graceSeconds": 0, "askedSince": null,
        }],
        "hold": [device],
        "spared": [{"pod": {"namespace": "nlp", "name": "a"}, "because": "notNeeded"}],
        "asker": {"whose": "namespace/nlp", "queue": "research"},
    });
    is_kept_as(&plan.preemptions[0], &expected);
    // An earlier version did not write these.
    expected["victims"][0]
        .as_object_mut()
        .expect("a victim")
        .retain(|key, _| !["graceSeconds", "askedSince"].contains(&key.as_str()));
    expected.as_object_mut().expect("a preemption").remove("asker");
    let earlier: Preemption = serde_json::from_value(expected).expect("what was kept");
    assert_eq!(earlier, Preemption { asker: None, ..plan.preemptions[0].clone() });
}

#[test]
fn who_waits_on_is_read_back_as_it_was() {
    let mut view = cluster(&[("n1", 1)]);
    view.runs("a", "research", "n1", &[0], 20);
    view.waits("w", "research", 1);
    let plan = view.planned(&policy([]));
    let waiting = &plan.waiting[0];
    let not_lower = json!({"notLower": {"queue": "research", "than": "research"}});
    let expected = json!({
        "place": 0, "uid": waiting.uid, "pod": {"namespace": "nlp", "name": "w"}, "countsOn": null,
        "why": {"missing": {"nodes": {"kept": 1}, "together": null}},
        "spared": [{"pod": {"namespace": "nlp", "name": "a"}, "because": not_lower}],
    });
    is_kept_as(waiting, &expected);
}

#[test]
fn every_reason_has_a_name_of_its_own() {
    let above = Because::Above { queue: "batch".into(), in_use: 2500, deserved: 1000, below: "research".into() };
    let numbers = json!({"above": {"queue": "batch", "inUse": 2500, "deserved": 1000, "below": "research"}});
    is_kept_as(&above, &numbers);
    for (spared, expected) in [
        (Spared::Exempt, json!("exempt")),
        (Spared::Critical, json!("critical")),
        (Spared::NoQueue("gone".into()), json!({"noQueue": "gone"})),
        (Spared::NotEnforced("lax".into()), json!({"notEnforced": "lax"})),
        (Spared::SharesClaim, json!("sharesClaim")),
        (Spared::NotPreemptible("batch".into()), json!({"notPreemptible": "batch"})),
        (
            Spared::Floor { queue: "batch".into(), in_use: 2, deserved: 1 },
            json!({"floor": {"queue": "batch", "inUse": 2, "deserved": 1}}),
        ),
        (Spared::Budget("nlp/b".into()), json!({"budget": "nlp/b"})),
    ] {
        is_kept_as(&spared, &expected);
    }
    let pods = vec![pod("a", "batch").pod];
    let name = json!([{"namespace": "nlp", "name": "a"}]);
    for (why, expected) in [
        (WhyNot::Fits("n1".into()), json!({"fits": "n1"})),
        (
            WhyNot::Ending { node: "n1".into(), pods: pods.clone() },
            json!({"ending": {"node": "n1", "pods": name.clone()}}),
        ),
        (WhyNot::UnderWay("n1".into()), json!({"underWay": "n1"})),
        (WhyNot::NoClaim("c".into()), json!({"noClaim": "c"})),
        (WhyNot::ClaimFull(pods[0].clone()), json!({"claimFull": name[0]})),
        (
            WhyNot::GangIncomplete { workload: "job/train".into(), have: 1, size: 2 },
            json!({"gangIncomplete": {"workload": "job/train", "have": 1, "size": 2}}),
        ),
        (
            WhyNot::WouldTake { node: "n1".into(), pods, projects: ["lax".into()].into() },
            json!({"wouldTake": {"node": "n1", "pods": name, "projects": ["lax"]}}),
        ),
        (
            WhyNot::Missing(Missing { nodes: [(Lack::Unlisted, 2)].into(), together: Some(8) }),
            json!({"missing": {"nodes": {"unlisted": 2}, "together": 8}}),
        ),
        (WhyNot::NextTurn, json!("nextTurn")),
    ] {
        is_kept_as(&why, &expected);
    }
}

#[test]
fn people_read_no_names_of_other_projects() {
    let [own, other] = [pod("a", "batch").pod, PodName { namespace: "secret".into(), name: "b".into() }];
    let why =
        |pods: Vec<PodName>| WhyNot::WouldTake { node: "n1".into(), pods, projects: ["secret-project".into()].into() };
    let both = why(vec![own.clone(), other.clone()]);
    assert!(both.to_string().contains("secret/b") && both.to_string().contains("secret-project"), "{both}");
    let said = "it would fit on node n1 without nlp/a and 1 pod of other namespaces; nobody is evicted in projects where the rule queue is not enforced";
    assert_eq!(both.to_people_of("nlp"), said);
    assert_eq!(why(vec![other]).to_people_of("nlp"), said.replace("nlp/a and ", ""));
}

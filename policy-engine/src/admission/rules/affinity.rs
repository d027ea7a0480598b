//! # affinity: what a Pod requires of Pods beside it, it requires of its user's
//!
//! A required anti-affinity keeps others' Pods away as well: the scheduler puts nothing that it selects beside the Pod,
//! in whichever namespace. One Pod without requests could so close every node, or a whole zone, to colleagues and to
//! other projects.
//!
//! So on Pods, the platform narrows each required term of `podAffinity` and `podAntiAffinity` to Pods of the same user:
//! it writes `platform-go/user-id` into the term's `labelSelector`. Where the project says that its people spread
//! together (`Project.spec.spreadTogether`), it narrows them to the project's Pods, by `platform-go/project-id`. What a chart
//! says of its own replicas means the same as before, by node and by zone. Templates stay as they are, and so do
//! preferred terms, which keep nobody away. A term whose `matchLabelKeys` has that label is as narrow already.
//!
//! The platform refuses a required term whose `mismatchLabelKeys` has it. It asks for nobody but others' Pods.

use k8s_openapi::api::core::v1::PodAffinityTerm;

use crate::admission::findings::Findings;
use crate::contract;
use crate::object::Object;
use crate::object::place::Place;
use crate::submission::case::Case;
use crate::submission::identity::Owner;
use crate::submission::pod::Pod;

const KINDS: [&str; 2] = ["podAffinity", "podAntiAffinity"];
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    let key = if case.project.spread_together { contract::PROJECT_ID } else { contract::USER_ID };
    if case.new_pod().is_some() || !case.is_pod() {
        case.pods.iter().for_each(|pod| others(key, pod, say));
    }
    let Some(pod) = case.new_pod() else { return };
    let owner = case.owner.as_ref().ok().and_then(Owner::id);
    let Some(value) = (if case.project.spread_together { Some(case.project.id.as_str()) } else { owner }) else {
        return;
    };
    for (kind, terms) in KINDS.into_iter().zip(required(pod)) {
        for (index, _) in terms.iter().enumerate().filter(|(_, term)| is_wide(term, key)) {
            say.impose(term_at(pod.at(["spec"]), kind, index).key("labelSelector").key("matchLabels").key(key), value);
        }
    }
}

/// A term without a selector selects no Pod. The API server itself writes the Pod's own labels of `matchLabelKeys` into the
/// selector, and refuses one that has them already.
fn is_wide(term: &PodAffinityTerm, key: &str) -> bool {
    term.label_selector.is_some() && !term.match_label_keys.iter().flatten().any(|it| it == key)
}

fn others(key: &str, pod: &Pod<'_>, say: &mut Findings) {
    for (kind, terms) in KINDS.into_iter().zip(required(pod)) {
        for (index, term) in terms.iter().enumerate() {
            let keys = term.mismatch_label_keys.iter().flatten().enumerate();
            for (at, _) in keys.filter(|(_, it)| *it == key) {
                let why = format!(
                    "asked {key}, so for Pods of others alone; what a Pod requires reaches {} own; leave it out, or prefer it (preferredDuringSchedulingIgnoredDuringExecution)",
                    if key == contract::PROJECT_ID { "its project's" } else { "its user's" }
                );
                say.deny(term_at(pod.at(["spec"]), kind, index).key("mismatchLabelKeys").index(at), why);
            }
        }
    }
}

fn required<'p>(pod: &'p Pod<'_>) -> [&'p [PodAffinityTerm]; 2] {
    let affinity = pod.spec.affinity.as_ref();
    let near = affinity
        .and_then(|it| it.pod_affinity.as_ref()?.required_during_scheduling_ignored_during_execution.as_deref());
    let apart = affinity
        .and_then(|it| it.pod_anti_affinity.as_ref()?.required_during_scheduling_ignored_during_execution.as_deref());
    [near, apart].map(Option::unwrap_or_default)
}

fn term_at(spec: Place, kind: &'static str, index: usize) -> Place {
    spec.key("affinity").key(kind).key(REQUIRED).index(index)
}

/// The places of a Pod that exists which this rule may have written, as far as the object has the terms still.
pub(crate) fn written(old: Object<'_>, object: Object<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for kind in KINDS {
        let count = |object: Object<'_>| {
            object.at(&["spec", "affinity", kind, REQUIRED]).and_then(|it| it.as_array()).map_or(0, Vec::len)
        };
        for index in 0..count(old).min(count(object)) {
            let labels = term_at(Place::of(["spec"]), kind, index).key("labelSelector").key("matchLabels");
            places.extend([contract::USER_ID, contract::PROJECT_ID].map(|key| labels.clone().key(key)));
        }
    }
    places.retain(|place| place.resolve(old.0).is_some());
    places
}

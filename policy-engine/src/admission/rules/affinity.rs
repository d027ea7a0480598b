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
//! preferred terms, which keep nobody away.
//!
//! This rule refuses nothing.

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
    let Some(pod) = case.new_pod() else { return };
    let (key, value) = if case.project.spread_together {
        (contract::PROJECT_ID, case.project.id.as_str())
    } else {
        let Some(user) = case.owner.as_ref().ok().and_then(Owner::id) else { return };
        (contract::USER_ID, user)
    };
    for (kind, terms) in KINDS.into_iter().zip(required(pod)) {
        // A term without a selector selects no Pod.
        for (index, _) in terms.iter().enumerate().filter(|(_, term)| term.label_selector.is_some()) {
            say.set(selector(pod.at(["spec"]), kind, index).key(key), value);
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

fn selector(spec: Place, kind: &'static str, index: usize) -> Place {
    spec.key("affinity").key(kind).key(REQUIRED).index(index).key("labelSelector").key("matchLabels")
}

/// The places of a Pod that exists which this rule may have written, as far as the object has the terms still.
pub(crate) fn written(old: Object<'_>, object: Object<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for kind in KINDS {
        let count = |object: Object<'_>| {
            object.at(&["spec", "affinity", kind, REQUIRED]).and_then(|it| it.as_array()).map_or(0, Vec::len)
        };
        for index in 0..count(old).min(count(object)) {
            let labels = selector(Place::of(["spec"]), kind, index);
            places.extend([contract::USER_ID, contract::PROJECT_ID].map(|key| labels.clone().key(key)));
        }
    }
    places.retain(|place| place.resolve(old.0).is_some());
    places
}

//! Kinds that an admin listed with pointers that lead to nothing.

use crate::admission::findings::Findings;
use crate::submission::case::Case;
use crate::submission::pod::Written;

/// Says that nothing can be said beforehand of a workload's Pods. Some of a kind's pointers lead to what is optional, so that one
/// which leads to a container is enough. What is no Pod, pod template or list of containers looks like a Pod that says nothing: a
/// pointer may lead a level too deep, or to a map of what it should lead to.
pub(super) fn warn(case: &Case<'_>, say: &mut Findings) {
    let Some(kind) = case.policy.platform().workload_kind(&case.submission.resource) else { return };
    let Some(object) = case.submission.changed_object() else { return };
    if kind.of.is_workspace() {
        return;
    }
    if kind.pod_templates.is_empty() || Written::all(object, kind).iter().any(Written::has_containers) {
        return;
    }
    let pointers: Vec<_> = kind.pod_templates.iter().map(ToString::to_string).collect();
    say.warn(format_args!(
        "no container is described at {}, where PlatformPolicy.spec.workloadKinds looks for the Pods of {}: nothing is known of what they run yet, and each is judged when it is made; if they are described elsewhere, ask an admin to correct the pointers",
        pointers.join(" or "),
        kind.of
    ));
}

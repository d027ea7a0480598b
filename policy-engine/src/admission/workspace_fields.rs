//! Which field of a workspace a field of its Pod follows from: people read of what they wrote.

use crate::admission::decision::Decision;
use crate::contract;
use crate::object::place::Place;
use crate::workspace::POD;

/// Of a decision on the Pod that a workspace will be, what it says of the workspace: its fields, and of what would be written to the
/// Pod what is written to the workspace already, which is the claim that a slot means.
pub(crate) fn of_workspace(decision: &mut Decision) {
    for denial in decision.denials.iter_mut().chain(&mut decision.unenforced) {
        denial.field = said(&denial.field);
        denial.message = said(&denial.message);
    }
    decision.warnings.iter_mut().for_each(|warning| *warning = said(warning));
    let slot = Place::of([POD, "spec", "resourceClaims"]).index(0).key("resourceClaimName");
    decision.mutations.iter_mut().filter(|it| it.at == slot).for_each(|it| it.at = Place::of(["spec", "claimName"]));
    let is_of_pod = |at: &Place| at.below(&Place::of([POD])).is_some();
    decision.mutations.retain(|it| !is_of_pod(&it.at));
    decision.unimposed.retain(|it| !is_of_pod(&it.at));
}

/// The text, with the fields of the Pod in it replaced.
fn said(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let (place, rest) = match word.find([',', ';', ':']) {
            Some(end) => word.split_at(end),
            None => (word, ""),
        };
        place.strip_prefix("pod.").and_then(field).map_or_else(|| word.to_owned(), |field| format!("{field}{rest}"))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The labels and annotations of a Pod, and the fields that they follow from.
const KEYS: [(&str, &str); 9] = [
    (contract::QUEUE_NAME, "spec.queue"),
    (contract::GPU_MODEL, "spec.gpu.model"),
    (contract::GPU_COUNT, "spec.gpu.count"),
    (contract::SM_PERCENT, "spec.gpu.smPercent"),
    (contract::VRAM_POLICY, "spec.gpu.vramPolicy"),
    (contract::PINNED_MEMORY, "spec.gpu.pinnedMemory"),
    (contract::SHARING_MODE, "spec.gpu"),
    (contract::ROOT_SHELL, "spec.rootShell"),
    (contract::ACTIVITY_PATH, "spec.activityPath"),
];

/// The field of a workspace that a field of its Pod follows from; `None` for what is no field of a Pod.
fn field(of_pod: &str) -> Option<String> {
    if let Some(key) = of_pod.strip_prefix("metadata.") {
        let is = |known: &str| key.ends_with(&format!("[{known}]"));
        return Some(KEYS.iter().find(|(known, _)| is(known)).map_or("spec", |(_, field)| field).to_owned());
    }
    let of_spec = of_pod.strip_prefix("spec")?;
    let Some(of_spec) = of_spec.strip_prefix('.') else { return Some("spec".to_owned()) };
    let (head, rest) = of_spec.split_at(of_spec.find(['.', '[']).unwrap_or(of_spec.len()));
    Some(match head {
        "containers" => of_container(rest.strip_prefix("[0]").unwrap_or_default()),
        // The last of a Pod's volumes is its shared memory, and of that nothing is told.
        "volumes" => format!("spec.volumes{}", rest.replace(".persistentVolumeClaim", "")),
        "resourceClaims" => "spec.claimName".to_owned(),
        "imagePullSecrets" => format!("spec.imagePullSecrets{}", rest.trim_end_matches(".name")),
        "securityContext" if rest == ".fsGroup" => "spec.fsGroup".to_owned(),
        _ => "spec".to_owned(),
    })
}

fn of_container(rest: &str) -> String {
    let Some(rest) = rest.strip_prefix('.') else { return "spec".to_owned() };
    let (head, rest) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
    match head {
        "image" | "command" | "args" | "env" => format!("spec.{head}{rest}"),
        "ports" => "spec.port".to_owned(),
        "volumeMounts" => format!("spec.volumes{rest}"),
        "resources" if rest.ends_with(".cpu") => "spec.resources.cpu".to_owned(),
        "resources" if rest.ends_with(".memory") => "spec.resources.memory".to_owned(),
        "resources" => "spec.resources".to_owned(),
        _ => "spec".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_of_the_fields_that_they_wrote() {
        for (of_pod, of_workspace) in [
            ("pod.spec.containers[0].image", "spec.image"),
            ("pod.spec.containers[0].env[3].value", "spec.env[3].value"),
            ("pod.spec.containers[0].resources.requests.memory", "spec.resources.memory"),
            ("pod.spec.volumes[1].persistentVolumeClaim.claimName", "spec.volumes[1].claimName"),
            ("pod.spec.containers[0].volumeMounts[1].readOnly", "spec.volumes[1].readOnly"),
            ("pod.metadata.labels[platform-go/dra-gpu-model]", "spec.gpu.model"),
            ("pod.metadata.annotations[platform-go/root-shell]", "spec.rootShell"),
            ("pod.spec.resourceClaims[0].resourceClaimName", "spec.claimName"),
            ("pod.spec.imagePullSecrets[0].name", "spec.imagePullSecrets[0]"),
            ("pod.spec", "spec"),
            ("pod.spec.securityContext: its Pods get", "spec: its Pods get"),
            ("quota: pod.spec: asked 9 GPU, pod.x", "quota: spec: asked 9 GPU, pod.x"),
            ("metadata.labels[platform-go/user-id]", "metadata.labels[platform-go/user-id]"),
        ] {
            assert_eq!(said(of_pod), of_workspace);
        }
    }
}

//! # service-account-token: Pods carry no API token unless the project allows it
//!
//! `Project.spec.allowServiceAccountToken` lets Pods have the token of their service account. Elsewhere the platform
//! writes `automountServiceAccountToken: false` on Pods and takes out the volume and the mounts that the API server
//! added; either alone would not last. A projected token that somebody wrote into a Pod or a template is refused.

use std::fmt;

use k8s_openapi::api::core::v1::Volume;

use crate::case::{Act, Case};
use crate::findings::Findings;
use crate::pod::Pod;
use crate::policy::names::ProjectName;

/// The API server names the volume that it adds so, with five random characters behind.
const ADDED_BY_API_SERVER: &str = "kube-api-access-";

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    // A living Pod's volumes cannot change, so its token is not the editor's asking.
    let living = case.is_pod() && case.submission.act == Act::Update;
    if case.project.allow_service_account_token || living {
        return;
    }
    let new_pod = case.new_pod().is_some();
    for pod in &case.pods {
        for (index, volume) in pod.spec.volumes.iter().flatten().enumerate() {
            let here = pod.at(["spec", "volumes"]).index(index);
            let tokens = token_sources(volume);
            if tokens.is_empty() {
                continue;
            }
            if new_pod && volume.name.starts_with(ADDED_BY_API_SERVER) {
                say.discard(here);
                discard_mounts(pod, &volume.name, say);
                continue;
            }
            for source in tokens {
                let field = here.clone().key("projected").key("sources").index(source).key("serviceAccountToken");
                say.deny(field, NotAllowed { project: &case.project.name });
            }
        }
    }
    if let Some(pod) = case.new_pod() {
        say.set(pod.at(["spec", "automountServiceAccountToken"]), false);
    }
}

fn token_sources(volume: &Volume) -> Vec<usize> {
    let sources = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten()).enumerate();
    sources.filter(|(_, source)| source.service_account_token.is_some()).map(|(index, _)| index).collect()
}

fn discard_mounts(pod: &Pod<'_>, volume: &str, say: &mut Findings) {
    for container in pod.containers() {
        for (index, _) in container.mounts.iter().enumerate().filter(|(_, mount)| mount.name == volume) {
            say.discard(container.at(["volumeMounts"]).index(index));
        }
    }
}

struct NotAllowed<'a> {
    project: &'a ProjectName,
}

impl fmt::Display for NotAllowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project } = self;
        write!(
            f,
            "asked a service-account token; project {project} allows none; remove the source, or ask a project Admin for allowServiceAccountToken"
        )
    }
}

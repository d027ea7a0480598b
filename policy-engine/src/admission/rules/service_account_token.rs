//! # service-account-token: Pods carry no API token unless the project allows it
//!
//! `Project.spec.allowServiceAccountToken` lets Pods have the token of their service account. What a Pod makes with it is the
//! Pod's user's: the rule `project` says so. In other projects, the
//! platform writes `automountServiceAccountToken: false` on Pods, and removes the volume and the mounts that the API
//! server added; either alone would not last. It refuses a projected token that somebody wrote into a Pod or a
//! template, and likewise a certificate that says who the Pod is (`podCertificate`) and the cluster's trust anchors
//! (`clusterTrustBundle`). It also refuses a Secret of type `kubernetes.io/service-account-token`, since the control plane
//! would write a lasting token into it. Who names another account than `default`, or asks for a token, is warned that there will be none.

use std::collections::HashSet;
use std::fmt;

use k8s_openapi::api::core::v1::{Volume, VolumeProjection};

use crate::admission::findings::Findings;
use crate::object::Object;
use crate::object::place::Place;
use crate::policy::names::ProjectName;
use crate::submission::Act;
use crate::submission::case::Case;
use crate::submission::pod::Pod;

/// The API server names the volume that it adds so, with five random characters behind.
const ADDED_BY_API_SERVER: &str = "kube-api-access-";

/// The account that a Pod has which names none; the API server fills it in.
const DEFAULT_ACCOUNT: &str = "default";

const TOKEN: &str = "a service-account token";
const TOKEN_SECRET: &str = "kubernetes.io/service-account-token";

pub(super) fn judge(case: &Case<'_>, say: &mut Findings) {
    // A living Pod's volumes cannot change, so its token is not the editor's asking.
    let living = case.is_pod() && case.submission.act == Act::Update;
    if case.project.allow_service_account_token || living {
        return;
    }
    let new_pod = case.new_pod().is_some();
    if case.is_secret() {
        return secret(case, say);
    }
    // A rule that only warns takes nothing away that the API server has added.
    let takes_away = new_pod && say.imposes();
    for pod in &case.pods {
        let mut discarded = HashSet::new();
        for (index, volume) in pod.spec.volumes.iter().flatten().enumerate() {
            let here = pod.at(["spec", "volumes"]).index(index);
            let sources = identity_sources(volume);
            if sources.is_empty() {
                continue;
            }
            if new_pod && !takes_away && volume.name.starts_with(ADDED_BY_API_SERVER) {
                continue;
            }
            if takes_away && volume.name.starts_with(ADDED_BY_API_SERVER) {
                say.discard(here);
                discarded.insert(volume.name.as_str());
                continue;
            }
            for (source, (key, what)) in sources {
                let field = here.clone().key("projected").key("sources").index(source).key(key);
                say.deny(field, NotAllowed { what, project: &case.project.name });
            }
        }
        discard_mounts(pod, &discarded, say);
    }
    let tells = say.imposes() && case.is_read_by_people();
    for pod in case.pods.iter().filter(|_| tells) {
        no_token(case, pod, say);
    }
    if let Some(pod) = case.new_pod() {
        say.impose(pod.at(["spec", "automountServiceAccountToken"]), false);
    }
}

/// Who names an account, or asks for its token, hears that there will be none. Of a Pod's own asking people are told where it is written anew.
fn no_token(case: &Case<'_>, pod: &Pod<'_>, say: &mut Findings) {
    let account = pod.spec.service_account_name.as_deref().filter(|name| !name.is_empty() && *name != DEFAULT_ACCOUNT);
    let asks = pod.spec.automount_service_account_token == Some(true) && !case.is_pod();
    let (key, what) = match (account, asks) {
        (Some(account), _) if pod.spec.automount_service_account_token != Some(false) => {
            ("serviceAccountName", format!("of {account}"))
        }
        (_, true) => ("automountServiceAccountToken", "of a service account".to_owned()),
        (_, _) => return,
    };
    let (at, project, whose) =
        (pod.at(["spec", key]), &case.project.name, if case.is_pod() { "it" } else { "its Pods" });
    say.warn(format_args!(
        "{at}: no token {what} for {whose}: project {project} allows none; ask a platform Admin for allowServiceAccountToken if it speaks to the API server"
    ));
}

/// A Secret's type never changes, so that only its making is judged.
fn secret(case: &Case<'_>, say: &mut Findings) {
    let asks = |object: Object<'_>| object.at(&["type"]).and_then(|it| it.as_str()) == Some(TOKEN_SECRET);
    if case.submission.act == Act::Create && case.object().is_some_and(asks) {
        say.deny(Place::of(["type"]), NotAllowed { what: TOKEN, project: &case.project.name });
    }
}

/// The sources of a volume that say who the Pod is, or whom it may trust: which each is, and its name for people.
fn identity_sources(volume: &Volume) -> Vec<(usize, (&'static str, &'static str))> {
    let sources = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
    let identity = |source: &VolumeProjection| {
        let token = source.service_account_token.as_ref().map(|_| ("serviceAccountToken", TOKEN));
        let certificate = || source.pod_certificate.as_ref().map(|_| ("podCertificate", "a Pod certificate"));
        let anchors = || source.cluster_trust_bundle.as_ref().map(|_| ("clusterTrustBundle", "a ClusterTrustBundle"));
        token.or_else(certificate).or_else(anchors)
    };
    sources.enumerate().filter_map(|(index, source)| Some((index, identity(source)?))).collect()
}

/// Two volumes of one name are refused by the API server later; each mount is removed once all the same.
fn discard_mounts(pod: &Pod<'_>, volumes: &HashSet<&str>, say: &mut Findings) {
    if volumes.is_empty() {
        return;
    }
    for container in pod.containers() {
        let mounts = container.mounts.iter().enumerate();
        for (index, _) in mounts.filter(|(_, mount)| volumes.contains(mount.name.as_str())) {
            say.discard(container.at(["volumeMounts"]).index(index));
        }
    }
}

struct NotAllowed<'a> {
    what: &'static str,
    project: &'a ProjectName,
}

impl fmt::Display for NotAllowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, project } = self;
        write!(
            f,
            "asked {what}; project {project} allows none; leave it out, or ask a platform Admin for allowServiceAccountToken"
        )
    }
}

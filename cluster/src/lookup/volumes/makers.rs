//! For whom a StatefulSet's controller makes a claim. It sets no owner reference: the claim's name is all that tells.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::Api;
use kube::core::ObjectMeta;
use policy_engine::policy::ids::UserId;
use policy_engine::submission::identity::ControllerOwner;
use policy_engine::{Act, Submission, contract};
use tokio::time::Instant;

use super::Volumes;
use crate::client::{LookupFailed, is_path_segment};
use crate::lookup::whole;

const KIND: &str = "StatefulSet";
/// A claim's name with more dashes may be made of more names than can be asked for in time.
const MOST_CANDIDATES: usize = 32;
/// The second is every controller's where the controller manager does not use an account for each.
const CONTROLLERS: [&str; 2] =
    ["system:serviceaccount:kube-system:statefulset-controller", "system:kube-controller-manager"];

impl Volumes {
    /// The StatefulSet for which its controller makes a claim: the one whose claim template, name and ordinal give the
    /// claim's name. Where several do, they must be one user's.
    ///
    /// # Errors
    /// Where the API server did not answer.
    pub async fn maker(
        &self,
        submission: &Submission<'_>,
        deadline: Instant,
    ) -> Result<Option<ControllerOwner>, LookupFailed> {
        let is_claim = submission.act == Act::Create && submission.resource.is_core("persistentvolumeclaims");
        if !is_claim || !CONTROLLERS.contains(&submission.requester.username) {
            return Ok(None);
        }
        let api = Api::<StatefulSet>::namespaced(self.client.clone(), submission.namespace);
        let mut makers = Vec::new();
        for (at, name) in candidates(submission.name).enumerate() {
            let what = || format!("statefulset {}/{name}", submission.namespace);
            if at == MOST_CANDIDATES {
                return Err(LookupFailed::TooMany { what: what(), most: MOST_CANDIDATES });
            }
            let set = whole(deadline, &what, async {
                let set = api.get_opt(name).await?.filter(|set| makes(set, submission.name));
                Ok(set.map(|set| stamp(set.metadata)))
            });
            makers.extend(set.await?.map(|user_id| (name, user_id)));
        }
        Ok(maker(makers))
    }
}

/// The names that a set may have which makes a claim of this name: `<template>-<set>-<ordinal>`.
fn candidates(claim: &str) -> impl Iterator<Item = &str> {
    let stem = claim.rsplit_once('-').filter(|(_, ordinal)| is_ordinal(ordinal)).map_or("", |(stem, _)| stem);
    stem.match_indices('-').map(|(at, dash)| &stem[at + dash.len()..]).filter(|name| is_path_segment(name))
}

fn stamp(meta: ObjectMeta) -> Option<UserId> {
    meta.labels?.remove(contract::USER_ID).map(UserId::new)
}

/// One of these sets, with its stamp, makes the claim.
fn maker(makers: Vec<(&str, Option<UserId>)>) -> Option<ControllerOwner> {
    let users: BTreeSet<_> = makers.iter().map(|(_, user_id)| user_id).collect();
    if users.len() > 1 {
        let whose = |user_id: &Option<UserId>| user_id.as_ref().map_or_else(|| "nobody".into(), UserId::to_string);
        let claimants = makers.iter().map(|(name, user_id)| format!("{KIND} {name} of {}", whose(user_id))).collect();
        return Some(ControllerOwner::Several { claimants });
    }
    let (name, user_id) = makers.into_iter().next()?;
    Some(ControllerOwner::Stamped { kind: KIND.into(), name: name.into(), user_id })
}

fn makes(set: &StatefulSet, claim: &str) -> bool {
    let Some(set_name) = &set.metadata.name else { return false };
    let templates = set.spec.volume_claim_templates.iter().flatten();
    templates.filter_map(|template| template.metadata.name.as_deref()).any(|template| {
        let ordinal = claim
            .strip_prefix(template)
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|rest| rest.strip_prefix(set_name.as_str()))
            .and_then(|rest| rest.strip_prefix('-'));
        ordinal.is_some_and(is_ordinal)
    })
}

fn is_ordinal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use policy_engine::object::kinds::GroupResource;
    use policy_engine::submission::Requester;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::ApiServer;

    fn set(name: &str, template: &str, user: &str) -> (String, Value) {
        let set = json!({
            "metadata": {"name": name, "labels": {contract::USER_ID: user}},
            "spec": {"selector": {}, "template": {}, "serviceName": name,
                     "volumeClaimTemplates": [{"metadata": {"name": template}, "spec": {}}]},
        });
        (format!("/apis/apps/v1/namespaces/team/statefulsets/{name}"), set)
    }

    /// For whom the claim is made, where these sets are, and which of them were asked for.
    async fn made(
        sets: &[(&str, &str, &str)],
        claim: &str,
    ) -> (Result<Option<ControllerOwner>, LookupFailed>, Vec<String>) {
        let server = ApiServer::with_collections(sets.iter().map(|(name, template, user)| set(name, template, user)));
        let volumes = Volumes::asking(server.client());
        let object = json!({});
        let submission = Submission {
            act: Act::Create,
            resource: GroupResource::new("", "persistentvolumeclaims"),
            subresource: "",
            kind: "PersistentVolumeClaim",
            namespace: "team",
            name: claim,
            requester: Requester { username: CONTROLLERS[0], groups: &[] },
            object: Some(&object),
            old: None,
        };
        let made = volumes.maker(&submission, Instant::now() + Duration::from_secs(5)).await;
        let asked = server.calls().into_iter().filter_map(|call| Some(call.path.rsplit_once('/')?.1.to_owned()));
        (made, asked.collect())
    }

    fn stamped(name: &str, user: &str) -> Option<ControllerOwner> {
        Some(ControllerOwner::Stamped { kind: KIND.into(), name: name.into(), user_id: Some(UserId::new(user)) })
    }

    #[tokio::test]
    async fn a_claim_is_made_for_the_set_that_its_name_is_made_of_and_no_other_is_asked_for() {
        let sets = [("web", "data", "alice"), ("web-0", "data", "bob"), ("large", "data", "bob")];
        for (claim, maker, asked) in [
            ("data-web-0", stamped("web", "alice"), &["web"][..]),
            ("data-web-0-3", stamped("web-0", "bob"), &["web-0", "0"]),
            ("other-web-0", None, &["web"]),
            ("data-web", None, &[]),
            ("data-web-00", None, &[]),
            ("", None, &[]),
        ] {
            let (found, names) = made(&sets, claim).await;
            assert_eq!(
                (found.expect("an answer"), names),
                (maker, asked.iter().map(ToString::to_string).collect()),
                "{claim}"
            );
        }
    }

    #[tokio::test]
    async fn a_name_that_two_users_sets_give_is_nobodys() {
        let claimants = vec!["StatefulSet b-c of alice".to_owned(), "StatefulSet c of bob".to_owned()];
        let (found, _) = made(&[("b-c", "a", "alice"), ("c", "a-b", "bob")], "a-b-c-0").await;
        assert_eq!(found.expect("an answer"), Some(ControllerOwner::Several { claimants }));
        let (found, _) = made(&[("b-c", "a", "alice"), ("c", "a-b", "alice")], "a-b-c-0").await;
        assert_eq!(found.expect("an answer"), stamped("b-c", "alice"));
        let (found, _) = made(&[], &format!("{}0", "a-".repeat(MOST_CANDIDATES + 2))).await;
        assert!(matches!(found, Err(LookupFailed::TooMany { most: MOST_CANDIDATES, .. })), "{found:?}");
    }
}

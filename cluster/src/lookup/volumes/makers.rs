//! For whom a StatefulSet's controller makes a claim. It sets no owner reference: the claim's name is all that tells.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::Api;
use kube::api::ListParams;
use policy_engine::policy::ids::UserId;
use policy_engine::submission::identity::ControllerOwner;
use policy_engine::{Act, Submission, contract};
use tokio::time::Instant;

use super::Volumes;
use crate::client::LookupFailed;
use crate::lookup::each_page;

const KIND: &str = "StatefulSet";
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
        let what = || format!("statefulsets of {}", submission.namespace);
        let all = each_page(&api, &ListParams::default(), deadline, what).await?;
        Ok(maker(all, submission.name))
    }
}

fn maker(all: Vec<StatefulSet>, claim: &str) -> Option<ControllerOwner> {
    let makers: Vec<_> = all.into_iter().filter(|set| makes(set, claim)).collect();
    let user_id = |set: &StatefulSet| set.metadata.labels.as_ref()?.get(contract::USER_ID).map(UserId::new);
    let name = |set: &StatefulSet| set.metadata.name.clone().unwrap_or_default();
    let users: BTreeSet<_> = makers.iter().map(user_id).collect();
    let first = makers.first()?;
    if users.len() > 1 {
        let whose = |set| user_id(set).map_or_else(|| "nobody".into(), |id| id.to_string());
        let claimants = makers.iter().map(|set| format!("{KIND} {} of {}", name(set), whose(set))).collect();
        return Some(ControllerOwner::Several { claimants });
    }
    Some(ControllerOwner::Stamped { kind: KIND.into(), name: name(first), user_id: user_id(first) })
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
    use serde_json::json;

    use super::*;

    fn set(name: &str, template: &str, user: Option<&str>) -> StatefulSet {
        let mut set = json!({
            "metadata": {"name": name, "labels": {}},
            "spec": {"selector": {}, "template": {}, "serviceName": name,
                     "volumeClaimTemplates": [{"metadata": {"name": template}, "spec": {}}]},
        });
        if let Some(user) = user {
            set["metadata"]["labels"][contract::USER_ID] = user.into();
        }
        serde_json::from_value(set).expect("a StatefulSet")
    }

    fn stamped(name: &str, user: &str) -> Option<ControllerOwner> {
        Some(ControllerOwner::Stamped { kind: KIND.into(), name: name.into(), user_id: Some(UserId::new(user)) })
    }

    #[test]
    fn a_claim_is_made_for_the_set_that_its_name_is_made_of() {
        let sets = || vec![set("web", "data", Some("alice")), set("web-0", "data", Some("bob"))];
        assert_eq!(maker(sets(), "data-web-0"), stamped("web", "alice"));
        assert_eq!(maker(sets(), "data-web-0-3"), stamped("web-0", "bob"));
        for other in ["data-web", "data-web-00", "data-web-x", "other-web-0", "data-webs-0", ""] {
            assert_eq!(maker(sets(), other), None, "{other}");
        }
    }

    #[test]
    fn a_name_that_two_users_sets_give_is_nobodys() {
        let sets = vec![set("b-c", "a", Some("alice")), set("c", "a-b", Some("bob"))];
        let claimants = vec!["StatefulSet b-c of alice".to_owned(), "StatefulSet c of bob".to_owned()];
        assert_eq!(maker(sets, "a-b-c-0"), Some(ControllerOwner::Several { claimants }));
        let sets = vec![set("b-c", "a", Some("alice")), set("c", "a-b", Some("alice"))];
        assert_eq!(maker(sets, "a-b-c-0"), stamped("b-c", "alice"));
    }
}

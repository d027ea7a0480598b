//! What the objects of one run name of each other. An API server that is asked by dry runs makes none of them, and knows of none.

use std::collections::BTreeMap;

use policy_engine::Submission;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::{Policy, Records};
use policy_engine::submission::{devices, volumes};

/// Of each submission, which others of the run it names, as people call them: `ResourceClaimTemplate big`. Kinds that admins
/// listed are not looked into: who asks this has no records.
pub fn named(run: &[Submission<'_>]) -> Vec<Vec<String>> {
    let policy = Policy::from(Records::default());
    let of = |it: &Submission<'_>| (it.resource.clone(), it.namespace.to_owned(), it.name.to_owned());
    let there: BTreeMap<_, _> = run.iter().map(|it| (of(it), it.kind)).collect();
    let of_one = |submission: &Submission<'_>| {
        let (devices, volumes) =
            (devices::Names::by(submission, &policy), volumes::Names::by(submission, &policy));
        let kinds = [
            ("resource.k8s.io", "resourceclaims", devices.claims),
            ("resource.k8s.io", "resourceclaimtemplates", devices.templates),
            ("", "persistentvolumeclaims", volumes.claims),
            ("snapshot.storage.k8s.io", "volumesnapshots", volumes.snapshots),
        ];
        let mut named = Vec::new();
        for (group, resource, names) in kinds {
            for name in names {
                let place = (GroupResource::new(group, resource), submission.namespace.to_owned(), name);
                named.extend(there.get(&place).map(|kind| format!("{kind} {}", place.2)));
            }
        }
        named
    };
    run.iter().map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use policy_engine::Act;
    use policy_engine::submission::Requester;
    use serde_json::{Value, json};

    use super::*;

    fn of<'a>(resource: GroupResource, called: [&'a str; 3], object: &'a Value) -> Submission<'a> {
        let [kind, name, namespace] = called;
        let requester = Requester { username: "", groups: &[] };
        let object = Some(object);
        Submission { act: Act::Create, resource, subresource: "", kind, namespace, name, requester, object, old: None }
    }

    /// What a Deployment of the Namespace `team` names of the run, whose others are in this Namespace.
    fn named_by_a_deployment(pod: &Value, others_in: &str) -> Vec<Vec<String>> {
        let (deployment, empty) = (json!({"spec": {"template": pod}}), json!({}));
        let device = |resource| GroupResource::new("resource.k8s.io", resource);
        named(&[
            of(GroupResource::new("apps", "deployments"), ["Deployment", "web", "team"], &deployment),
            of(device("resourceclaims"), ["ResourceClaim", "mine", others_in], &empty),
            of(device("resourceclaimtemplates"), ["ResourceClaimTemplate", "big", others_in], &empty),
            of(GroupResource::new("", "persistentvolumeclaims"), ["PersistentVolumeClaim", "data", others_in], &empty),
        ])
    }

    #[test]
    fn what_names_another_object_of_the_run_is_told_wherever_that_stands() {
        let pod = json!({"spec": {
            "resourceClaims": [{"name": "a", "resourceClaimName": "mine"}, {"name": "b", "resourceClaimTemplateName": "big"}],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}});
        let all = ["ResourceClaim mine", "ResourceClaimTemplate big", "PersistentVolumeClaim data"];
        assert_eq!(named_by_a_deployment(&pod, "team"), [&all[..], &[], &[], &[]]);
        let nothing = [const { Vec::<String>::new() }; 4];
        assert_eq!(named_by_a_deployment(&pod, "other"), nothing, "they are in another Namespace");
        assert_eq!(named_by_a_deployment(&json!({}), "team"), nothing);
    }
}

//! What objects of one run name of each other, which the API server does not know.

use cluster::dry_run::Served;
use decide::{together, versions};
use policy_engine::object::kinds::GroupResource;
use policy_engine::submission::Requester;
use policy_engine::{Act, Submission};

use super::super::object::Submitted;
use super::super::verdict::Unanswered;

/// Where an object is submitted: how its kind is served, and in which namespace.
pub(super) type Place<'k> = Result<(&'k Served, Option<String>), Unanswered>;

/// The other objects of the run that each of them names, as people call them.
pub(super) fn of(objects: &[Submitted], places: &[Place<'_>]) -> Vec<Vec<String>> {
    let submission = |(submitted, place): (&Submitted, &Place<'_>)| {
        let (served, namespace) = place.as_ref().ok()?;
        let object = versions::current(submitted.object.clone());
        Some((served.group_resource(), namespace.clone().unwrap_or_default(), object))
    };
    let read: Vec<_> = objects.iter().zip(places).map(submission).collect();
    let submissions = objects.iter().zip(&read).map(|(submitted, read)| {
        let (resource, namespace, object) = match read {
            Some((resource, namespace, object)) => (resource.clone(), namespace.as_str(), Some(object)),
            None => (GroupResource::new("", ""), "", None),
        };
        let (kind, name) = (submitted.kind.as_str(), submitted.meta("name").unwrap_or_default());
        let requester = Requester { username: "", groups: &[] };
        Submission { act: Act::Create, resource, subresource: "", kind, namespace, name, requester, object, old: None }
    });
    together::named(&submissions.collect::<Vec<_>>())
}

/// What an answer leaves out that rests on objects of the same run: each is asked about alone, and none is stored.
pub(super) fn note(named: &[String]) -> Option<String> {
    (!named.is_empty()).then(|| {
        format!(
            "it names {} of this run, which the API server does not know while nothing is stored: it was judged by what the \
             cluster has of that name now, or as if there were none; with --policy cluster the objects of a run know each other",
            named.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_names_an_object_of_the_same_run_says_that_it_is_not_known() {
        let read = |object: Value| Submitted::read(object, "file.yaml".into()).expect("an object");
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
            "spec": {"resourceClaims": [{"name": "g", "resourceClaimTemplateName": "big"}]}});
        let template = json!({"apiVersion": "resource.k8s.io/v1beta1", "kind": "ResourceClaimTemplate", "metadata": {"name": "big"}});
        let other = json!({"apiVersion": "example.com/v1", "kind": "Nothing", "metadata": {"name": "big"}});
        let objects = [read(pod), read(template), read(other)];
        let served = [
            Served::guessed("v1", "Pod", true),
            Served::guessed("resource.k8s.io/v1beta1", "ResourceClaimTemplate", true),
        ];
        let place = |served| Ok((served, Some("team".to_owned())));
        let nowhere = Err(Unanswered::Invalid(anyhow!("no such kind")));
        let named = of(&objects, &[place(&served[0]), place(&served[1]), nowhere]);
        assert_eq!(named, [vec!["ResourceClaimTemplate big".to_owned()], Vec::new(), Vec::new()]);
        let notes: Vec<_> = named.iter().filter_map(|named| note(named)).collect();
        assert!(
            notes.len() == 1 && notes[0].starts_with("it names ResourceClaimTemplate big of this run, which"),
            "{notes:?}"
        );
    }
}

//! The live dry run: the API server decides, with its webhooks.

mod named;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use anyhow::{Error, anyhow};
use cluster::client::Access;
use cluster::dry_run::{Served, Server};
use decide::{versions, written};
use futures::{StreamExt as _, stream};
use json_patch::Patch;
use serde_json::Value;

use super::defaults::filled_in;
use super::object::{Asker, ObjectRef, Submitted};
use super::said::{self, Said};
use super::verdict::{Denial, Unanswered, Verdict};
use crate::cluster_args::ClusterArgs;
use crate::ending::Failure;

/// Enough to hide the way there and back, and no load for the API server.
const AT_A_TIME: usize = 4;
/// What Sluice says begins so.
const OURS: &str = "sluice: ";

/// `apiVersion` and kind.
pub(super) type Kinds = BTreeMap<(String, String), Option<Served>>;

/// Asks about every object, in order.
pub(super) async fn ask(
    objects: Vec<Submitted>,
    asker: Option<Asker>,
    namespace: Option<String>,
    cluster: &ClusterArgs,
) -> Result<Vec<Result<Verdict, Unanswered>>, Failure> {
    let own = cluster.server().await?;
    let asker = asker.map(|asker| Access {
        impersonate: Some(asker.username),
        impersonate_groups: asker.asked,
        ..cluster.access()
    });
    let asking = match &asker {
        Some(access) => cluster.server_as(access).await?,
        None => own.clone(),
    };
    let kinds = kinds(&own, &objects).await?;
    let policy_version = own.policy_version().await;
    let context = own.default_namespace();
    let place = |submitted: &Submitted| {
        let served = find(&kinds, submitted)?;
        let namespace = submitted.namespace(served.namespaced, namespace.as_deref(), Some(context));
        Ok((served, namespace.map_err(Unanswered::Invalid)?))
    };
    let places: Vec<_> = objects.iter().map(place).collect();
    let named = named::of(&objects, &places);
    let answers = stream::iter(objects.into_iter().zip(places).zip(named)).map(|((submitted, place), named)| {
        let (asking, version) = (&asking, &policy_version);
        async move {
            let (served, namespace) = place?;
            let mut verdict = ask_one(asking, served, submitted, namespace, version.clone()).await?;
            verdict.notes.extend(named::note(&named));
            Ok(verdict)
        }
    });
    Ok(answers.buffered(AT_A_TIME).collect().await)
}

/// How the API server serves the kinds of the objects.
pub(super) async fn kinds(server: &Server, objects: &[Submitted]) -> Result<Kinds, Failure> {
    let mut kinds = Kinds::new();
    for Submitted { api_version, kind, .. } in objects {
        if let Entry::Vacant(unknown) = kinds.entry((api_version.clone(), kind.clone())) {
            unknown.insert(server.served(api_version, kind).await.map_err(unanswered)?);
        }
    }
    Ok(kinds)
}

/// How the object's kind is served.
pub(super) fn find<'a>(kinds: &'a Kinds, submitted: &Submitted) -> Result<&'a Served, Unanswered> {
    let Submitted { origin, api_version, kind, .. } = submitted;
    let served = kinds.get(&(api_version.clone(), kind.clone())).and_then(Option::as_ref);
    served.ok_or_else(|| {
        Unanswered::Invalid(anyhow!(
            "{origin}: the cluster serves no {kind} of {api_version}; look at kubectl api-resources, or install its definition"
        ))
    })
}

async fn ask_one(
    server: &Server,
    served: &Served,
    submitted: Submitted,
    namespace: Option<String>,
    policy_version: Option<String>,
) -> Result<Verdict, Unanswered> {
    let reference = submitted.reference(namespace);
    let namespace = reference.namespace.as_deref();
    let send = async |object: &Value| {
        let answer = server.create(served, namespace, object).await;
        let mut answer =
            answer.map_err(|error| Unanswered::Unasked(Error::new(error).context(reference.to_string())))?;
        let warnings = std::mem::take(&mut answer.warnings);
        Ok((said::read(answer), warnings))
    };
    let (mut said, mut warnings) = send(&submitted.object).await?;
    let taken = said == Said::Taken;
    if taken {
        (said, warnings) = send(&under_another_name(&submitted)).await?;
    }
    let subject = format!("{}: {reference}", submitted.origin);
    let refused = |text: String| {
        if taken {
            anyhow!("{subject}: it exists already, and under another name: {text}")
        } else {
            anyhow!("{subject}: {text}")
        }
    };
    match said {
        Said::Created(object) => {
            let patch = written::fields(&filled_in(&submitted.object), &versions::current(object));
            let submitted = versions::current(submitted.object);
            Ok(verdict(reference, submitted, (Vec::new(), patch), warnings, policy_version))
        }
        Said::Denied(denials) => {
            Ok(verdict(reference, submitted.object, (denials, Patch(Vec::new())), warnings, policy_version))
        }
        Said::Invalid(text) => Err(Unanswered::Invalid(refused(text))),
        Said::Taken => Err(Unanswered::Unasked(refused("that name is taken too; try again".into()))),
        Said::Undecided(text) => Err(Unanswered::Unasked(refused(text))),
    }
}

/// To hear the decision on a creation although the object exists.
fn under_another_name(submitted: &Submitted) -> Value {
    let mut object = submitted.object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("name");
        metadata.insert("generateName".into(), format!("{}-", submitted.name()).into());
    }
    object
}

fn verdict(
    object: ObjectRef,
    submitted: Value,
    (denials, patch): (Vec<Denial>, Patch),
    warnings: Vec<String>,
    policy_version: Option<String>,
) -> Verdict {
    let (warnings, others): (Vec<_>, Vec<_>) = warnings.into_iter().partition(|text| text.starts_with(OURS));
    let notes = others.into_iter().map(|text| format!("the API server warns: {text}")).collect();
    Verdict { object, allowed: denials.is_empty(), denials, warnings, patch, policy_version, notes, submitted }
}

fn unanswered(error: impl Into<Error>) -> Failure {
    Failure::Unanswered(error.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn submitted() -> Submitted {
        let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "train", "labels": {"a": "b"}}});
        Submitted::read(object, "pod.yaml".into()).expect("an object")
    }

    #[test]
    fn another_name_changes_nothing_else() {
        let other = under_another_name(&submitted());
        assert_eq!(other["metadata"], json!({"generateName": "train-", "labels": {"a": "b"}}));
    }

    #[test]
    fn only_our_warnings_are_ours() {
        let object = submitted().reference(None);
        let said = ["sluice: queue: set".to_owned(), "would violate PodSecurity".to_owned()];
        let verdict = verdict(object, Value::Null, (Vec::new(), Patch(Vec::new())), said.into(), None);
        assert_eq!(verdict.warnings, ["sluice: queue: set"]);
        assert_eq!(verdict.notes, ["the API server warns: would violate PodSecurity"]);
        assert!(verdict.allowed);
    }

    #[test]
    fn a_kind_that_is_not_served_is_bad_input() {
        match find(&Kinds::new(), &submitted()) {
            Err(Unanswered::Invalid(error)) => {
                assert!(error.to_string().starts_with("pod.yaml: the cluster serves no Pod of v1;"))
            }
            other => panic!("{other:?}"),
        }
    }
}

//! Whole reviews, judged: what is written settles after one call, however often it is judged, and refusals stay refusals.

use std::sync::LazyLock;

use decide::judgement;
use jiff::Timestamp;
use policy_engine::policy::Policy;
use policy_engine::policy::ids::ProjectId;
use policy_engine::{Decision, Facts};
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};
use webhook::review::Request;

use super::reads_as_one_line;
use crate::{Held, corpus};

pub(super) static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let (raw, _) = records::files::read(&corpus::organisation()).expect("the sample organisation");
    records::convert::build(&raw).0.into()
});

pub(super) fn seeds() -> Vec<Value> {
    let examples = ["shows", "tour"].into_iter().flat_map(corpus::examples);
    let creations: Vec<_> = examples.map(|example| creation(&example.user, admitted(example.object))).collect();
    let updates: Vec<_> = creations.iter().filter_map(update).collect();
    creations.into_iter().chain(updates).collect()
}

/// As the API server hands it to admission: with a priority and a token that nobody asked for.
fn admitted(mut object: Value) -> Value {
    if object["kind"] == "Pod" {
        let spec = &mut object["spec"];
        spec["priority"] = json!(0);
        spec["preemptionPolicy"] = json!("PreemptLowerPriority");
        let token = json!({"name": "kube-api-access-x7k2p", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}});
        match spec["volumes"].as_array_mut() {
            Some(volumes) => volumes.push(token),
            None => spec["volumes"] = json!([token]),
        }
    }
    object
}

pub(super) fn creation(user: &str, object: Value) -> Value {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let version = object["apiVersion"].as_str().unwrap_or_default().to_owned();
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": group, "version": version, "kind": kind},
        "resource": {"group": group, "version": version, "resource": format!("{}s", kind.to_lowercase())},
        "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"],
        "operation": "CREATE", "userInfo": {"username": user, "groups": ["system:authenticated"]},
        "object": object, "oldObject": null, "dryRun": false,
    }})
}

/// The same object, once it is there, with another label of its own.
fn update(review: &Value) -> Option<Value> {
    let request = Request::read(review.to_string().as_bytes()).ok()?;
    let (decision, patched) = mutate(&request)?;
    let patched = patched.filter(|_| decision.allowed())?;
    let mut review = review.clone();
    let changed = &mut review["request"];
    changed["operation"] = json!("UPDATE");
    changed["object"] = patched.clone();
    changed["object"]["metadata"]["labels"]["note"] = json!("new");
    changed["oldObject"] = patched;
    Some(review)
}

/// The decision, and the object as it would go on where its patch applies. Nothing where the review cannot be read.
pub(super) fn mutate(request: &Request) -> Option<(Decision, Option<Value>)> {
    let (decision, patch) =
        judgement::mutate(&request.submission(), &facts(request), &POLICY, Timestamp::UNIX_EPOCH).ok()?;
    let mut object = request.object.clone()?;
    let applies = json_patch::patch(&mut object, &patch).is_ok();
    Some((decision, applies.then_some(object)))
}

pub(super) fn facts(request: &Request) -> Facts {
    Facts { project_id: ProjectId::new(&request.namespace), ..Facts::default() }
}

pub(super) fn holds(input: &Value) -> Held {
    let Ok(mut request) = Request::read(input.to_string().as_bytes()) else { return Ok(()) };
    let Some((decision, patched)) = mutate(&request) else { return Ok(()) };
    for denial in &decision.denials {
        reads_as_one_line(&denial.to_string())?;
    }
    let (written, text) = (input.to_string(), request.object.as_ref().map(Value::to_string));
    let canonical = text.as_ref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    prop_assert_eq!(&canonical, &request.object, "{}", written);
    let Some(patched) = patched else {
        prop_assert!(false, "the patch does not apply");
        return Ok(());
    };
    request.object = Some(patched);
    let validated = judgement::validate(&request.submission(), &facts(&request), &POLICY, Timestamp::UNIX_EPOCH);
    let Ok(validated) = validated else {
        prop_assert!(false, "the object cannot be read any more: {:?}", validated);
        return Ok(());
    };
    prop_assert_eq!(validated.allowed(), decision.allowed(), "{}", validated);
    let again = mutate(&request).map(|(again, object)| (again.allowed(), object));
    prop_assert_eq!(again, Some((decision.allowed(), request.object)), "judged again");
    Ok(())
}

//! Mutations as JSON Patch on the object as it arrived. Nothing else writes JSON Patch.

use std::collections::HashMap;

use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation};
use jsonptr::Pointer;
use policy_engine::Mutation;
use serde_json::Value;

/// The patch that makes `object` say what the mutations say.
///
/// A map that does not exist is made once, by one operation that carries all that is written in it. Elements of lists are
/// removed from the last to the first, so that no index moves before it is used. A mutation that the object follows
/// already, or whose list does not exist, is left out.
pub fn of(mutations: &[Mutation], object: &Value) -> Patch {
    let mut made = HashMap::new();
    let mut operations = Vec::new();
    let places: Vec<_> = mutations.iter().map(|mutation| mutation.at.pointer()).collect();
    for (mutation, at) in mutations.iter().zip(&places) {
        let said = mutation.at.resolve(object);
        match &mutation.value {
            Some(value) if said == Some(value) => {}
            Some(value) if said.is_some() => {
                operations.push(PatchOperation::Replace(ReplaceOperation { path: at.clone(), value: value.clone() }));
            }
            Some(value) => add(at, value, object, &mut made, &mut operations),
            None => {}
        }
    }
    operations.extend(removals(mutations, object));
    Patch(operations)
}

/// The patch that writes an answer into the status of a question, whatever the asker wrote there.
pub fn answer(status: Value) -> Patch {
    let path = Pointer::from_static("/status").to_buf();
    Patch(vec![PatchOperation::Add(AddOperation { path, value: status })])
}

/// Adds what is not there. `made` says which operation makes a map.
fn add<'a>(
    at: &'a Pointer,
    value: &Value,
    object: &Value,
    made: &mut HashMap<&'a Pointer, usize>,
    operations: &mut Vec<PatchOperation>,
) {
    let parents = std::iter::successors(at.parent(), |parent| parent.parent());
    let path = parents.take_while(|parent| is_missing(parent, object)).last().unwrap_or(at);
    let index = *made.entry(path).or_insert_with(|| {
        operations.push(PatchOperation::Add(AddOperation { path: path.to_buf(), value: Value::Null }));
        operations.len() - 1
    });
    if let (PatchOperation::Add(operation), Some(below)) = (&mut operations[index], at.strip_prefix(path)) {
        *below.tokens().fold(&mut operation.value, |map, key| &mut map[key.decoded().as_ref()]) = value.clone();
    }
}

/// A map that is absent, or null as some clients write it.
fn is_missing(parent: &Pointer, object: &Value) -> bool {
    !parent.is_root() && parent.resolve(object).map_or(true, Value::is_null)
}

fn removals(mutations: &[Mutation], object: &Value) -> Vec<PatchOperation> {
    let mut places: Vec<_> = mutations
        .iter()
        .filter(|mutation| mutation.value.is_none() && mutation.at.resolve(object).is_some())
        .map(|mutation| mutation.at.pointer())
        .collect();
    places.sort_by_key(|at| std::cmp::Reverse(order(at)));
    places.into_iter().map(|at| PatchOperation::Remove(RemoveOperation { path: at })).collect()
}

/// Indices compare as numbers: the tenth element comes after the ninth.
fn order(at: &Pointer) -> Vec<(usize, String)> {
    at.tokens().map(|token| (token.encoded().parse().unwrap_or(usize::MAX), token.encoded().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use policy_engine::admission::decision::Told;
    use policy_engine::object::place::Place;
    use policy_engine::policy::rule_id::RuleId;
    use serde_json::json;

    use super::*;

    fn set(at: Place, value: impl Into<Value>) -> Mutation {
        Mutation { rule: RuleId::Image, at, value: Some(value.into()), unasked: false, told: Told::Plainly }
    }

    fn remove(at: Place) -> Mutation {
        Mutation { rule: RuleId::Image, at, value: None, unasked: false, told: Told::Plainly }
    }

    fn patched(mutations: &[Mutation], mut object: Value) -> Value {
        let patch = of(mutations, &object);
        json_patch::patch(&mut object, &patch).expect("the patch applies");
        object
    }

    #[test]
    fn missing_and_null_maps_are_made_once() {
        let label = |key| Place::of(["metadata", "labels", key]);
        let mutations = [
            set(label("platform-go/user-id"), "alice"),
            set(label("platform-go/plan-id"), "gold"),
            set(Place::of(["spec", "securityContext", "runAsNonRoot"]), true),
        ];
        let object = json!({"metadata": {"labels": null}, "spec": {"unknown": 1}});
        assert_eq!(
            patched(&mutations, object),
            json!({
                "metadata": {"labels": {"platform-go/user-id": "alice", "platform-go/plan-id": "gold"}},
                "spec": {"unknown": 1, "securityContext": {"runAsNonRoot": true}},
            })
        );
    }

    #[test]
    fn class_exhaustion_a_patch_has_one_operation_for_each_map_that_it_makes() {
        let containers = |count| json!({"spec": {"containers": vec![json!({"name": "c"}); count]}});
        let mutations: Vec<_> = (0..1000)
            .flat_map(|index| {
                let requests = Place::of(["spec", "containers"]).index(index).key("resources").key("requests");
                [set(requests.clone().key("cpu"), "1"), set(requests.key("memory"), "1Gi")]
            })
            .collect();
        let object = containers(1000);
        let patch = of(&mutations, &object);
        assert_eq!(patch.0.len(), 1000);
        let first = json!({"op": "add", "path": "/spec/containers/0/resources", "value": {"requests": {"cpu": "1", "memory": "1Gi"}}});
        assert_eq!(serde_json::to_value(&patch.0[0]).expect("JSON"), first);
    }

    #[test]
    fn elements_are_removed_from_behind() {
        let volumes = |index| Place::of(["spec", "volumes"]).index(index);
        let object = json!({"spec": {"volumes": (0..12).collect::<Vec<_>>()}});
        let mutations = [remove(volumes(2)), remove(volumes(10)), remove(volumes(11)), remove(volumes(20))];
        assert_eq!(patched(&mutations, object), json!({"spec": {"volumes": [0, 1, 3, 4, 5, 6, 7, 8, 9]}}));
    }

    #[test]
    fn what_is_said_already_is_not_said_again() {
        let object = json!({"metadata": {"labels": {"a": "1"}}});
        let mutations = [set(Place::of(["metadata", "labels", "a"]), "1"), remove(Place::of(["spec", "priority"]))];
        assert_eq!(of(&mutations, &object), Patch(Vec::new()));
    }
}

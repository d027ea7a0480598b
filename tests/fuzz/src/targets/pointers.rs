//! Paths to pod templates in objects of kinds that nobody knows: what is found is there, and bounded.

use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::workload::{TemplatePath, WorkloadKind};
use policy_engine::submission::pod::{MOST_TEMPLATES, Pod};
use proptest::prop_assert;
use serde_json::{Value, json};

use super::{reads_as_one_line, text};
use crate::Held;

pub(super) fn seeds() -> Vec<Value> {
    let template = json!({"metadata": {}, "spec": {"containers": [{"name": "c", "image": "x"}]}});
    let object = json!({"spec": {"template": template, "roles": [{"template": template}], "by/name": {"a~b": template, "*": {}}}});
    let paths =
        ["/spec/template", "/spec/roles/*/template", "/spec/by~1name/*", "/*/*/*", "/spec/roles/0/template", "/"];
    paths.iter().map(|path| json!({"path": path, "object": object})).collect()
}

pub(super) fn holds(input: &Value) -> Held {
    let Some(path) = text(&input["path"]) else { return Ok(()) };
    let Ok(path) = path.parse::<TemplatePath>() else { return Ok(()) };
    let kind = WorkloadKind { of: GroupResource::new("example.org", "gangs"), pod_templates: vec![path] };
    let object = &input["object"];
    match Pod::templates(object, &kind) {
        Ok(found) => {
            prop_assert!(found.len() <= MOST_TEMPLATES);
            for pod in found {
                let place = pod.at([]);
                prop_assert!(place.resolve(object) == Some(pod.written), "{}", place);
            }
        }
        Err(why) => reads_as_one_line(&why.field.to_string().escape_debug().to_string())?,
    }
    Ok(())
}

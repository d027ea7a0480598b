//! An API server that holds some objects, lists each kind once, and is never heard again.

use axum::http::{Request, Response};
use cluster::dry_run::Served;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// A client of it.
pub(super) fn holding(objects: Vec<Value>) -> Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let answer = answer(request.uri().path(), &objects);
        let watches = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        async move {
            if watches {
                std::future::pending::<()>().await;
            }
            let (code, body) = answer;
            Response::builder().status(code).body(Body::from(body.to_string().into_bytes()))
        }
    });
    Client::new(service, "default")
}

fn answer(path: &str, objects: &[Value]) -> (u16, Value) {
    let at = |object: &Value| {
        let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        let version = text("apiVersion");
        let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let plural = Served::guessed(&version, &text("kind"), true).group_resource().resource;
        let namespace = object["metadata"]["namespace"].as_str().map(|it| format!("/namespaces/{it}"));
        let here = format!("{root}{}/{plural}", namespace.unwrap_or_default());
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        (format!("{root}/{plural}"), format!("{here}/{name}"), here)
    };
    if let Some(found) = objects.iter().find(|object| at(object).1 == path) {
        return (200, found.clone());
    }
    let items: Vec<_> = objects.iter().filter(|object| at(object).0 == path || at(object).2 == path).collect();
    let is_list = path.split('/').next_back().is_some_and(|last| LISTED.contains(&last)) || !items.is_empty();
    if is_list {
        return (
            200,
            json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items}),
        );
    }
    (404, json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}))
}

/// Kinds that there may be none of.
const LISTED: [&str; 16] = [
    "users",
    "groups",
    "resourceplans",
    "platformqueues",
    "gpumodels",
    "projects",
    "platformpolicies",
    "namespaces",
    "pods",
    "persistentvolumeclaims",
    "volumesnapshots",
    "resourceclaims",
    "resourceclaimtemplates",
    "deviceclasses",
    "storageclasses",
    "statefulsets",
];

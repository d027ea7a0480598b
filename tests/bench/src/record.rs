//! Records what the API server asks: a webhook of our own hears the same calls as Sluice does, and keeps them.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, OriginalUri, State};
use axum::routing::post;
use axum::{Json, Router};
use ground::{Ground, Who};
use serde_json::{Value, json};

use crate::objects::{deployment, large_pod, person, pod, project};
use crate::reviews::{LARGE_BYTES, Review};
use crate::{api, floor, progress};

/// Before `sluice` in the alphabet, and so in the order of calls: what Sluice will be asked, not what it made of it.
const NAME: &str = "bench-recorder";
const PATHS: [&str; 2] = ["/governed/mutate", "/governed/validate"];
/// So many of the projects are recorded.
const PROJECTS: usize = 4;
/// How long anything may take that happens by itself, in seconds.
const SOON: u64 = 60;

type Calls = Arc<Mutex<Vec<(String, Bytes)>>>;

/// Lets people work in some of the projects and returns what the API server asked about it.
pub fn record(ground: &Ground, runtime: &tokio::runtime::Runtime) -> Result<Vec<Review>> {
    progress("recording reviews");
    let calls = Calls::default();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let recorder = Router::new()
        .fallback_service(post(keep).layer(DefaultBodyLimit::max(16 << 20)).with_state(Arc::clone(&calls)));
    let certs = ground.layout().certs();
    let serving = runtime.spawn(async move { floor::serve(recorder, listener, &certs).await });
    ground.admin_apply(&configurations(ground, port)?.to_string())?;
    wait_in_force(ground, &calls)?;
    for number in 0..PROJECTS {
        work(ground, number)?;
    }
    large(ground)?;
    let kinds = "mutatingwebhookconfiguration,validatingwebhookconfiguration";
    ground.admin(&["delete", kinds, NAME])?;
    serving.abort();
    let calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    let reviews: Vec<Review> = calls.iter().filter_map(|(path, body)| review(path, body)).collect();
    for what in EVERYTHING {
        for path in PATHS {
            let count = reviews.iter().filter(|review| review.what == what && review.path.starts_with(path)).count();
            ensure!(count > 0, "no review was recorded on {path} of this: {what}");
        }
    }
    progress(format_args!("  {} reviews", reviews.len()));
    Ok(reviews)
}

async fn keep(State(calls): State<Calls>, OriginalUri(uri): OriginalUri, body: Bytes) -> Json<Value> {
    let review: Value = serde_json::from_slice(&body).unwrap_or_default();
    // Without the host, which stands in it when the API server speaks HTTP/2.
    let path = uri.path_and_query().map_or_else(String::new, ToString::to_string);
    calls.lock().unwrap_or_else(PoisonError::into_inner).push((path, body));
    Json(floor::allow(&review["request"]["uid"]))
}

fn configurations(ground: &Ground, port: u16) -> Result<Value> {
    let ca = ground.admin(&[
        "get",
        "validatingwebhookconfiguration",
        ground::RELEASE,
        "-o=jsonpath={.webhooks[0].clientConfig.caBundle}",
    ])?;
    let namespaces: Vec<_> = (0..PROJECTS).map(project).collect();
    let of_kind = |kind: &str, path: &str| {
        let rule = |group: &str, resource: &str| json!({"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": [resource]});
        let here = json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces});
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": NAME},
            "webhooks": [{
                "name": "recorder.bench.sluice.dev",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"url": format!("https://127.0.0.1:{port}{path}"), "caBundle": ca.trim()},
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "timeoutSeconds": 5,
                "namespaceSelector": {"matchExpressions": [here]},
                "rules": [rule("", "pods"), rule("apps", "deployments")],
            }],
        })
    };
    let [mutate, validate] = PATHS;
    let items = [of_kind("MutatingWebhookConfiguration", mutate), of_kind("ValidatingWebhookConfiguration", validate)];
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": items}))
}

/// The API server hears of new configurations a moment later, of each by itself.
fn wait_in_force(ground: &Ground, calls: &Calls) -> Result<()> {
    let probe = pod("probe").to_string();
    let (namespace, person) = (project(0), person(0));
    ground::until("the recorder to be called", SOON, || {
        let args = ["-n", &namespace, "create", "--dry-run=server", "-f", "-"];
        ground.kubectl_with(Who::User(&person), &args, &probe)?.ok("kubectl create --dry-run=server")?;
        let calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = PATHS.iter().all(|path| calls.iter().any(|(called, _)| called.starts_with(path)));
        anyhow::Ok(heard.then_some(()))
    })
}

/// What people and controllers do in a project.
fn work(ground: &Ground, number: usize) -> Result<()> {
    let (namespace, person) = (project(number), person(number));
    let kubectl = |args: &[&str], stdin: Value| -> Result<String> {
        let args: Vec<&str> = ["-n", &namespace].into_iter().chain(args.iter().copied()).collect();
        let output = ground.kubectl_with(Who::User(&person), &args, &stdin.to_string())?;
        Ok(output.ok(&format!("kubectl {}", args.join(" ")))?)
    };
    kubectl(&["create", "-f", "-"], pod("single"))?;
    kubectl(&["label", "pod", "single", "stage=two"], Value::Null)?;
    kubectl(&["create", "-f", "-"], deployment("service"))?;
    ground::until("the Deployment's Pod", SOON, || {
        let pods = ground.admin(&["-n", &namespace, "get", "pods", "-l=app=service", "-o=name"])?;
        anyhow::Ok((!pods.is_empty()).then_some(()))
    })?;
    kubectl(&["set", "image", "deployment/service", "main=registry.example.com/team/trainer:1.3"], Value::Null)?;
    Ok(())
}

fn large(ground: &Ground) -> Result<()> {
    let (namespace, person) = (project(0), person(0));
    let args = ["-n", &namespace, "create", "-f", "-"];
    let output = ground.kubectl_with(Who::User(&person), &args, &large_pod("large").to_string())?;
    output.ok("kubectl create of a large Pod").context("a Pod of a mebibyte")?;
    Ok(())
}

const BY_PERSON: &str = "a person creates a Pod";
const BY_CONTROLLER: &str = "a controller creates a Pod";
const DEPLOYMENT: &str = "a person creates a Deployment";
const DEPLOYMENT_UPDATE: &str = "a person updates a Deployment";
const POD_UPDATE: &str = "a person updates a Pod";
const LARGE: &str = "a person creates a Pod of a mebibyte";
const EVERYTHING: [&str; 6] = [BY_PERSON, BY_CONTROLLER, DEPLOYMENT, DEPLOYMENT_UPDATE, POD_UPDATE, LARGE];

/// The call as a review of the mix, or nothing where controllers went on behind.
fn review(path: &str, body: &Bytes) -> Option<Review> {
    let review = api::parsed(std::str::from_utf8(body).ok()?).ok()?;
    let request = &review["request"];
    let text = |at: &Value| at.as_str().unwrap_or_default().to_owned();
    let (user, resource) = (text(&request["userInfo"]["username"]), text(&request["resource"]["resource"]));
    if request["dryRun"] == true {
        return None;
    }
    let person = user.starts_with("bench-person");
    let controller = user == "system:serviceaccount:kube-system:replicaset-controller";
    let what = match (resource.as_str(), text(&request["operation"]).as_str()) {
        ("pods", "CREATE") if person && body.len() >= LARGE_BYTES => LARGE,
        ("pods", "CREATE") if person => BY_PERSON,
        ("pods", "CREATE") if controller => BY_CONTROLLER,
        ("pods", "UPDATE") if person => POD_UPDATE,
        ("deployments", "CREATE") if person => DEPLOYMENT,
        ("deployments", "UPDATE") if person => DEPLOYMENT_UPDATE,
        (_, _) => return None,
    };
    Some(Review { what, path: path.to_owned(), body: body.clone(), fresh: Vec::new() })
}

//! The project in which people work: its records, its volumes, and how it is cleared.

use super::change::Change;
use super::project::{
    CLAIMS, DEPLOYMENTS, JOBS, NAMESPACE, OWNERS, PEOPLE, PODS, PROJECT_LIMIT, TEMPLATES, USER_LIMIT, VOLUMES, path,
};
use super::state::{each, text};
use super::sums::{Amounts, thousandths};
use crate::client::Person;
use anyhow::{Result, ensure};
use ground::{Ground, Who, until};
use http::Request;
use kube::Client;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const CLEARING: Duration = Duration::from_secs(90);

/// Somebody's client, the admin's where nobody is named.
pub(super) async fn client(ground: &Ground, who: Option<&str>) -> Result<Client> {
    let who = who.map_or(Who::Admin, Who::User);
    Ok(Person::of(&ground.kubeconfig(who)?).await?.client())
}

fn records() -> Value {
    let quota = |Amounts { gpu, devices, cpu, memory }: Amounts| json!({"gpu": gpu / 1000, "devices": devices, "cpu": cpu / 1000, "memory": memory});
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "sluice.dev/v1alpha1", "kind": "ResourcePlan", "metadata": {"name": NAMESPACE}, "spec": {
            "quota": quota(PROJECT_LIMIT), "perUser": quota(USER_LIMIT), "gpuModels": ["rtx-6000-pro", "h100"]}},
        {"apiVersion": "sluice.dev/v1alpha1", "kind": "Project", "metadata": {"name": NAMESPACE}, "spec": {
            "displayName": "People at work", "group": "nlp-lab", "plan": NAMESPACE, "images": ["registry.example.com/**"],
            "members": [{"user": "alice", "role": "Admin"}, {"user": "bob", "role": "Member"}, {"user": "carol", "role": "Member"}]}},
        {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": NAMESPACE},
            "provisioner": "people.example.com"},
    ]})
}

/// Makes the project; returns when all may work there.
pub(super) fn set(ground: &Ground) -> Result<()> {
    ground.admin_apply(&records().to_string())?;
    let mut waiting = PEOPLE.to_vec();
    until("people to have their rights", 60, || {
        let mut still = Vec::new();
        for who in waiting.drain(..) {
            let may = ["-n", NAMESPACE, "auth", "can-i", "create", "pods"];
            still.extend((!ground.kubectl(Who::User(who), &may)?.success).then_some(who));
        }
        waiting = still;
        Ok::<_, anyhow::Error>(waiting.is_empty().then_some(()))
    })
}

/// Removes it.
pub(super) fn strike(ground: &Ground) -> Result<()> {
    ground.admin(&["delete", "project/people", "resourceplan/people", "storageclass/people", "--wait=true"])?;
    ground.admin(&["delete", "namespace", NAMESPACE, "--wait=true", "--timeout=90s"])?;
    Ok(())
}

/// What a storage driver would do: a volume for each claim, which goes with it.
pub(super) async fn provision(admin: &Client, change: &Change) {
    let claim = &change.object;
    let name = format!("people-{}", text(claim, "/metadata/uid"));
    let is_new = text(claim, "/spec/volumeName").is_empty() && text(claim, "/metadata/deletionTimestamp").is_empty();
    let path = "/api/v1/persistentvolumes";
    let request = if change.is_gone {
        Request::delete(format!("{path}/{name}")).body(Vec::new())
    } else if is_new {
        let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": {
            "storageClassName": NAMESPACE, "accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Gi"},
            "persistentVolumeReclaimPolicy": "Retain", "csi": {"driver": "people.example.com", "volumeHandle": name},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": NAMESPACE,
                "name": claim["metadata"]["name"], "uid": claim["metadata"]["uid"]}}});
        let request = Request::post(path).header("content-type", "application/json");
        request.body(volume.to_string().into_bytes())
    } else {
        return;
    };
    if let Ok(request) = request {
        // It is there, or gone, already.
        let _answer = admin.request_text(request).await;
    }
}

/// What a kubelet would say of a Pod that runs: what its container has, so that the API server takes resizes. Each is carried
/// out at once. The ledger here counts the larger of spec and status; a kubelet that cannot take a resize down back would be
/// one that writes here only what grows.
pub(super) async fn actuate(admin: &Client, change: &Change) {
    let pod = &change.object;
    let asked = pod.pointer("/spec/containers/0/resources/requests");
    let (Some(asked), Some(status)) = (asked, pod.pointer("/status/containerStatuses/0")) else { return };
    let has = status.pointer("/resources/requests").unwrap_or(&Value::Null);
    let differs = ["cpu", "memory"].iter().any(|it| match (thousandths(&asked[it]), thousandths(&has[it])) {
        (Ok(asked), Ok(has)) => asked != has,
        _ => false,
    });
    let runs = text(pod, "/status/phase") == "Running" && text(pod, "/metadata/deletionTimestamp").is_empty();
    if change.is_gone || !runs || !differs {
        return;
    }
    let patch = json!([{"op": "add", "path": "/status/containerStatuses/0/resources", "value": {"requests": asked}},
        {"op": "test", "path": "/metadata/uid", "value": pod["metadata"]["uid"]}]);
    let status = path(PODS, &format!("/{}/status", text(pod, "/metadata/name")));
    let request = Request::patch(status).header("content-type", "application/json-patch+json");
    if let Ok(request) = request.body(patch.to_string().into_bytes()) {
        // It may have gone.
        let _answer = admin.request_text(request).await;
    }
}

/// Deletes what people left, also what their finalizers hold; returns when nothing is left.
pub(super) async fn clear(admin: &Client, is_empty: impl Fn() -> bool) -> Result<()> {
    const KINDS: [&str; 7] = [DEPLOYMENTS, JOBS, PODS, CLAIMS, TEMPLATES, VOLUMES, OWNERS];
    let begin = Instant::now();
    while !is_empty() || begin.elapsed() < Duration::from_secs(1) {
        ensure!(begin.elapsed() < CLEARING, "what people left does not go");
        for kind in KINDS {
            let list: Value = admin.request(Request::get(path(kind, "")).body(Vec::new())?).await?;
            for object in each(&list, "/items") {
                let name = text(object, "/metadata/name");
                let _answer = end(admin, &path(kind, &format!("/{name}")), object).await;
            }
        }
        sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

/// Whoever was quicker, or a controller that wrote meanwhile: the next turn looks again.
async fn end(admin: &Client, path: &str, object: &Value) -> Result<()> {
    let is_own = |it: &&Value| it.as_str().is_some_and(|it| it.starts_with("example.com/"));
    if each(object, "/metadata/finalizers").any(|it| is_own(&it)) {
        let kept: Vec<&Value> = each(object, "/metadata/finalizers").filter(|it| !is_own(it)).collect();
        let version = &object["metadata"]["resourceVersion"];
        let body = json!({"metadata": {"finalizers": kept, "resourceVersion": version}});
        let request = Request::patch(path).header("content-type", "application/merge-patch+json");
        admin.request_text(request.body(body.to_string().into_bytes())?).await?;
    }
    if text(object, "/metadata/deletionTimestamp").is_empty() {
        let options = json!({"propagationPolicy": "Background"});
        let request = Request::delete(path).header("content-type", "application/json");
        admin.request_text(request.body(options.to_string().into_bytes())?).await?;
    }
    Ok(())
}

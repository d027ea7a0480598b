//! One decision, whoever asks: the API server by the webhook, a person by a dry run on files or on the cluster, and the
//! audit of what is there.

use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cluster::dry_run::{Existing, Served, Server};
use decide::creations::Created;
use decide::{Creations, Sources};
use policy_engine::policy::Policy;
use policy_engine::submission::Requester;
use policy_engine::{Act, Submission};

use super::chart::paths;
use super::*;

/// Somebody who creates an object.
struct Asked {
    /// For sentences.
    origin: String,
    user: String,
    object: Value,
}

/// What was said: each reason as rule, field and sentence.
type Denials = Vec<[String; 3]>;

const TOKEN: &str = "kubernetes.io/service-account-token";

/// Every kind that is judged, in a project and where none is, besides the shows, which are mostly Pods.
fn others() -> Vec<Asked> {
    let metadata = |namespace: &str| json!({"name": "a", "namespace": namespace});
    let claim = |count: u64| {
        json!({"devices": {"requests": [
        {"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": count}}]}})
    };
    let gpu = json!({"containers": [{"name": "a", "image": "registry.example.com/a:1",
        "resources": {"limits": {"nvidia.com/gpu": "1"}}}]});
    let mounts = |claim: &str| {
        json!({"containers": [{"name": "a", "image": "registry.example.com/a:1",
        "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]})
    };
    let uses = |claim: &str| {
        json!({"containers": [{"name": "a", "image": "registry.example.com/a:1",
        "resources": {"claims": [{"name": "gpu"}]}}],
        "resourceClaims": [{"name": "gpu", "resourceClaimName": claim}]})
    };
    let template = |kind: &str, spec: Value| json!({"kind": kind, "spec": {"template": {"spec": spec}}});
    let mut all = Vec::new();
    for namespace in ["llm-finetune", "default"] {
        let mut add = |api_version: &str, object: Value| {
            let mut object = object;
            object["apiVersion"] = api_version.into();
            object["metadata"] = metadata(namespace);
            let origin = format!("{} in {namespace}: {object}", object["kind"]);
            all.push(Asked { origin, user: "bob".into(), object });
        };
        add("v1", json!({"kind": "Pod", "spec": gpu}));
        for claim in ["bobs", "alices", "none"] {
            add("v1", json!({"kind": "Pod", "spec": mounts(claim)}));
            add("v1", json!({"kind": "Pod", "spec": uses(claim)}));
        }
        add("v1", json!({"kind": "Secret", "type": TOKEN}));
        add("v1", json!({"kind": "Secret", "type": "Opaque"}));
        add("v1", json!({"kind": "ConfigMap"}));
        add("v1", json!({"kind": "PersistentVolumeClaim", "spec": {"volumeName": "pv"}}));
        add("v1", json!({"kind": "PersistentVolumeClaim", "spec": {}}));
        add("v1", template("ReplicationController", mounts("alices")));
        add("resource.k8s.io/v1", json!({"kind": "ResourceClaim", "spec": claim(1)}));
        add("resource.k8s.io/v1", json!({"kind": "ResourceClaim", "spec": claim(40)}));
        add("resource.k8s.io/v1", json!({"kind": "ResourceClaimTemplate", "spec": {"spec": claim(1)}}));
        add("resource.k8s.io/v1", json!({"kind": "ResourceClaimTemplate", "spec": {"spec": claim(40)}}));
        let snapshot =
            |of: &str| json!({"kind": "VolumeSnapshot", "spec": {"source": {"persistentVolumeClaimName": of}}});
        add("snapshot.storage.k8s.io/v1", snapshot("bobs"));
        add("snapshot.storage.k8s.io/v1", snapshot("alices"));
        for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"] {
            add("apps/v1", template(kind, mounts("alices")));
            add("apps/v1", template(kind, uses("bobs")));
        }
        add("batch/v1", template("Job", mounts("alices")));
        add(
            "batch/v1",
            json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": uses("alices")}}}}}),
        );
        add("autoscaling/v2", json!({"kind": "HorizontalPodAutoscaler", "spec": {}}));
        add("policy/v1", json!({"kind": "PodDisruptionBudget", "spec": {}}));
    }
    for user in ["bob", "ada"] {
        let labels = json!({"platform-go/project-id": "detector"});
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new", "labels": labels}});
        all.push(Asked { origin: format!("Namespace by {user}"), user: user.into(), object });
    }
    all
}

/// The files of `examples/shows`: their first line is `# as: <user>; expect: …`.
fn shows() -> Vec<Asked> {
    let entries = std::fs::read_dir(example("shows")).expect("examples/shows");
    let show = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a show");
        let user = text.strip_prefix("# as: ").and_then(|rest| rest.split(';').next()).expect("a user").to_owned();
        Asked { origin: path.display().to_string(), user, object: serde_norway::from_str(&text).expect("one object") }
    };
    entries.map(|entry| show(entry.expect("a show").path())).collect()
}

/// What is there besides: volumes and claims of two users, and the class of GPUs.
fn there() -> Vec<Value> {
    let of = |api_version: &str, kind: &str, user: &str, spec: Value| {
        let labels = json!({"platform-go/user-id": user, "platform-go/project-id": "llm-finetune"});
        let metadata = json!({"name": format!("{user}s"), "namespace": "llm-finetune", "uid": user, "labels": labels});
        json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
    };
    let request = json!({"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}});
    let claim = json!({"devices": {"requests": [request]}});
    let class = json!({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass",
        "metadata": {"name": "gpu.nvidia.com"}, "spec": {"extendedResourceName": "nvidia.com/gpu"}});
    let owned = ["alice", "bob"].into_iter().flat_map(|user| {
        let claim = of("resource.k8s.io/v1", "ResourceClaim", user, claim.clone());
        [of("v1", "PersistentVolumeClaim", user, json!({})), claim]
    });
    owned.chain([class]).collect()
}

fn submission<'a>(asked: &'a Asked, served: &Served, groups: &'a [String]) -> Submission<'a> {
    let text = |key: &str| asked.object["metadata"][key].as_str().unwrap_or_default();
    Submission {
        act: Act::Create,
        resource: served.group_resource(),
        subresource: "",
        kind: asked.object["kind"].as_str().unwrap_or_default(),
        namespace: text("namespace"),
        name: text("name"),
        requester: Requester { username: &asked.user, groups },
        object: Some(&asked.object),
        old: None,
    }
}

fn served(object: &Value) -> Served {
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    Served::guessed(text("apiVersion"), text("kind"), true)
}

/// What the API server would be told on all paths, and the object that it would store.
async fn by_webhook(router: &Router, asked: &Asked, groups: &[String], is_bound: bool) -> (Denials, Value) {
    let served = served(&asked.object);
    let of = served.group_resource();
    let (group, version) = asked.object["apiVersion"].as_str().and_then(|it| it.split_once('/')).unwrap_or(("", "v1"));
    let mut object = asked.object.clone();
    for path in paths(&served, &object, is_bound) {
        let (status, said) = post_to(router.clone(), &path, review(json!({
            "uid": "1", "operation": "CREATE", "dryRun": true,
            "kind": {"group": group, "version": version, "kind": object["kind"]},
            "resource": {"group": group, "version": version, "resource": of.resource},
            "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"].as_str().unwrap_or_default(),
            "userInfo": {"username": asked.user, "groups": groups}, "object": object,
        }))).await;
        assert_eq!(status, StatusCode::OK, "{}: {said}", asked.origin);
        let response = serde_json::from_str::<Value>(&said).expect("JSON")["response"].take();
        if response["allowed"] == false {
            assert_eq!(response["status"]["code"], 403, "{}: {path}: {said}", asked.origin);
            let causes = response["status"]["details"]["causes"].as_array().cloned().unwrap_or_default();
            let text = |cause: &Value, key: &str| cause[key].as_str().unwrap_or_default().to_owned();
            return (causes.iter().map(|it| ["reason", "field", "message"].map(|key| text(it, key))).collect(), object);
        }
        if let Some(patch) = response["patch"].as_str() {
            let patch = STANDARD.decode(patch).expect("Base64");
            let patch: json_patch::Patch = serde_json::from_slice(&patch).expect("a patch");
            json_patch::patch(&mut object, &patch).expect("the patch applies");
        }
    }
    (Vec::new(), object)
}

fn said(created: &Created) -> Denials {
    let denials = created.decision.denials.iter();
    denials.map(|it| [it.rule.to_string(), it.field.clone(), it.message.clone()]).collect()
}

#[tokio::test]
async fn the_webhook_both_dry_runs_and_the_audit_decide_the_same() {
    let (records, objects) = organisation();
    let policy = Arc::new(Policy::from(records));
    let api = api_server(objects.into_iter().chain(there()).collect());
    let caches = api.world(lookup::TOPICS).await;
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = ledger_in(directory.path()).await;
    let owners = Owners::new(api.client());
    let webhook = Webhook::new(caches, owners, Arc::new(Metrics::default()), ledger.clone());
    webhook.compared.store(true, Ordering::Release);
    let (router, server, now) = (router(webhook), Server::new(api.client()), Timestamp::now());
    let sources = Sources::asking(&server);
    let groups = ["system:authenticated".to_owned()];
    let (mut allowed, mut denied) = (0, 0);
    for asked in shows().into_iter().chain(others()) {
        let Asked { origin, object, .. } = &asked;
        let served = served(object);
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let project = policy.project_by_id(namespace).map(|project| project.id.clone());
        let (webhook, stored) = by_webhook(&router, &asked, &groups, project.is_some()).await;
        let submission = submission(&asked, &served, &groups);
        let mut in_cluster = Creations::in_cluster(policy.clone(), &server, Some(ledger.clone()), now);
        let created = in_cluster.create(&submission).await.expect("a decision");
        assert_eq!(said(&created), webhook, "{origin}: on the cluster");
        let mut on_files = Creations::on_records(policy.clone(), Some(ledger.clone()), now);
        for object in &there() {
            on_files.announce(&self::submission(
                &Asked { origin: String::new(), user: String::new(), object: object.clone() },
                &self::served(object),
                &[],
            ));
        }
        let on_files = on_files.create(&submission).await.expect("a decision");
        if !origin.contains("none") {
            assert_eq!(said(&on_files), webhook, "{origin}: on files");
        }
        if webhook.is_empty() {
            allowed += 1;
            assert_eq!(created.object, stored, "{origin}");
        } else {
            denied += 1;
        }
        let Some(project_id) = project.filter(|_| submission.resource.resource != "secrets") else { continue };
        let kind = submission.kind.to_owned();
        let mut object = stored;
        object["metadata"]["labels"]["platform-go/user-id"] = asked.user.as_str().into();
        let existing = Existing { resource: submission.resource.clone(), kind, object };
        let audited = decide::existing::judge(&existing, namespace, &project_id, &sources, &policy, now).await;
        let audited = audited.expect("a decision").denials;
        let audited: Vec<_> = audited.iter().map(|it| (it.rule.to_string(), it.field.clone())).collect();
        let expected = webhook.into_iter().map(|[rule, field, _]| (rule, field));
        // The scheduler writes it, and the audit cannot tell who did.
        let expected: Vec<_> = expected.filter(|(_, field)| field != "spec.nodeName").collect();
        assert_eq!(audited, expected, "{origin}: the audit");
    }
    // Which questions were asked is the look-ups' own matter.
    drop(api.calls());
    assert!(allowed > 40 && denied > 40, "{allowed} allowed, {denied} denied");
}

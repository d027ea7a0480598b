//! Objects of one run, on records alone and beside a cluster that has none of them yet.

use std::path::Path;

use cluster::dry_run::Served;
use cluster::testing::ApiServer;
use policy_engine::Act;
use policy_engine::object::kinds::GroupResource;
use policy_engine::policy::Records;
use policy_engine::submission::Requester;
use serde_json::json;

use super::*;

const CLASS: &str = "gpu.nvidia.com";

/// The sample organisation, in which bob may have 4 GPU in `llm-finetune`.
fn organisation() -> Records {
    let org = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/org");
    let (raw, _) = records::files::read(&org).expect("the sample organisation");
    records::convert::build(&raw).0
}

fn in_the_project(object: Value) -> Value {
    let mut object = object;
    object["metadata"]["namespace"] = "llm-finetune".into();
    object
}

/// A claim of so many devices; so is what a template makes.
fn claim(count: u64) -> Value {
    json!({"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": CLASS, "count": count}}]}})
}

fn resource(kind: &str, spec: Value) -> Value {
    in_the_project(json!({"apiVersion": "resource.k8s.io/v1", "kind": kind, "metadata": {"name": "big"}, "spec": spec}))
}

fn pod(reference: &str) -> Value {
    json!({
        "containers": [{"name": "a", "image": "registry.example.com/a:1", "resources": {"claims": [{"name": "gpu"}]}}],
        "resourceClaims": [{"name": "gpu", reference: "big"}],
    })
}

fn workload(reference: &str) -> Value {
    let spec = json!({"selector": {"matchLabels": {"app": "a"}}, "template": {"metadata": {"labels": {"app": "a"}}, "spec": pod(reference)}});
    in_the_project(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}))
}

/// What each of a run is told: `allowed` and what it waits for, or the rules that refuse it with their sentences; and where its place
/// in the run matters.
async fn told(mut creations: Creations, run: &[Value]) -> Vec<String> {
    let groups = ["system:authenticated".to_owned()];
    let text =
        |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let of = |object: &Value| {
        let kind = text(object, "/kind");
        (
            Served::guessed(&text(object, "/apiVersion"), &kind, true).group_resource(),
            kind,
            text(object, "/metadata/name"),
        )
    };
    let about: Vec<_> = run.iter().map(of).collect();
    let submissions = run.iter().zip(&about).map(|(object, (resource, kind, name))| Submission {
        act: Act::Create,
        resource: resource.clone(),
        subresource: "",
        kind,
        namespace: "llm-finetune",
        name,
        requester: Requester { username: "bob", groups: &groups },
        object: Some(object),
        old: None,
    });
    let submissions: Vec<_> = submissions.collect();
    submissions.iter().for_each(|submission| creations.announce(submission));
    let mut all = Vec::new();
    for submission in &submissions {
        let created = creations.create(submission).await.expect("a decision");
        let mut says: Vec<_> = created.decision.denials.iter().map(ToString::to_string).collect();
        if says.is_empty() {
            let waits = created.decision.warnings.into_iter().filter(|says| says.contains("does not exist"));
            says = std::iter::once("allowed".to_owned()).chain(waits).collect();
        }
        says.extend(created.out_of_order.iter().map(ToString::to_string));
        all.push(says.join("; "));
    }
    all
}

/// The same on files, and in a cluster that has the class of GPUs and the Namespace: both say the same.
async fn told_everywhere(run: &[Value]) -> Vec<String> {
    let policy = Arc::new(Policy::from(organisation()));
    let on_files = told(Creations::on_records(policy.clone(), None, Timestamp::UNIX_EPOCH), run).await;
    let namespace = json!({"metadata": {"name": "llm-finetune", "labels": {"platform-go/project-id": "llm-finetune"}}});
    let class = json!({"metadata": {"name": CLASS}, "spec": {"selectors": [{"cel": {"expression": "device.driver == 'gpu.nvidia.com'"}}]}});
    let there = [
        ("/api/v1/namespaces/llm-finetune", namespace),
        ("/apis/resource.k8s.io/v1/deviceclasses/gpu.nvidia.com", class),
    ];
    let api = ApiServer::with_collections(there);
    let server = Server::new(api.client());
    let in_cluster = told(Creations::in_cluster(policy, &server, None, Timestamp::UNIX_EPOCH), run).await;
    // Which questions were asked is the look-ups' own matter.
    drop(api.calls());
    assert_eq!(on_files, in_cluster);
    on_files
}

const NEVER: &str = "asked 9 GPU for one Pod; bob in project llm-finetune may have 4 GPU in all, so it would never run";

#[tokio::test]
async fn a_pod_and_a_workload_that_name_a_claim_above_the_limit_are_refused_wherever_it_stands() {
    let claim = resource("ResourceClaim", claim(9));
    let alone = in_the_project(
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": pod("resourceClaimName")}),
    );
    for (user, field) in [(alone, "spec"), (workload("resourceClaimName"), "spec.template.spec")] {
        let run = [claim.clone(), user];
        let said = told_everywhere(&run).await;
        assert!(said[0] == "allowed" && said[1].starts_with(&format!("quota: {field}: {NEVER}")), "{said:?}");
        let [claim, user] = run;
        let said = told_everywhere(&[user, claim]).await;
        assert!(said[1] == "allowed" && said[0].starts_with(&format!("quota: {field}: {NEVER}")), "{said:?}");
        assert!(said[0].ends_with(&OutOfOrder::TooLate.to_string()), "{said:?}");
    }
}

#[tokio::test]
async fn a_workload_is_judged_by_the_template_of_its_run_also_where_it_stands_before_it() {
    let template = |count| resource("ResourceClaimTemplate", json!({"spec": claim(count)}));
    for run in
        [[template(9), workload("resourceClaimTemplateName")], [workload("resourceClaimTemplateName"), template(9)]]
    {
        let mut said = told_everywhere(&run).await;
        said.sort();
        assert!(
            said[0] == "allowed" && said[1].starts_with(&format!("quota: spec.template.spec: {NEVER}")),
            "{said:?}"
        );
    }
    let waits = "allowed; inline-claim: spec.template.spec.resourceClaims[0].resourceClaimTemplateName: ResourceClaimTemplate big does \
                 not exist; Pods wait until somebody creates it";
    assert_eq!(told_everywhere(&[workload("resourceClaimTemplateName"), template(2)]).await, [waits, "allowed"]);
    assert_eq!(told_everywhere(&[template(2), workload("resourceClaimTemplateName")]).await, ["allowed", "allowed"]);
}

/// What must be there before: the API server refuses it where it stands, and takes it behind what it names.
#[tokio::test]
async fn what_stands_before_what_it_needs_is_refused_as_the_api_server_does_and_told_where_it_may_stand() {
    let by_name = pod("resourceClaimName");
    let slot = |change: fn(&mut Value)| {
        let mut pod =
            in_the_project(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": by_name}));
        pod["spec"]["resourceClaims"][0]["resourceClaimName"] = json!("{{ gpuClaimName \"train-a\" }}");
        change(&mut pod);
        pod
    };
    let mapped = slot(|pod| pod["metadata"]["annotations"] = json!({"platform-go/claim-slots": "train-a=big"}));
    let plain = resource("ResourceClaim", claim(2));
    let mut labelled = plain.clone();
    labelled["metadata"]["labels"] = json!({"platform-go/slot": "train-a"});
    let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let volume = in_the_project(
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "source"}, "spec": spec}),
    );
    let copy = in_the_project(
        json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": {"name": "copy"},
        "spec": {"source": {"persistentVolumeClaimName": "source"}}}),
    );
    for (user, needs, says) in [
        (mapped, plain, "asked slot train-a, which is mapped to big, and there is no such claim"),
        (slot(|_| {}), labelled, "asked slot train-a, which is mapped to no claim"),
        (copy, volume, "asked a copy of PersistentVolumeClaim source, which does not exist; create it first"),
    ] {
        assert_eq!(told_everywhere(&[needs.clone(), user.clone()]).await, ["allowed", "allowed"]);
        let said = told_everywhere(&[user, needs]).await;
        assert!(said[0].contains(says) && said[0].ends_with(&OutOfOrder::TooEarly.to_string()), "{said:?}");
        assert_eq!(said[1], "allowed");
    }
}

/// What is foreseen of a Deployment of so many Pods of 2 GPU each, of which bob may have 4.
async fn foreseen(replicas: u32, strategy: Value, ledger: Option<Ledger>) -> Vec<String> {
    let mut deployment = workload("resourceClaimTemplateName");
    deployment["spec"]["replicas"] = replicas.into();
    deployment["spec"]["strategy"] = strategy;
    let template = resource("ResourceClaimTemplate", json!({"spec": claim(2)}));
    let mut creations = Creations::on_records(Arc::new(Policy::from(organisation())), ledger, Timestamp::UNIX_EPOCH);
    let mut warnings = Vec::new();
    for (resource, object) in
        [(("resource.k8s.io", "resourceclaimtemplates"), template), (("apps", "deployments"), deployment)]
    {
        let submission = Submission {
            act: Act::Create,
            resource: GroupResource::new(resource.0, resource.1),
            subresource: "",
            kind: object["kind"].as_str().unwrap_or_default(),
            namespace: "llm-finetune",
            name: object["metadata"]["name"].as_str().unwrap_or_default(),
            requester: Requester { username: "bob", groups: &["system:authenticated".to_owned()] },
            object: Some(&object),
            old: None,
        };
        let created = creations.create(&submission).await.expect("a decision");
        assert!(created.decision.allowed(), "{:?}", created.decision);
        warnings.extend(created.decision.warnings.into_iter().filter(|says| says.starts_with("quota: ")));
    }
    warnings
}

/// What is above a limit whatever else runs is known without a ledger, and said as the API server says it.
#[tokio::test]
async fn what_a_workload_has_no_room_for_is_foreseen_without_a_ledger_as_with_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}/ledger.db", directory.path().display());
    let ledger = store::Store::open(&url).await.expect("a ledger").ledger();
    let waits = "quota: asked 6 GPU for 3 Pods; bob in project llm-finetune uses 0 GPU and has 0 GPU reserved, of 4 GPU in all; Pods that \
                 have no room now start when there is";
    let rolls = "quota: a rollout needs 1 Pod more (2 GPU, 2 devices), and bob in project llm-finetune has no room in its 4 GPU: it waits until \
                 something else ends; set strategy.type Recreate, or maxSurge 0 and maxUnavailable 1";
    let (usual, recreate) =
        (json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}}), json!({"type": "Recreate"}));
    for (replicas, strategy, says) in
        [(3, &recreate, Some(waits)), (2, &usual, Some(rolls)), (2, &recreate, None), (1, &usual, None)]
    {
        let alone = foreseen(replicas, strategy.clone(), None).await;
        assert_eq!(alone, says.into_iter().collect::<Vec<_>>());
        assert_eq!(foreseen(replicas, strategy.clone(), Some(ledger.clone())).await, alone);
    }
}

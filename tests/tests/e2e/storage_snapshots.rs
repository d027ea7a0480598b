//! Class *volumes*: a snapshot is theirs who took it, with the CustomResourceDefinition of the snapshot controller's own
//! Go module.

use std::process::Command;

use e2e::manifest::{claim, with};
use e2e::refusal::{assert_denied, assert_refused_by_policy};
use e2e::{ADMIN, create, eventually, get, kubectl, label, must, ok, shared};
use ground::Ground;
use serde_json::{Value, json};

const MODULE: &str = "github.com/kubernetes-csi/external-snapshotter/client/v8@v8.7.0";
const DEFINITION: &str = "config/crd/snapshot.storage.k8s.io_volumesnapshots.yaml";

/// Installs the kind, and waits until bob may make objects of it.
fn install(p: &Ground) {
    let output = Command::new("go").args(["mod", "download", "-json", MODULE]).output().expect("`go` runs");
    let module: Value = serde_json::from_slice(&output.stdout).expect("go answers in JSON");
    let directory = module["Dir"].as_str().unwrap_or_else(|| panic!("no module: {module}"));
    let definition = std::fs::read_to_string(format!("{directory}/{DEFINITION}")).expect("the definition");
    must(p.admin_apply(&definition));
    eventually("snapshots to be served", || {
        kubectl(p, "bob", &["-n", "llm-finetune", "get", "volumesnapshots"]).success.then_some(())
    });
}

fn snapshot(namespace: &str, name: &str, source: Value) -> Value {
    json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
        "metadata": {"name": name, "namespace": namespace}, "spec": {"source": source}})
}

fn restored(namespace: &str, name: &str, snapshot: &str) -> Value {
    let source = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": snapshot});
    claim(namespace, name, json!({"spec": {"dataSource": source}}))
}

#[test]
fn class_volumes_a_snapshot_is_theirs_who_took_it() {
    let p = shared();
    install(&p);
    let of = |name: &str| json!({"persistentVolumeClaimName": name});
    ok(create(&p, "alice", claim("llm-finetune", "snap-hers", json!({}))));
    let says = "asked PersistentVolumeClaim snap-hers, which is alice's; bob may not use it";
    assert_denied(&create(&p, "bob", snapshot("llm-finetune", "snap-bob", of("snap-hers"))), &[("storage", says)]);
    let content = json!({"volumeSnapshotContentName": "content-of-others"});
    let says = "asked the content of a snapshot of the cluster";
    assert_denied(&create(&p, "bob", snapshot("llm-finetune", "snap-content", content)), &[("storage", says)]);

    let labels = json!({"metadata": {"labels": {"platform-go/user-id": "bob", "platform-go/storage": "scratch"}}});
    ok(create(&p, "alice", with(snapshot("llm-finetune", "snap-alice", of("snap-hers")), labels)));
    let made = get(&p, "llm-finetune", "volumesnapshot/snap-alice");
    assert_eq!((label(&made, "user-id"), label(&made, "storage")), ("alice", ""));
    let says = "asked VolumeSnapshot snap-alice, which is alice's; bob may not use it";
    assert_denied(&create(&p, "bob", restored("llm-finetune", "snap-restored", "snap-alice")), &[("storage", says)]);

    // Gone and made anew by somebody else, the source says nothing about the snapshot any more.
    ok(kubectl(&p, "alice", &["-n", "llm-finetune", "delete", "pvc", "snap-hers"]));
    let taker = "VolumeSnapshot snap-alice of alice is being filled from what has this name, and alice may not read it";
    assert_denied(&create(&p, "bob", claim("llm-finetune", "snap-hers", json!({}))), &[("storage", taker)]);
    let taken = json!({"status": {"boundVolumeSnapshotContentName": "snapcontent-1"}}).to_string();
    let status = ["patch", "volumesnapshot/snap-alice", "--subresource=status", "--type=merge", "-p", &taken];
    ok(kubectl(&p, ADMIN, &[&["-n", "llm-finetune"], &status[..]].concat()));
    ok(create(&p, "bob", claim("llm-finetune", "snap-hers", json!({}))));
    assert_denied(&create(&p, "bob", restored("llm-finetune", "snap-restored", "snap-alice")), &[("storage", says)]);
    ok(create(&p, "alice", restored("llm-finetune", "snap-restored", "snap-alice")));

    // A Manager takes and restores a colleague's, and what they took is theirs.
    ok(create(&p, "bob", claim("detector", "snap-his", json!({}))));
    let named = |object: &str| {
        let uid = get(&p, "detector", object)["metadata"]["uid"].clone();
        json!({"metadata": {"annotations": {"platform-go/use-volumes": uid}}})
    };
    ok(create(&p, "carol", with(snapshot("detector", "snap-carol", of("snap-his")), named("pvc/snap-his"))));
    assert_eq!(label(&get(&p, "detector", "volumesnapshot/snap-carol"), "user-id"), "carol");
    ok(create(&p, "carol", restored("detector", "snap-carol", "snap-carol")));
    let delete = kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "volumesnapshot", "snap-alice"]);
    assert_refused_by_policy(&delete, "sluice-colleagues", "made by alice, and bob is no Manager here");
}

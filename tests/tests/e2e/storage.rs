//! Who reaches which volume, and every way around that: classes *volumes* and *confused deputy*.

use e2e::manifest::{claim, mounting, pod, with, workload};
use e2e::refusal::{assert_denied, assert_refused_by_policy, assert_warned};
use e2e::{apply, create, eventually, find, get, kubectl, kubectl_with, label, ok, project, shared};
use serde_json::{Value, json};

const SHARED: &str = "platform-go/group-storage=nlp-lab.datasets";

fn cloning(source: &str) -> Value {
    json!({"spec": {"dataSource": {"kind": "PersistentVolumeClaim", "name": source}}})
}

#[test]
fn class_volumes_bob_does_not_reach_alices_claim() {
    let p = shared();
    ok(create(&p, "alice", claim("llm-finetune", "vol-hers", json!({}))));
    ok(create(&p, "bob", claim("llm-finetune", "vol-his", json!({}))));
    let hers = get(&p, "llm-finetune", "pvc/vol-hers");
    assert_eq!((label(&hers, "user-id"), label(&hers, "project-id")), ("alice", "llm-finetune"));
    ok(create(&p, "bob", pod("llm-finetune", "vol-his", mounting("vol-his"))));

    let says = "asked PersistentVolumeClaim vol-hers, which is alice's; bob may not use it";
    let mounts = create(&p, "bob", pod("llm-finetune", "vol-mount", mounting("vol-hers")));
    assert_denied(&mounts, &[("storage", says)]);
    let sub_path = json!([{"name": "main", "image": "registry.example.com/app:1",
        "volumeMounts": [{"name": "data", "mountPath": "/data", "subPath": "part", "readOnly": true}]}]);
    let sub_path = with(mounting("vol-hers"), json!({"spec": {"containers": sub_path}}));
    assert_denied(&create(&p, "bob", pod("llm-finetune", "vol-sub-path", sub_path)), &[("storage", says)]);
    for kind in ["Deployment", "StatefulSet", "CronJob"] {
        let workload = workload(kind, "llm-finetune", "vol-workload", mounting("vol-hers"));
        assert_denied(&create(&p, "bob", workload), &[("storage", says)]);
    }
    let clone = create(&p, "bob", claim("llm-finetune", "vol-clone", cloning("vol-hers")));
    assert_denied(&clone, &[("storage", &format!("spec.dataSource.name: {says}"))]);
    let template = json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        "dataSource": {"kind": "PersistentVolumeClaim", "name": "vol-hers"}}});
    let ephemeral = json!({"spec": {"volumes": [{"name": "data", "ephemeral": {"volumeClaimTemplate": template}}]}});
    let refused = create(&p, "bob", pod("llm-finetune", "vol-ephemeral", ephemeral));
    assert_denied(&refused, &[("storage", says)]);
    let deleted = kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "pvc", "vol-hers"]);
    assert_refused_by_policy(&deleted, "sluice-colleagues", "made by alice, and bob is no Manager here");
    let annotate = ["-n", "llm-finetune", "annotate", "pvc", "vol-hers", "volume.kubernetes.io/selected-node=gpu-a"];
    assert_denied(&kubectl(&p, "bob", &annotate), &[("project", "this PersistentVolumeClaim is alice's")]);
    assert_eq!(find(&p, "llm-finetune", "pvc/vol-clone"), None);
}

#[test]
fn carol_a_manager_reaches_bobs_claim() {
    let p = shared();
    ok(create(&p, "bob", claim("detector", "managed-his", json!({}))));
    let uid = &get(&p, "detector", "pvc/managed-his")["metadata"]["uid"];
    let named = json!({"metadata": {"annotations": {"platform-go/use-volumes": uid}}});
    ok(create(&p, "carol", pod("detector", "managed-mount", with(mounting("managed-his"), named.clone()))));
    ok(create(&p, "carol", claim("detector", "managed-clone", with(cloning("managed-his"), named))));
    assert_eq!(label(&get(&p, "detector", "pvc/managed-clone"), "user-id"), "carol");
}

#[test]
fn what_a_group_gives_to_be_read_is_mounted_read_only_whatever_the_project_says() {
    let p = shared();
    let of_group = json!({"metadata": {"labels": {"platform-go/group-storage": "nlp-lab.datasets"}}});
    ok(create(&p, "alice", claim("llm-finetune", "group-data", of_group)));
    // `replace` takes away what a manifest leaves out, and Kubernetes refuses that of the service account's name.
    let account = json!({"spec": {"serviceAccountName": "default"}});
    let reader = with(pod("llm-finetune", "group-reader", mounting("group-data")), account);
    ok(apply(&p, "bob", &reader));
    let made = get(&p, "llm-finetune", "pod/group-reader");
    assert_eq!(made["spec"]["volumes"][0]["persistentVolumeClaim"]["readOnly"], true);
    assert_eq!(made["spec"]["containers"][0]["volumeMounts"][0]["readOnly"], true);
    // The same again, in every way, changes nothing and is refused by nobody.
    let ways: [&[&str]; 3] =
        [&["apply", "-f", "-"], &["apply", "--server-side", "--force-conflicts", "-f", "-"], &["replace", "-f", "-"]];
    for way in ways {
        let output = kubectl_with(&p, "bob", way, &reader.to_string());
        assert!(output.success && !output.stderr.contains("sluice"), "{way:?}: {}", output.stderr);
        assert_eq!(get(&p, "llm-finetune", "pod/group-reader")["spec"], made["spec"], "{way:?}");
    }
    let mut device = mounting("group-data");
    device["spec"]["containers"][0]["volumeMounts"] = Value::Null;
    device["spec"]["containers"][0]["volumeDevices"] = json!([{"name": "data", "devicePath": "/dev/data"}]);
    let refused = create(&p, "bob", pod("llm-finetune", "group-device", device));
    assert_denied(&refused, &[("storage", "as a block device, and it may only be read")]);

    ok(create(&p, "alice", pod("llm-finetune", "group-writer", mounting("group-data"))));
    let writer = get(&p, "llm-finetune", "pod/group-writer");
    assert_eq!(writer["spec"]["volumes"][0]["persistentVolumeClaim"]["readOnly"], Value::Null);
    ok(create(&p, "bob", workload("Deployment", "llm-finetune", "group-readers", mounting("group-data"))));
    let template = get(&p, "llm-finetune", "deployment/group-readers")["spec"]["template"]["spec"].clone();
    assert_eq!(
        template["volumes"][0]["persistentVolumeClaim"],
        json!({"claimName": "group-data"}),
        "as it was written"
    );
    let pods = eventually("the Deployment's Pod", || {
        let pods = e2e::list(&p, "llm-finetune", "pods", "app=group-readers");
        (pods.len() == 1).then_some(pods)
    });
    assert_eq!(pods[0]["spec"]["volumes"][0]["persistentVolumeClaim"]["readOnly"], true);
}

#[test]
fn class_volumes_relabelling_reaches_and_exposes_nothing() {
    let p = shared();
    ok(create(&p, "bob", claim("llm-finetune", "label-his", json!({}))));
    ok(create(&p, "alice", claim("llm-finetune", "label-hers", json!({}))));
    let relabel = |user: &str, claim: &str, label: &str| {
        kubectl(&p, user, &["-n", "llm-finetune", "label", "--overwrite", "pvc", claim, label])
    };
    let share = relabel("bob", "label-his", "platform-go/storage=scratch");
    assert_denied(&share, &[("storage", "bob asked to share it as scratch; only Managers of project llm-finetune do")]);
    assert_denied(&relabel("bob", "label-his", SHARED), &[("storage", "only Admins of group nlp-lab do")]);
    let reach = relabel("bob", "label-hers", "platform-go/storage=scratch");
    assert_denied(&reach, &[("project", "is alice's"), ("storage", "bob asked to share it as scratch")]);
    let unlisted = relabel("alice", "label-hers", "platform-go/group-storage=nlp-lab.other");
    assert_denied(&unlisted, &[("storage", "which is not listed; list it under Group.spec.storage first")]);
    ok(relabel("alice", "label-his", SHARED));
    let take_back = relabel("bob", "label-his", "platform-go/group-storage-");
    assert_denied(&take_back, &[("storage", "bob asked to share otherwise what is nlp-lab.datasets")]);
    let mine = relabel("alice", "label-his", "platform-go/user-id=alice");
    assert_warned(&mine, r#"asked "alice", set to "bob""#);
    assert_eq!(label(&get(&p, "llm-finetune", "pvc/label-his"), "user-id"), "bob");
}

#[test]
fn class_volumes_of_other_types() {
    let p = shared();
    let volume = |volume: Value| pod("detector", "vol-types", json!({"spec": {"volumes": [volume]}}));
    let nfs = volume(json!({"name": "v", "nfs": {"server": "nfs.example.org", "path": "/"}}));
    assert_denied(
        &create(&p, "bob", nfs),
        &[("storage", "spec.volumes[0].nfs: asked a volume of type nfs; this platform allows configMap, csi,")],
    );
    let csi = volume(json!({"name": "v", "csi": {"driver": "nfs.csi.k8s.io"}}));
    assert_denied(
        &create(&p, "bob", csi),
        &[("storage", "asked inline CSI driver nfs.csi.k8s.io; this platform allows none")],
    );
    let host = volume(json!({"name": "v", "hostPath": {"path": "/"}}));
    assert_denied(&create(&p, "bob", host), &[("privilege", "asked host path /")]);
    let bound = claim("detector", "vol-bound", json!({"spec": {"volumeName": "pv-of-others", "storageClassName": ""}}));
    assert_denied(&create(&p, "carol", bound), &[("storage", "asked volumeName, which takes a volume of the cluster")]);
    ok(create(&p, "bob", claim("detector", "vol-unbound", json!({"spec": {"storageClassName": "none"}}))));
    let patch = r#"{"spec": {"volumeName": "pv-of-others"}}"#;
    let later = kubectl(&p, "bob", &["-n", "detector", "patch", "pvc", "vol-unbound", "-p", patch]);
    assert_denied(&later, &[("storage", "spec.volumeName: asked volumeName")]);
}

#[test]
fn class_confused_deputy_nobody_reaches_a_volume_through_a_colleagues_workload() {
    let p = shared();
    let members = json!([{"user": "alice", "role": "Admin"}, {"user": "carol", "role": "Manager"}, {"user": "bob"}]);
    project(&p, "deputy", json!({"members": members}));
    let of_group = json!({"metadata": {"labels": {"platform-go/group-storage": "nlp-lab.datasets"}}});
    ok(create(&p, "alice", claim("deputy", "data", of_group)));
    ok(create(&p, "bob", claim("deputy", "his", json!({}))));
    let says = "asked PersistentVolumeClaim data, which is group storage nlp-lab.datasets; carol may not use it";
    assert_denied(&create(&p, "carol", pod("deputy", "hers", mounting("data"))), &[("storage", says)]);

    eventually("bob's rights in the new project", || {
        kubectl(&p, "bob", &["-n", "deputy", "auth", "can-i", "create", "pods"]).success.then_some(())
    });
    ok(create(&p, "bob", workload("Deployment", "deputy", "readers", mounting("data"))));
    let image = ["-n", "deputy", "set", "image", "deployment/readers", "main=registry.example.com/other"];
    assert_denied(&kubectl(&p, "carol", &image), &[("storage", says)]);
    ok(kubectl(&p, "carol", &["-n", "deputy", "scale", "deployment/readers", "--replicas=0"]));
    ok(kubectl(&p, "alice", &image));

    ok(create(&p, "bob", pod("deputy", "reader", mounting("data"))));
    let debug = |user: &str, pod: &str| {
        let args = ["-n", "deputy", "debug", pod, "--image=registry.example.com/app:1", "--profile=general"];
        kubectl(&p, user, &args)
    };
    let refused = debug("carol", "reader");
    assert!(refused.stderr.contains(says), "{}", refused.stderr);
    let living = ["-n", "deputy", "set", "image", "pod/reader", "main=registry.example.com/other"];
    assert_denied(&kubectl(&p, "carol", &living), &[("storage", says)]);
    // What is nobody's storage but a colleague's own, a Manager may reach.
    ok(create(&p, "bob", workload("Deployment", "deputy", "own", mounting("his"))));
    ok(kubectl(&p, "carol", &["-n", "deputy", "set", "image", "deployment/own", "main=registry.example.com/other"]));
}

//! What is named and does not exist yet, or exists no more: what comes under the name is judged when it is used. Waiting for a
//! name keeps nobody else from it.

use e2e::gpu::{device_claim, runs};
use e2e::manifest::{claim, mounting, pod, with, workload};
use e2e::quota::settles;
use e2e::refusal::{assert_denied, denials};
use e2e::{ADMIN, apply, create, eventually, find, get, kubectl, must, ok, project_with_bob, shared};
use ground::{Ground, Output};
use serde_json::{Value, json};

/// What the scheduler was told about a Pod, by a rule.
#[track_caller]
fn not_started(p: &Ground, namespace: &str, pod: &str, rule: &str, says: &str) {
    eventually(&format!("{pod} not to be started: {says}"), || {
        let field = format!("involvedObject.name={pod},reason=FailedScheduling");
        let events = ok(kubectl(p, ADMIN, &["-n", namespace, "get", "events", "--field-selector", &field, "-o=json"]));
        let events: Value = serde_json::from_str(&events).expect("kubectl prints JSON");
        let messages = events["items"].as_array()?.iter().filter_map(|it| it["message"].as_str());
        let said: Vec<_> = messages.flat_map(denials).collect();
        said.iter().any(|it| it.rule == rule && it.message.contains(says)).then_some(())
    });
    assert_eq!(get(p, namespace, &format!("pod/{pod}"))["spec"]["nodeName"], Value::Null);
}

/// Nothing of ours is said to whoever does ordinary work.
#[track_caller]
fn without_a_word(output: Output) {
    assert!(
        output.success && !output.stderr.contains("sluice") && !output.stderr.contains("Warning"),
        "{}",
        output.stderr
    );
}

/// A volume of the cluster for whoever asks for this class, and a claim of it.
fn volume(p: &Ground, namespace: &str, name: &str) -> Value {
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": name,
                 "hostPath": {"path": "/data"}, "persistentVolumeReclaimPolicy": "Retain"}});
    must(p.admin_apply(&volume.to_string()));
    claim(namespace, name, json!({"spec": {"storageClassName": name}}))
}

#[test]
fn class_by_name_a_pod_does_not_start_with_a_volume_that_a_colleague_made_under_the_name_it_waits_for() {
    let p = shared();
    // Whatever the order: the Pod and the workload before their volume.
    let hers = volume(&p, "llm-finetune", "later");
    without_a_word(apply(&p, "bob", pod("llm-finetune", "later-bob", mounting("later"))));
    without_a_word(apply(&p, "bob", workload("Deployment", "llm-finetune", "later-bobs", mounting("later"))));
    without_a_word(apply(&p, "alice", pod("llm-finetune", "later-alice", mounting("later"))));
    without_a_word(apply(&p, "alice", &hers));
    runs(&p, "llm-finetune", "later-alice");
    let says = "asked PersistentVolumeClaim later, which is alice's; bob may not use it";
    not_started(&p, "llm-finetune", "later-bob", "storage", says);
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "pod/later-bob", "deployment/later-bobs"]));
    ok(kubectl(&p, "alice", &["-n", "llm-finetune", "delete", "pod/later-alice", "pvc/later"]));
}

#[test]
fn class_by_name_a_managers_pod_does_not_start_with_what_a_member_put_under_its_name() {
    let p = shared();
    let planted = volume(&p, "detector", "data-planted-0");
    let template = json!({"metadata": {"name": "data"}, "spec": planted["spec"]});
    let mounts = json!([{"name": "main", "image": e2e::manifest::IMAGE, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]);
    let set = workload("StatefulSet", "detector", "planted", json!({"spec": {"containers": mounts}}));
    let set = with(set, json!({"spec": {"volumeClaimTemplates": [template]}}));
    ok(create(&p, "bob", &planted));
    ok(create(&p, "carol", set));
    let deployment = workload("Deployment", "detector", "planted", mounting("data-planted-0"));
    let uid = get(&p, "detector", "pvc/data-planted-0")["metadata"]["uid"].clone();
    let says = format!(
        "if they name it by its UID, and not by a name that anybody could have given; annotate with platform-go/use-volumes: {}",
        uid.as_str().expect("a UID")
    );
    assert_denied(&create(&p, "carol", &deployment), &[("storage", &says)]);
    eventually("the refusal of the StatefulSet's Pod", || {
        let field = "involvedObject.name=planted,type=Warning";
        let events = ok(kubectl(&p, ADMIN, &["-n", "detector", "get", "events", "--field-selector", field, "-o=json"]));
        events.contains(&says).then_some(())
    });
    assert_eq!(find(&p, "detector", "pod/planted-0"), None);
    // A Deployment whose volume is still to come is judged when that has come.
    ok(kubectl(&p, "carol", &["-n", "detector", "delete", "statefulset/planted", "--cascade=foreground"]));
    ok(kubectl(&p, "bob", &["-n", "detector", "delete", "pvc/data-planted-0"]));
    eventually("the volume to go", || find(&p, "detector", "pvc/data-planted-0").is_none().then_some(()));
    without_a_word(create(&p, "carol", pod("detector", "planted-waits", mounting("data-planted-0"))));
    let free = r#"[{"op": "remove", "path": "/spec/claimRef"}]"#;
    ok(kubectl(&p, ADMIN, &["patch", "pv/data-planted-0", "--type=json", "-p", free]));
    ok(create(&p, "bob", &planted));
    not_started(&p, "detector", "planted-waits", "storage", "if they name it by its UID");
    // Who names it by its UID has agreed.
    let uid = get(&p, "detector", "pvc/data-planted-0")["metadata"]["uid"].clone();
    let agreed = json!({"metadata": {"annotations": {"platform-go/use-volumes": uid}}});
    ok(create(&p, "carol", pod("detector", "planted-agreed", with(mounting("data-planted-0"), agreed))));
    runs(&p, "detector", "planted-agreed");
    ok(kubectl(&p, "carol", &["-n", "detector", "delete", "pod/planted-agreed", "pod/planted-waits"]));
}

#[test]
fn class_by_name_a_claim_of_devices_is_not_reserved_for_a_colleagues_pod_and_nobody_pays_for_it() {
    let p = shared();
    project_with_bob(&p, "byname", json!({}));
    let naming = json!({"spec": {"resourceClaims": [{"name": "gpu", "resourceClaimName": "mine"}]}});
    ok(create(&p, "bob", pod("byname", "waits", naming.clone())));
    ok(create(&p, "alice", device_claim("byname", "mine", json!({}))));
    let says = "Pod waits is bob's, and ResourceClaim mine is alice's and not shared; the Pod waits until bob makes a claim of this name, or alice annotates theirs with platform-go/share: project";
    not_started(&p, "byname", "waits", "slot", says);
    assert_eq!(get(&p, "byname", "resourceclaim/mine")["status"]["allocation"], Value::Null);
    settles(&p, "byname", "0", "0", 0);
    // Shared, it is used, and its owner pays.
    ok(kubectl(&p, "alice", &["-n", "byname", "annotate", "resourceclaim/mine", "platform-go/share=project"]));
    runs(&p, "byname", "waits");
    settles(&p, "byname", "1", "0", 1);
    ok(kubectl(&p, "bob", &["-n", "byname", "delete", "pod/waits"]));
}

#[test]
fn class_by_name_one_who_waits_for_names_keeps_nobody_from_them() {
    let p = shared();
    let claims: Vec<_> =
        (0..16).map(|at| json!({"name": format!("c{at}"), "resourceClaimName": format!("shut-{at}")})).collect();
    let volumes: Vec<_> = (0..16)
        .map(|at| json!({"name": format!("v{at}"), "persistentVolumeClaim": {"claimName": format!("shut-{at}")}}))
        .chain([json!({"name": "e", "persistentVolumeClaim": {"claimName": "shut-scratch"}})])
        .collect();
    let gate = json!([{"name": "example.com/never"}]);
    let waits = json!({"spec": {"schedulingGates": gate, "resourceClaims": claims, "volumes": volumes}});
    ok(create(&p, "bob", pod("llm-finetune", "shutter", waits)));
    ok(create(&p, "alice", device_claim("llm-finetune", "shut-3", json!({}))));
    without_a_word(create(&p, "alice", claim("llm-finetune", "shut-3", json!({}))));
    let template = json!({"spec": claim("llm-finetune", "x", json!({}))["spec"]});
    let ephemeral = json!({"spec": {"volumes": [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]}});
    ok(create(&p, "alice", pod("llm-finetune", "shut", ephemeral)));
    let made = eventually("the ephemeral volume", || find(&p, "llm-finetune", "pvc/shut-scratch"));
    assert_eq!(made["metadata"]["labels"]["platform-go/user-id"], "alice");
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "pod/shutter"]));
    ok(kubectl(&p, "alice", &["-n", "llm-finetune", "delete", "pod/shut", "pvc/shut-3", "resourceclaim/shut-3"]));
}

fn is_told(claim: &Value) -> bool {
    claim["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"].is_string()
}

#[test]
fn class_by_name_a_copy_is_made_of_what_its_user_may_read_and_of_nothing_that_took_the_name() {
    let p = shared();
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "copied"},
        "provisioner": "csi.example.org"});
    must(p.admin_apply(&class.to_string()));
    let of_class = json!({"spec": {"storageClassName": "copied"}});
    let copy = |name: &str| {
        let source = json!({"spec": {"dataSource": {"kind": "PersistentVolumeClaim", "name": "copy-source"}}});
        claim("llm-finetune", name, with(of_class.clone(), source))
    };
    let source = claim("llm-finetune", "copy-source", of_class.clone());
    without_a_word(apply(&p, "bob", copy("copy-bobs")));
    ok(apply(&p, "alice", &source));
    ok(apply(&p, "alice", copy("copy-alices")));
    eventually("alice's copy to be begun", || is_told(&get(&p, "llm-finetune", "pvc/copy-alices")).then_some(()));
    // The control plane has had bob's before its eyes as long.
    assert!(!is_told(&get(&p, "llm-finetune", "pvc/copy-bobs")));
    ok(kubectl(&p, "alice", &["-n", "llm-finetune", "delete", "pvc/copy-alices", "pvc/copy-source"]));
    eventually("the source to go", || find(&p, "llm-finetune", "pvc/copy-source").is_none().then_some(()));
    without_a_word(apply(&p, "bob", &source));
    eventually("bob's copy to be begun", || is_told(&get(&p, "llm-finetune", "pvc/copy-bobs")).then_some(()));
    // From now on the driver takes what has the name.
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "pvc/copy-source"]));
    eventually("the source to go", || find(&p, "llm-finetune", "pvc/copy-source").is_none().then_some(()));
    let says =
        "PersistentVolumeClaim copy-bobs of bob is being filled from what has this name, and bob may not read it";
    assert_denied(&create(&p, "alice", &source), &[("storage", says)]);
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "pvc/copy-bobs"]));
    eventually("alice to have the name", || create(&p, "alice", &source).success.then_some(()));
    ok(kubectl(&p, "alice", &["-n", "llm-finetune", "delete", "pvc/copy-source"]));
}

/// Kubernetes and the garbage collector know owners by their UIDs: of a kind that nobody has, one stays for ever.
#[test]
fn class_claim_planted_with_an_owner_of_no_kind_that_has_the_uid_of_a_colleagues_pod() {
    let p = shared();
    let owned_by = |pod: &str| {
        let uid = get(&p, "detector", &format!("pod/{pod}"))["metadata"]["uid"].clone();
        let owner =
            json!({"apiVersion": "x.example.com/v1", "kind": "Zed", "name": "z", "uid": uid, "controller": true});
        json!({"metadata": {"ownerReferences": [owner]}})
    };
    // What she asks as an ephemeral volume has a name that anybody can tell.
    let planted = volume(&p, "detector", "owned-scratch");
    ok(create(&p, "bob", &planted));
    let template = json!({"spec": claim("detector", "x", json!({}))["spec"]});
    let ephemeral = json!({"spec": {"volumes": [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]}});
    ok(create(&p, "carol", pod("detector", "owned", ephemeral)));
    let patch = owned_by("owned").to_string();
    let own =
        |user: &str| kubectl(&p, user, &["-n", "detector", "patch", "pvc/owned-scratch", "--type=merge", "-p", &patch]);
    let says = "asked Zed z as its owner, which only Kubernetes writes on the claims that it makes for Pods";
    assert_denied(&own("bob"), &[("claim-origin", says)]);
    // Where somebody else has planted it, it opens nothing.
    ok(own(ADMIN));
    not_started(&p, "detector", "owned", "storage", "asked PersistentVolumeClaim owned-scratch, which is bob's");
    // So has the claim of devices that she waits for.
    let naming = json!({"spec": {"resourceClaims": [{"name": "gpu", "resourceClaimName": "owned"}]}});
    ok(create(&p, "carol", pod("detector", "owned-gpu", naming)));
    let planted = device_claim("detector", "owned", owned_by("owned-gpu"));
    assert_denied(&create(&p, "bob", planted), &[("claim-origin", says)]);
    ok(create(&p, "bob", device_claim("detector", "owned", json!({}))));
    let patch = owned_by("owned-gpu").to_string();
    ok(kubectl(&p, ADMIN, &["-n", "detector", "patch", "resourceclaim/owned", "--type=merge", "-p", &patch]));
    not_started(&p, "detector", "owned-gpu", "slot", "Pod owned-gpu is carol's, and ResourceClaim owned is bob's");
    ok(kubectl(&p, "carol", &["-n", "detector", "delete", "pod/owned", "pod/owned-gpu"]));
    ok(kubectl(&p, "bob", &["-n", "detector", "delete", "pvc/owned-scratch", "resourceclaim/owned"]));
}

#[test]
fn class_by_name_nobody_tells_a_storage_driver_by_hand_to_look_for_a_source() {
    let p = shared();
    let told = json!({"metadata": {"annotations": {"volume.kubernetes.io/storage-provisioner": "csi.example.com"}},
        "spec": {"storageClassName": "", "dataSource": {"kind": "PersistentVolumeClaim", "name": "told-source"}}});
    without_a_word(create(&p, "bob", claim("llm-finetune", "told", told)));
    let annotations = get(&p, "llm-finetune", "pvc/told")["metadata"]["annotations"].clone();
    assert_eq!(annotations, json!({"platform-go/made-by": "bob"}));
    // So the name is anybody's.
    without_a_word(create(&p, "alice", claim("llm-finetune", "told-source", json!({}))));
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "pvc/told"]));
    ok(kubectl(&p, "alice", &["-n", "llm-finetune", "delete", "pvc/told-source"]));
}

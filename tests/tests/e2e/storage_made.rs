//! Claims that controllers make and bind, and lanes.

use e2e::manifest::{IMAGE, claim, pod, with, workload};
use e2e::refusal::{assert_denied, denials};
use e2e::{ADMIN, apply, create, eventually, find, get, kubectl, kubectl_with, label, must, ok, shared};
use serde_json::{Value, json};

fn templates(names: &[&str]) -> Value {
    let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let template = |name: &&str| json!({"metadata": {"name": name}, "spec": spec});
    json!(names.iter().map(template).collect::<Vec<_>>())
}

fn stateful(name: &str, template: &str) -> Value {
    let mounts = json!([{"name": template, "mountPath": "/data"}]);
    let container = json!({"name": "main", "image": IMAGE, "volumeMounts": mounts});
    let set = workload("StatefulSet", "detector", name, json!({"spec": {"containers": [container]}}));
    with(set, json!({"spec": {"volumeClaimTemplates": templates(&[template])}}))
}

#[test]
fn the_claims_of_a_stateful_set_are_its_owners() {
    let p = shared();
    ok(create(&p, "bob", stateful("made", "data")));
    let made = eventually("the claim of the StatefulSet", || find(&p, "detector", "pvc/data-made-0"));
    assert_eq!((label(&made, "user-id"), label(&made, "project-id")), ("bob", "detector"));
    let pod = eventually("the Pod of the StatefulSet", || find(&p, "detector", "pod/made-0"));
    assert_eq!(label(&pod, "user-id"), "bob");
    ok(kubectl(&p, "bob", &["-n", "detector", "scale", "statefulset/made", "--replicas=2"]));
}

#[test]
fn class_volumes_a_stateful_set_takes_no_claim_of_a_colleague() {
    let p = shared();
    ok(create(&p, "carol", claim("detector", "data-taker-0", json!({}))));
    let retention =
        json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"}}});
    ok(create(&p, "bob", with(stateful("taker", "data"), retention)));
    let refused = eventually("the refusal of the StatefulSet's Pod", || {
        let field = "involvedObject.name=taker,type=Warning";
        let events = ok(kubectl(&p, ADMIN, &["-n", "detector", "get", "events", "--field-selector", field, "-o=json"]));
        let events: Value = serde_json::from_str(&events).expect("kubectl prints JSON");
        let messages = events["items"].as_array()?.iter().filter_map(|it| it["message"].as_str());
        let said: Vec<_> = messages.flat_map(denials).collect();
        (!said.is_empty()).then_some(said)
    });
    let said = |rule: &str, says: &str| refused.iter().any(|it| it.rule == rule && it.message.contains(says));
    assert!(
        said("project", "asked to take over what is carol's")
            || said("storage", "which is carol's; bob may not use it"),
        "{refused:?}"
    );
    assert_eq!(get(&p, "detector", "pvc/data-taker-0")["metadata"]["ownerReferences"], Value::Null);
    assert_eq!(find(&p, "detector", "pod/taker-0"), None);
}

#[test]
fn class_volumes_the_claim_of_an_ephemeral_volume_is_its_pods_owners() {
    let p = shared();
    let template =
        json!({"metadata": {"labels": {"platform-go/user-id": "carol"}}, "spec": templates(&["x"])[0]["spec"]});
    let volume = json!({"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}});
    ok(create(&p, "bob", pod("detector", "ephemeral", json!({"spec": {"volumes": [volume]}}))));
    let made = eventually("the ephemeral volume's claim", || find(&p, "detector", "pvc/ephemeral-scratch"));
    assert_eq!(label(&made, "user-id"), "bob");
}

/// A volume that an admin reserves for a claim of the project detector.
fn reserved(volume: &str, claim: &str, annotations: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume, "annotations": annotations},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "bound-here",
                 "hostPath": {"path": "/data"}, "claimRef": {"namespace": "detector", "name": claim}}})
}

#[test]
fn class_reserved_by_name_a_claim_is_made_by_whom_its_volume_names() {
    let p = shared();
    let for_carol = json!({"platform-go/reserved-for": "carol"});
    must(p.admin_apply(&reserved("kept-for-carol", "kept", &for_carol).to_string()));
    must(p.admin_apply(&reserved("kept-for-set", "data-kept-0", &json!({})).to_string()));
    let says = "bob asked a name for which PersistentVolume kept-for-carol is reserved; only carol and Managers of project detector";
    let here = || json!({"spec": {"storageClassName": "bound-here"}});
    eventually("the reservation to be known", || {
        let refused = kubectl_with(
            &p,
            "bob",
            &["create", "--dry-run=server", "-f", "-"],
            &claim("detector", "kept", here()).to_string(),
        );
        refused.stderr.contains(says).then_some(())
    });
    for spec in [here(), json!({"spec": {"storageClassName": "other"}}), json!({})] {
        assert_denied(&create(&p, "bob", claim("detector", "kept", spec)), &[("storage", says)]);
    }
    ok(create(&p, "bob", stateful("kept", "data")));
    eventually("the refusal of the StatefulSet's claim", || {
        let field = "involvedObject.name=kept,type=Warning";
        let events = ok(kubectl(&p, ADMIN, &["-n", "detector", "get", "events", "--field-selector", field, "-o=json"]));
        events.contains("PersistentVolume kept-for-set is reserved; only Managers of project detector").then_some(())
    });
    assert_eq!(find(&p, "detector", "pvc/data-kept-0"), None);
    ok(kubectl(&p, "bob", &["-n", "detector", "delete", "statefulset/kept"]));
    ok(create(&p, "carol", claim("detector", "kept", here())));
    eventually("carol's claim to be bound", || {
        (get(&p, "detector", "pvc/kept")["spec"]["volumeName"] == "kept-for-carol").then_some(())
    });
    ok(kubectl(&p, ADMIN, &["delete", "pv/kept-for-set"]));
}

#[test]
fn the_control_plane_binds_what_nobody_else_may() {
    let p = shared();
    let for_bob = json!({"platform-go/reserved-for": "bob"});
    must(p.admin_apply(&reserved("bound-by-admin", "bound", &for_bob).to_string()));
    ok(create(&p, "bob", claim("detector", "bound", json!({"spec": {"storageClassName": "bound-here"}}))));
    eventually("the claim to be bound", || {
        let it = get(&p, "detector", "pvc/bound");
        (it["status"]["phase"] == "Bound" && it["spec"]["volumeName"] == "bound-by-admin").then_some(())
    });
    let class = ok(kubectl(&p, "bob", &["-n", "detector", "delete", "pvc", "bound", "--wait=false"]));
    assert!(class.contains("deleted"), "{class}");
}

fn in_lane(name: &str, lane: &str, spec: Value) -> Value {
    let patch = json!({"metadata": {"labels": {"platform-go/storage-lane": lane}}, "spec": spec});
    with(claim("detector", name, json!({"spec": {"accessModes": null}})), patch)
}

#[test]
fn a_lane_is_a_class_and_an_access_mode() {
    let p = shared();
    let manifest = in_lane("lane", "shared-rwx", json!({}));
    ok(apply(&p, "bob", &manifest));
    let made = get(&p, "detector", "pvc/lane");
    assert_eq!(made["spec"]["storageClassName"], "shared-rwx");
    assert_eq!(made["spec"]["accessModes"], json!(["ReadWriteMany"]));
    let ways: [&[&str]; 3] =
        [&["apply", "-f", "-"], &["apply", "--server-side", "--force-conflicts", "-f", "-"], &["replace", "-f", "-"]];
    for way in ways {
        let output = kubectl_with(&p, "bob", way, &manifest.to_string());
        assert!(output.success && !output.stderr.contains("sluice"), "{way:?}: {}", output.stderr);
        let now = get(&p, "detector", "pvc/lane");
        assert_eq!((&now["spec"], &now["metadata"]["labels"]), (&made["spec"], &made["metadata"]["labels"]), "{way:?}");
    }
    let unknown = create(&p, "bob", in_lane("lane-none", "slow", json!({})));
    assert_denied(
        &unknown,
        &[("storage-lane", r#"asked lane "slow"; the lanes are fast-rwo, legacy-rwx, shared-rwx;"#)],
    );
    let other =
        in_lane("lane-other", "fast-rwo", json!({"storageClassName": "slow", "accessModes": ["ReadWriteMany"]}));
    let says = "asked class slow beside lane fast-rwo, whose class is fast-rwo";
    assert_denied(&create(&p, "bob", other), &[("storage-lane", says), ("storage-lane", "asked ReadWriteMany beside")]);
    let label = ["-n", "detector", "label", "--overwrite", "pvc", "lane", "platform-go/storage-lane=fast-rwo"];
    assert_denied(
        &kubectl(&p, "bob", &label),
        &[("storage-lane", "a claim keeps what it was made with, here lane shared-rwx")],
    );
}

#[test]
fn a_lane_goes_before_the_default_class_that_nobody_asked_for() {
    let p = shared();
    let class = |default: &str| {
        let annotations = json!({"storageclass.kubernetes.io/is-default-class": default});
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "none.example.org",
            "metadata": {"name": "lane-default", "annotations": annotations}})
    };
    must(p.admin_apply(&class("true").to_string()));
    eventually("the API server to fill in the default class", || {
        let plain = claim("detector", "lane-plain", json!({}));
        ok(kubectl_with(&p, ADMIN, &["create", "--dry-run=server", "-o=json", "-f", "-"], &plain.to_string()))
            .contains("lane-default")
            .then_some(())
    });
    ok(create(&p, "bob", in_lane("lane-before-default", "fast-rwo", json!({}))));
    assert_eq!(get(&p, "detector", "pvc/lane-before-default")["spec"]["storageClassName"], "fast-rwo");
    must(p.admin_apply(&class("false").to_string()));
}

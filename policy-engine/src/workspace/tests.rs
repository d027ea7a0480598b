use serde_json::json;

use super::*;

fn read(spec: Value) -> Workspace {
    Workspace::read(&json!({"spec": spec})).expect("a workspace")
}

fn made(spec: Value) -> Value {
    pod("nb", &read(spec), &Defaults { cpu: Some("1".into()), memory: Some("4Gi".into()) })
}

#[test]
fn what_is_not_said_is_as_the_type_and_the_plan_say() {
    let pod = made(json!({"type": "jupyter", "image": "jupyter:1"}));
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["resources"], json!({"requests": {"cpu": "1", "memory": "4Gi"}, "limits": {}}));
    assert_eq!(pod["spec"]["volumes"][0]["emptyDir"], json!({"medium": "Memory", "sizeLimit": "1073741824"}));
    assert_eq!(container["volumeMounts"], json!([{"name": "shm", "mountPath": "/dev/shm"}]));
    assert_eq!(container["ports"][0]["containerPort"], 8888);
    assert!(container["command"].as_array().expect("words").contains(&json!("--ip=127.0.0.1")), "{container}");
    assert!(container["command"].as_array().expect("words").contains(&json!("--IdentityProvider.token=")));
    assert_eq!(pod["metadata"]["labels"][crate::contract::RESOURCE_TYPE], "interactive-jupyter");
    assert_eq!(pod["metadata"]["labels"].as_object().map(|labels| labels.len()), Some(2), "what a person would set");

    let pod = made(json!({"type": "vscode", "image": "code:1"}));
    assert_eq!(pod["spec"]["containers"][0]["ports"][0]["containerPort"], 8080);
    assert_eq!(pod["spec"]["containers"][0]["command"][1], "--bind-addr=127.0.0.1:8080");

    let pod = made(json!({"type": "custom", "image": "mine:1", "port": 3000}));
    assert_eq!(pod["spec"]["containers"][0].get("command"), None, "the image's own");
    assert_eq!(pod["spec"]["containers"][0]["readinessProbe"]["tcpSocket"]["port"], 3000);
}

#[test]
fn what_is_said_goes_where_it_belongs() {
    let volumes = json!([{"claimName": "data", "mountPath": "/data"}, {"claimName": "sets", "mountPath": "/sets", "readOnly": true}]);
    let gpu = json!({"model": "h100", "smPercent": 50, "vramPolicy": "hard_cap", "pinnedMemory": "20Gi"});
    let pod = made(json!({
        "type": "jupyter", "image": "jupyter:1", "queue": "research", "gpu": gpu, "volumes": volumes, "shm": "8Gi", "fsGroup": 100,
        "imagePullSecrets": ["pull"], "rootShell": true, "resources": {"cpu": 2, "memory": "16Gi"}, "env": [{"name": "A", "value": "b"}],
    }));
    let labels = json!({
        "sluice.dev/workspace": "nb", "platform-go/resource-type": "interactive-jupyter", "platform-go/queue-name": "research",
        "platform-go/dra-sharing-mode": "inline", "platform-go/dra-gpu-model": "h100", "platform-go/dra-gpu-count": "1",
        "platform-go/dra-sm-pct": "50", "platform-go/vram-policy": "hard_cap", "platform-go/dra-pinned-mem": "20Gi",
    });
    assert_eq!(pod["metadata"]["labels"], labels);
    assert_eq!(pod["metadata"]["annotations"], json!({"platform-go/root-shell": "true"}));
    let spec = &pod["spec"];
    assert_eq!(spec["volumes"][1]["persistentVolumeClaim"], json!({"claimName": "sets", "readOnly": true}));
    assert_eq!(spec["volumes"][2], json!({"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}}));
    assert_eq!(spec["securityContext"], json!({"fsGroup": 100}));
    assert_eq!(spec["imagePullSecrets"], json!([{"name": "pull"}]));
    let amounts = json!({"cpu": "2", "memory": "16Gi"});
    assert_eq!(spec["containers"][0]["resources"], json!({"requests": amounts, "limits": amounts}));
    assert_eq!(spec["containers"][0]["env"], json!([{"name": "A", "value": "b"}]));
    assert!(spec["containers"][0]["command"].as_array().expect("words").contains(&json!("--allow-root")));

    let pod = made(json!({"type": "jupyter", "image": "jupyter:1", "claimName": "train"}));
    assert_eq!(pod["spec"]["resourceClaims"], json!([{"name": "gpu", "resourceClaimName": "train"}]));
    assert_eq!(pod["spec"]["containers"][0]["resources"]["claims"], json!([{"name": "gpu"}]));
}

#[test]
fn a_volume_can_be_the_shared_memory_and_own_words_replace_those_of_the_type() {
    let volumes = json!([{"claimName": "fast", "mountPath": "/dev/shm/"}]);
    let pod =
        made(json!({"type": "jupyter", "image": "j:1", "volumes": volumes, "command": ["start.sh"], "args": ["-x"]}));
    assert_eq!(pod["spec"]["volumes"].as_array().map(Vec::len), Some(1));
    assert_eq!(pod["spec"]["containers"][0]["command"], json!(["start.sh"]));
    assert_eq!(pod["spec"]["containers"][0]["args"], json!(["-x"]));
}

#[test]
fn the_service_reaches_whichever_pod_it_has() {
    let of = read(json!({"type": "custom", "image": "mine:1", "port": 3000}));
    let service = service("nb", Some("bob"), &of);
    let pod = pod("nb", &of, &Defaults::default());
    for (key, value) in
        service["spec"]["selector"].as_object().expect("labels").iter().filter(|(key, _)| *key != "platform-go/user-id")
    {
        assert_eq!(&pod["metadata"]["labels"][key], value);
    }
    assert_eq!(
        service["spec"]["selector"]["platform-go/user-id"], "bob",
        "no Pod of somebody else's answers in its place"
    );
    assert_eq!(service["spec"]["ports"][0]["targetPort"], 3000);
}

#[test]
fn what_is_no_workspace_is_named() {
    for (spec, says) in [
        (json!({"image": "x"}), "spec: missing field `type`"),
        (json!({"type": "jupyter", "image": "x", "gpus": 1}), "spec: unknown field `gpus`"),
        (json!({"type": "emacs", "image": "x"}), "spec: unknown variant `emacs`"),
    ] {
        let error = Workspace::read(&json!({"spec": spec})).expect_err("no workspace").to_string();
        assert!(error.starts_with(says), "{error}");
    }
}

//! The real node runs containers with devices, comes back when it was killed, and leaves nothing on the machine.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use ground::oci::Image;
use ground::real_node::{NODE, hindrance};
use ground::{Ground, Layout, Output, until};
use serde_json::{Value, json};
use std::process::Command;

const IMAGE: &str = "registry.example.com/team/busybox:1";

/// What others on this machine could notice.
fn traces() -> String {
    let script = "ip -o link | sed 's/^[0-9]*: //' | cut -d' ' -f1 | sort; ip -o address | grep -c .; ip route; \
        ip netns list; cat /proc/self/mounts | cut -d' ' -f2 | sort; find /sys/fs/cgroup -type d -name 'sluice[0-9]*'; \
        sysctl -n vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops net.ipv4.ip_forward; \
        pgrep -fa 'containerd|kubelet|kube-proxy' | grep -v real_node || true";
    let mut command = Command::new("bash");
    command.args(["-c", script]);
    Output::of(command, "").unwrap().ok("look").unwrap()
}

fn claiming() -> Value {
    let devices = json!({"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.example.com"}}]});
    let claim = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
        "metadata": {"name": "one", "namespace": "default"}, "spec": {"devices": devices}});
    let container = json!({"name": "main", "image": IMAGE, "command": ["sh", "-c", "trap 'exit 0' TERM; env; sleep 1000 & wait"],
        "resources": {"claims": [{"name": "gpu"}]}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", "namespace": "default"},
        "spec": {"containers": [container], "resourceClaims": [{"name": "gpu", "resourceClaimName": "one"}]}});
    json!({"apiVersion": "v1", "kind": "List", "items": [claim, pod]})
}

fn runs(ground: &Ground) {
    let wait = ["wait", "pod/one", "--for=condition=Ready", "--timeout=60s"];
    ground.admin(&wait).unwrap();
    let log = until("the container's environment", 30, || {
        Ok::<_, ground::Error>(ground.admin(&["logs", "one"]).ok().filter(|log| log.contains("GPU_DEVICE_")))
    });
    assert!(log.unwrap().contains("KUBERNETES_SERVICE_HOST=10.252."));
    ground
        .admin(&["exec", "one", "--", "sh", "-c", "nc $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT < /dev/null"])
        .unwrap();
}

#[test]
fn it_runs_containers_comes_back_and_leaves_nothing() {
    assert_eq!(hindrance(), None, "the tests need a real node");
    let layout = Layout::e2e("ground-real").with_real_node(true);
    let before = traces();
    let mut ground = Ground::start(layout.clone()).unwrap();
    let archive = layout.dir().join("busybox.tar");
    Image::of_busybox(IMAGE, &["sh"]).unwrap().write(&archive).unwrap();
    ground.import_image(&archive).unwrap();
    ground.admin_apply(&claiming().to_string()).unwrap();
    runs(&ground);
    assert_eq!(ground.admin(&["get", "pod", "one", "-o=jsonpath={.spec.nodeName}"]).unwrap(), NODE);

    ground.kill("real-node").unwrap();
    ground.repair().unwrap();
    ground.import_image(&archive).unwrap();
    let restarted = r#"-o=jsonpath={.status.containerStatuses[0].restartCount}"#;
    until("the container to be started again", 60, || {
        Ok::<_, ground::Error>((ground.admin(&["get", "pod", "one", restarted])? != "0").then_some(()))
    })
    .unwrap();
    runs(&ground);
    ground.admin(&["delete", "pod", "one", "--timeout=30s"]).unwrap();
    drop(ground);
    assert_eq!(traces(), before);
}

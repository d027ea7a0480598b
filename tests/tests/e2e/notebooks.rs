//! Workspaces whose servers really run: JupyterLab in a container of the real node.

use e2e::installed::with_sqlite;
use e2e::manifest::claim;
use e2e::{ADMIN, create, eventually, find, get, kubectl, must, ok, patch, real, within};
use ground::{Ground, workbench};
use serde_json::{Value, json};

const LAB: &str = "llm-finetune";

fn workspace(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "Workspace",
        "metadata": {"name": name, "namespace": LAB},
        "spec": {"type": "jupyter", "image": image, "gpu": {"model": "example", "smPercent": 50}, "fsGroup": 100,
            "volumes": [{"claimName": "work", "mountPath": "/data"}], "resources": {"cpu": "1", "memory": "1Gi"}},
    })
}

fn is(p: &Ground, name: &str, phase: &str) -> Option<Value> {
    let status = get(p, LAB, &format!("workspace/{name}"))["status"].clone();
    (status["phase"] == phase).then_some(status)
}

fn inside(p: &Ground, name: &str, script: &str) -> ground::Output {
    kubectl(p, ADMIN, &["-n", LAB, "exec", name, "-c", "workspace", "--", "sh", "-c", script])
}

#[test]
fn a_notebook_runs_on_half_a_device_and_its_files_outlive_it() {
    let p = real();
    with_sqlite(&p);
    must(p.import_image(&must(workbench::jupyter())));
    ok(create(&p, "bob", claim(LAB, "work", json!({}))));
    ok(create(&p, "bob", workspace("nb", workbench::JUPYTER)));
    let status = within(60, "the notebook to run", || is(&p, "nb", "Running"));
    assert_eq!((&status["effectiveGpu"], &status["queue"]), (&json!("0.5"), &json!("default")));
    let env = ok(inside(&p, "nb", "env"));
    assert!(env.contains("GPU_DEVICE_") && env.contains("_COMPUTE=50"), "the driver has given half a device: {env}");
    within(120, "JupyterLab to answer, without a token, on loopback", || {
        let ask =
            "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:8888/api/status\").read())'";
        inside(&p, "nb", ask).stdout.contains("last_activity").then_some(())
    });
    ok(inside(&p, "nb", "id -u | grep -x 1000 && echo kept > /data/notes && df -m /dev/shm | tail -1 | grep -w 256"));

    let running = |to: bool| ok(patch(&p, "bob", LAB, "workspace/nb", &json!({"spec": {"running": to}})));
    running(false);
    let stopped = within(60, "the notebook to stop", || is(&p, "nb", "Stopped"));
    assert_eq!(stopped["message"], "Stopped by bob");
    running(true);
    within(60, "the notebook to run again", || is(&p, "nb", "Running"));
    assert_eq!(ok(inside(&p, "nb", "cat /data/notes")).trim(), "kept");
    ok(kubectl(&p, "bob", &["-n", LAB, "delete", "workspace", "nb"]));
    eventually("its Pod to go", || find(&p, LAB, "pod/nb").is_none().then_some(()));
    assert_eq!(get(&p, LAB, "persistentvolumeclaim/work")["status"]["phase"], "Bound");
}

#[test]
fn code_server_answers_in_its_pod_and_to_nobody_else() {
    let p = real();
    with_sqlite(&p);
    must(p.import_image(&must(workbench::code_server())));
    let mut editor = workspace("editor", workbench::CODE_SERVER);
    editor["spec"]["type"] = json!("vscode");
    editor["spec"]["volumes"] = json!([]);
    ok(create(&p, "bob", editor));
    within(60, "the editor to run", || is(&p, "editor", "Running"));
    let ask = |host: &str| {
        let script = format!("fetch('http://{host}:8080/healthz').then(it => it.text()).then(console.log)");
        inside(&p, "editor", &format!("node -e \"{script}\""))
    };
    eventually("code-server to answer", || ask("127.0.0.1").stdout.contains("lastHeartbeat").then_some(()));
    let address = get(&p, LAB, "pod/editor")["status"]["podIP"].as_str().expect("an address").to_owned();
    let refused = ask(&address);
    assert!(refused.stderr.contains("ECONNREFUSED"), "{}{}", refused.stdout, refused.stderr);
    ok(kubectl(&p, "bob", &["-n", LAB, "delete", "workspace", "editor"]));
}

#[test]
fn what_keeps_a_notebook_from_starting_is_said_in_words() {
    let p = real();
    with_sqlite(&p);
    let mut absent = workspace("absent", "registry.example.com/ide/none:1");
    absent["spec"]["volumes"] = json!([]);
    absent["spec"]["resources"] = json!({"cpu": "100m", "memory": "256Mi"});
    ok(create(&p, "bob", absent));
    let status = within(60, "the image to be missed", || is(&p, "absent", "Error"));
    let message = status["message"].as_str().unwrap_or_default();
    assert!(message.contains("registry.example.com/ide/none:1") && message.contains("pull"), "{status}");

    let mut broken = workspace("broken", e2e::manifest::IMAGE);
    broken["spec"]["volumes"] = json!([]);
    broken["spec"]["resources"] = json!({"cpu": "100m", "memory": "256Mi"});
    broken["spec"]["command"] = json!(["sh", "-c", "echo no kernel for this >&2; exit 3"]);
    ok(create(&p, "bob", broken));
    let status = within(90, "the server to end again and again", || is(&p, "broken", "Error"));
    assert!(status["message"].as_str().is_some_and(|it| it.contains("no kernel for this")), "{status}");
    ok(kubectl(&p, "bob", &["-n", LAB, "delete", "workspace", "absent", "broken"]));
}

//! Sluice as people install it: the chart by Helm, an image, a Service, tokens of service accounts, on a real node.

use e2e::gpu::inline;
use e2e::installed::{install, rolled_out, with_sqlite};
use e2e::manifest::{self, pod, with};
use e2e::refusal::assert_denied;
use e2e::{ADMIN, create, eventually, get, kubectl, list, must, ok, real, running, within};
use ground::real_node::NODE;
use ground::{Ground, Output, Postgres, SYSTEM_NAMESPACE};
use serde_json::{Value, json};
use std::process::Command;

/// A root image is refused by its rule and for its reason, and what is right runs, with its user's stamp.
fn judges(p: &Ground, name: &str) {
    let foreign = json!({"spec": {"containers": [{"name": "main", "image": "elsewhere.example.com/x:1"}]}});
    eventually("what is wrong to be refused", || {
        let output = create(p, "bob", pod("llm-finetune", name, foreign.clone()));
        output
            .stderr
            .contains("sluice: ")
            .then(|| assert_denied(&output, &[("image", "asked elsewhere.example.com/x:1")]))
    });
    eventually("what is right to be admitted", || {
        create(p, "bob", pod("llm-finetune", name, json!({}))).success.then_some(())
    });
    let made = get(p, "llm-finetune", &format!("pod/{name}"));
    assert_eq!(made["metadata"]["labels"]["platform-go/user-id"], "bob");
}

#[test]
fn by_helm_from_an_image_with_sqlite_and_then_with_postgresql_and_two_replicas() {
    let p = real();
    with_sqlite(&p);
    judges(&p, "with-sqlite");

    // What somebody spent outlives them, and the Pod that reckons it.
    ok(create(&p, "bob", with(pod("llm-finetune", "half", json!({})), inline("example", "50"))));
    running(&p, "llm-finetune", "app=half", 1);
    ok(kubectl(&p, ADMIN, &["-n", "llm-finetune", "delete", "pod", "half", "--grace-period=1"]));
    let spent = || {
        let said = usage(&p)?;
        let found = said["spent"].as_array()?.iter().any(|it| it["user"] == "bob" && it["model"] == "example");
        (found && !said["held"].to_string().contains("half")).then_some(())
    };
    eventually("what the half device cost", spent);
    ok(kubectl(&p, ADMIN, &["-n", SYSTEM_NAMESPACE, "delete", "pod", "-l", "app.kubernetes.io/name=sluice"]));
    rolled_out(&p);
    judges(&p, "with-sqlite-again");
    eventually("the same after a restart", spent);

    let directory = tempfile::tempdir().expect("a temporary directory");
    let postgres = must(Postgres::start_for_pods(directory.path(), &p));
    must(postgres.create("sluice"));
    // By a name, which the image must be able to resolve.
    install(&p, &[("database.url", &postgres.url_by("database.example.com", "sluice")), ("replicas", "2")]);
    let address = must(p.address()).to_string();
    let named = json!([{"op": "add", "path": "/spec/template/spec/hostAliases",
        "value": [{"ip": address, "hostnames": ["database.example.com"]}]}]);
    ok(kubectl(
        &p,
        ADMIN,
        &["-n", SYSTEM_NAMESPACE, "patch", "deployment", "sluice", "--type=json", "-p", &named.to_string()],
    ));
    rolled_out(&p);
    judges(&p, "with-postgresql");
    let pods = list(&p, SYSTEM_NAMESPACE, "pods", "app.kubernetes.io/name=sluice");
    assert!(pods.iter().all(|pod| pod["spec"]["nodeName"] == NODE), "{pods:?}");

    // The budget leaves one of them where it is, and it answers.
    let drain = ["drain", NODE, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=20s"];
    let drained = kubectl(&p, ADMIN, &drain);
    assert!(
        drained.stderr.contains("Cannot evict pod as it would violate the pod's disruption budget"),
        "{}",
        drained.stderr
    );
    judges(&p, "while-drained");
    ok(kubectl(&p, ADMIN, &["uncordon", NODE]));
    rolled_out(&p);
    // The database goes with this test.
    with_sqlite(&p);
}

/// What the ledger says of a project, asked as the README does; nothing while nobody answers.
fn usage(p: &Ground) -> Option<Value> {
    let usage = ["sluice", "usage", "--project", "llm-finetune", "-o", "json"];
    let output = kubectl(p, ADMIN, &[&["-n", SYSTEM_NAMESPACE, "exec", "deploy/sluice", "--"], &usage[..]].concat());
    serde_json::from_str(&output.stdout).ok()
}

/// Whether a process of a container runs, on whichever node of this machine.
fn lives(mark: &str) -> bool {
    let mut pgrep = Command::new("pgrep");
    pgrep.args(["-f", mark]);
    must(Output::of(pgrep, "")).success
}

#[test]
fn a_device_is_never_given_twice_while_a_process_lives() {
    let p = real();
    with_sqlite(&p);
    let mark = "deaf-to-every-signal";
    let script = format!("trap '' TERM; echo {mark}; while true; do sleep 1; done");
    let container = json!({"name": "main", "image": manifest::IMAGE, "command": ["sh", "-c", script, mark]});
    let four = json!({"metadata": {"labels": {"platform-go/dra-gpu-count": "4"}}});
    let deaf = json!({"spec": {"terminationGracePeriodSeconds": 8, "containers": [container]}});
    ok(create(&p, "bob", with(with(pod("llm-finetune", "deaf", deaf), inline("example", "100")), four.clone())));
    running(&p, "llm-finetune", "app=deaf", 1);
    assert!(lives(mark));
    let delete = |more: &[&str]| kubectl(&p, "bob", &[&["-n", "llm-finetune", "delete", "pod/deaf"], more].concat());
    let forced = delete(&["--force"]);
    assert!(forced.stderr.contains("sluice-forced-deletions") && lives(mark), "{}", forced.stderr);
    ok(delete(&["--wait=false"]));
    ok(create(&p, "alice", with(with(pod("llm-finetune", "next", json!({})), inline("example", "100")), four)));
    within(60, "the next one to run", || {
        let lived = lives(mark);
        let next = get(&p, "llm-finetune", "pod/next");
        let node = next["spec"]["nodeName"].as_str();
        assert!(!(lived && node.is_some()), "all four devices were given while their process lived");
        (next["status"]["phase"] == "Running").then_some(())
    });
    ok(kubectl(&p, "alice", &["-n", "llm-finetune", "delete", "pod/next"]));
}

/// The kubelet carries the resize out; the ledger follows it.
#[test]
fn what_a_resize_gives_back_is_free_when_the_node_has_taken_it() {
    let p = real();
    with_sqlite(&p);
    let here = json!({"kubernetes.io/hostname": NODE});
    let container = json!({"name": "main", "image": manifest::IMAGE, "resources": {"requests": {"cpu": "600m"}}});
    let tall = json!({"spec": {"nodeSelector": here, "containers": [container]}});
    ok(create(&p, "bob", pod("llm-finetune", "tall", tall)));
    running(&p, "llm-finetune", "app=tall", 1);
    let charged = |milli: &str| {
        let said = usage(&p)?;
        said["held"].as_array()?.iter().find(|it| it["name"] == "tall" && it["cpu"] == milli).map(|_| ())
    };
    eventually("the Pod to be charged", || charged("0.6"));
    let smaller = r#"{"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "200m"}}}]}}"#;
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "patch", "pod/tall", "--subresource=resize", "-p", smaller]));
    // The ledger gives nothing back while a request may be on its way that has raised the charge, which is a minute.
    within(120, "the node to have taken it back, and the ledger to know", || charged("0.2"));
    let has = &get(&p, "llm-finetune", "pod/tall")["status"]["containerStatuses"][0]["resources"]["requests"]["cpu"];
    assert_eq!(has, "200m", "the ledger does not go ahead of the node");
    ok(kubectl(&p, "bob", &["-n", "llm-finetune", "delete", "pod/tall"]));
}

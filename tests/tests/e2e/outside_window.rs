//! What `default` gets while a plan is closed.

use std::process::Command;

use e2e::gpu::{inline, runs};
use e2e::manifest::{pod, with};
use e2e::refusal::assert_denied;
use e2e::windows::{far, own_queue, set_plan_windows};
use e2e::{create, eventually, kubectl_with, must, ok, shared};
use ground::{Ground, Output};
use serde_json::{Value, json};

fn mine(p: &Ground) -> Value {
    let mut command = Command::new(p.layout().bin("sluice"));
    let kubeconfig = p.layout().user_kubeconfig("alice");
    command.args(["me", "-o", "json"]).current_dir("/").env_clear().env("KUBECONFIG", kubeconfig);
    let me: Value = serde_json::from_str(&ok(must(Output::of(command, "")))).expect("JSON");
    let mut projects = me["projects"].as_array().expect("projects").iter();
    let project = projects.rfind(|it| it["name"] == "rationed").expect("the project").clone();
    let mut accounts = project["accounts"].as_array().expect("accounts").iter();
    accounts.rfind(|it| it["whose"] == "Project").expect("its account").clone()
}

#[test]
fn while_a_plan_is_closed_default_gets_what_it_grants_then_and_what_runs_goes_on() {
    let p = shared();
    let plan =
        json!({"quota": {"gpu": 2, "devices": 4}, "outsideWindowQuota": {"gpu": "0.25"}, "gpuModels": ["rtx-5090"]});
    own_queue(&p, "rationed", json!({ "spec": plan }));
    let share = |name: &str, percent: &str| with(pod("rationed", name, json!({})), inline("rtx-5090", percent));
    ok(create(&p, "alice", share("runs", "50")));
    let uid = runs(&p, "rationed", "runs")["metadata"]["uid"].clone();
    set_plan_windows(&p, "rationed", far());
    let account = eventually("the plan to be closed", || Some(mine(&p)).filter(|it| it["closedPlan"] == "rationed"));
    assert_eq!((&account["gpu"]["limit"], &account["gpu"]["left"]), (&json!("0.25"), &json!("0")));
    let refused = create(&p, "alice", share("more", "25"));
    let says =
        "of 0.25 GPU in all while plan rationed is closed; wait for 0.5 GPU to become free or for the plan to open";
    assert_denied(&refused, &[("quota", says)]);
    assert_eq!(runs(&p, "rationed", "runs")["metadata"]["uid"], uid, "it goes on");
    set_plan_windows(&p, "rationed", json!([]));
    eventually("the plan to be open", || mine(&p).get("closedPlan").is_none().then_some(()));
    ok(kubectl_with(&p, "alice", &["create", "--dry-run=server", "-f", "-"], &share("more", "25").to_string()));
}

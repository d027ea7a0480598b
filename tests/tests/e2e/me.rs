//! What a person may know: `sluice me`, and the question behind it.

use std::process::Command;

use e2e::manifest::pod;
use e2e::refusal::assert_denied;
use e2e::windows::own_queue;
use e2e::{
    ADMIN, SHARED_GPUS, apply, create, eventually, find, get, kubectl, kubectl_with, must, ok, project_with_bob,
    running, shared, within,
};
use ground::{Ground, Output};
use serde_json::{Value, json};

/// A command of `sluice` with nothing but a person's kubeconfig.
fn as_person(p: &Ground, user: &str, args: &[&str]) -> Output {
    let mut command = Command::new(p.layout().bin("sluice"));
    command.args(args).current_dir("/").env_clear().env("KUBECONFIG", p.layout().user_kubeconfig(user));
    must(Output::of(command, ""))
}

fn me(p: &Ground, user: &str) -> Value {
    serde_json::from_str(&ok(as_person(p, user, &["me", "-o", "json"]))).expect("JSON")
}

fn of<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    list.as_array().into_iter().flatten().find(|it| it[key] == name).unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[test]
fn a_member_is_told_what_is_theirs_by_any_machine_with_a_kubeconfig() {
    let p = shared();
    project_with_bob(&p, "what-is-mine", json!({}));
    let labels = json!({"platform-go/dra-gpu-model": "rtx-5090", "platform-go/dra-sm-pct": "50",
        "platform-go/dra-sharing-mode": "inline"});
    ok(create(&p, "bob", pod("what-is-mine", "bobs", json!({"metadata": {"labels": labels}}))));
    ok(create(&p, "alice", pod("what-is-mine", "alices", json!({}))));
    running(&p, "what-is-mine", "app=bobs", 1);
    let mine = eventually("the ledger to know that it runs", || {
        let me = me(&p, "bob");
        let mine = of(&me["projects"], "name", "what-is-mine").clone();
        (mine["accounts"][0]["gpu"]["used"] == "0.5").then_some((me, mine))
    });
    let (me, mine) = mine;
    assert_eq!(
        (&me["user"]["name"], &mine["role"], &mine["plan"]),
        (&json!("bob"), &json!("Member"), &json!("bronze"))
    );
    assert_eq!(mine["accounts"][0]["gpu"], json!({"used": "0.5", "reserved": "0", "limit": "2", "left": "1.5"}));
    assert_eq!((&mine["accounts"][0]["whose"], &mine["accounts"][1]["whose"]), (&json!("Mine"), &json!("Project")));
    let night = of(&mine["queues"], "name", "night");
    assert!(night["opensAt"].is_string() != night["open"].as_bool().expect("it says"), "{night}");
    let model = of(&me["models"], "name", "rtx-5090");
    assert_eq!(model["devices"], SHARED_GPUS);
    assert!(model["allowedIn"].as_array().expect("a list").contains(&json!("what-is-mine")));
    let work = of(&me["work"], "pod", "bobs");
    assert_eq!((&work["state"], &work["gpu"]), (&json!("Running"), &json!("0.5")));
    assert!(!me.to_string().contains("alice"), "{me}");
    let text = ok(as_person(&p, "bob", &["me"]));
    assert!(text.contains("what-is-mine/bobs") && !text.contains('\u{1b}'), "plain in a pipe: {text}");
}

#[test]
fn columns_of_queues_models_and_users_say_what_runs() {
    let p = shared();
    let quota = json!({"gpu": 2, "devices": 2, "cpu": 8, "memory": "8Gi"});
    own_queue(&p, "counted", json!({"spec": {"quota": quota, "gpuModels": ["rtx-5090"]}}));
    let asks = json!({"platform-go/queue-name": "counted", "platform-go/dra-gpu-model": "rtx-5090",
        "platform-go/dra-sm-pct": "50", "platform-go/dra-sharing-mode": "inline"});
    ok(create(&p, "alice", pod("counted", "runs", json!({"metadata": {"labels": asks}}))));
    let queue = json!({"platform-go/queue-name": "counted"});
    let nowhere = json!({"metadata": {"labels": queue}, "spec": {"nodeSelector": {"no": "such"}}});
    ok(create(&p, "alice", pod("counted", "waits", nowhere)));
    running(&p, "counted", "app=runs", 1);
    let status = |record: &str| get(&p, "", record)["status"].clone();
    within(3, "the queue's columns", || {
        let status = status("platformqueue/counted");
        let said = (&status["running"], &status["waiting"], &status["gpuUsed"]);
        (said == (&json!(1), &json!(1), &json!("0.5"))).then_some(())
    });
    let model = status("gpumodel/rtx-5090");
    assert!(model["devices"] == SHARED_GPUS && model["allocated"].as_i64() >= Some(1), "{model}");
    assert!(status("user/alice")["runningPods"].as_i64() >= Some(1));
    let columns = ok(kubectl(&p, ADMIN, &["get", "spq", "counted", "--no-headers"]));
    assert_eq!(columns.split_whitespace().take(4).collect::<Vec<_>>(), ["counted", "1", "1", "0.5"]);
    ok(kubectl(&p, "alice", &["-n", "counted", "delete", "pod", "runs"]));
    within(3, "what ended to be counted no more", || {
        let status = status("platformqueue/counted");
        (status["running"] == 0 && status["gpuUsed"] == "0").then_some(())
    });
    let why = eventually("the scheduler's word", || {
        let me = me(&p, "alice");
        of(&me["work"], "pod", "waits")["why"].as_str().filter(|why| why.contains("no node:")).map(str::to_owned)
    });
    assert!(why.starts_with("the scheduler finds no node: 0/"), "{why}");
}

#[test]
fn what_needed_an_admin_tells_a_member_what_is_theirs() {
    let p = shared();
    project_with_bob(&p, "told-to-members", json!({}));
    let usage = eventually("the project to be known", || {
        let said = as_person(&p, "bob", &["usage", "--project", "told-to-members", "-o", "json"]);
        said.success.then(|| serde_json::from_str::<Value>(&said.stdout).expect("JSON"))
    });
    let whose: Vec<_> = usage["accounts"].as_array().expect("accounts").iter().map(|it| it["user"].as_str()).collect();
    assert_eq!((whose, usage.get("held")), (vec![Some("bob"), None], None), "{usage}");
    let windows = as_person(&p, "bob", &["plan", "windows", "bronze"]);
    assert_eq!(windows.stderr, "");
    assert!(windows.stdout.contains("queue night"), "{}", windows.stdout);
}

#[test]
fn a_question_is_never_stored_and_a_stranger_learns_nothing() {
    let p = shared();
    let question = json!({"apiVersion": "sluice.dev/v1alpha1", "kind": "PlatformReview",
        "metadata": {"name": "never-stored"}, "spec": {"question": "me"}});
    let stored = "asked to create a PlatformReview, which is never stored; a question is created with dryRun=All";
    for user in ["bob", ADMIN] {
        assert_denied(&create(&p, user, &question), &[("record", stored)]);
    }
    // Whoever may not read may not apply.
    assert!(apply(&p, "bob", &question).stderr.contains("cannot get resource \"platformreviews\""));
    assert_eq!(find(&p, "", "platformreview/never-stored"), None);
    let asked = ["create", "--dry-run=server", "-o=json", "-f", "-"];
    let answered = ok(kubectl_with(&p, "bob", &asked, &question.to_string()));
    let answered: Value = serde_json::from_str(&answered).expect("JSON");
    assert_eq!(answered["status"]["answer"]["me"]["user"]["name"], "bob");
    let stranger = kubectl_with(&p, "system:serviceaccount:default:default", &asked, &question.to_string());
    assert_denied(&stranger, &[("record", "no User record has this username; ask a platform Admin for one")]);
    let dave = ok(as_person(&p, "dave", &["me"]));
    assert!(dave.contains("dave is a member of no project") && !dave.contains("rtx-5090"), "{dave}");
}

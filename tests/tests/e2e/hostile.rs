//! What someone sends who means harm, or who means well and has a very large object. Asserted on what the process takes.

use e2e::manifest::{pod, with, workload};
use e2e::process::{review, wire};
use e2e::refusal::assert_denied;
use e2e::wire::{Call, Wire};
use e2e::{ADMIN, alone, create, eventually, find, kubectl, kubectl_with, ok, shared};
use ground::Ground;
use serde_json::{Value, json};

/// The chart gives the process 512 MiB.
const MOST_MEMORY_KIB: u64 = 448 << 10;
/// Connections that the webhook keeps, and what else the process has open.
const MOST_HANDLES: usize = 512 + 128;
/// The largest body that is read.
const LARGEST: usize = 8 << 20;

/// The most memory that the process ever held.
fn memory_kib(p: &Ground) -> u64 {
    let pid = p.pid("sluice").expect("sluice runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the most memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn handles(p: &Ground) -> usize {
    let pid = p.pid("sluice").expect("sluice runs");
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("a process").count()
}

#[track_caller]
fn assert_takes_little(p: &Ground) {
    let (memory, handles) = (memory_kib(p), handles(p));
    println!("the process held {memory} KiB at most, and has {handles} handles");
    assert!(memory <= MOST_MEMORY_KIB, "{memory} KiB");
    assert!(handles <= MOST_HANDLES, "{handles} handles");
}

/// bob's Pod is judged as ever.
#[track_caller]
fn assert_answers(wire: &Wire) {
    let response = wire.post("/governed/mutate", review(json!({"uid": "meanwhile"})).to_string().as_bytes()).response();
    assert_eq!((&response["uid"], &response["status"]["code"]), (&json!("meanwhile"), &json!(403)), "{response}");
    assert_eq!(response["status"]["details"]["causes"][0]["reason"], "queue", "{response}");
}

/// A Pod of bob's whose containers all differ, and that asks nothing wrong.
fn giant(containers: usize) -> Value {
    let container = |index| json!({"name": format!("c{index}"), "image": format!("registry.example.com/app:{index}")});
    let containers: Vec<_> = (0..containers).map(container).collect();
    pod("detector", "raw", json!({"spec": {"containers": containers}}))
}

fn review_of(uid: &str, object: Value) -> Vec<u8> {
    let mut review = review(json!({"uid": uid, "object": null}));
    review["request"]["object"] = object;
    review.to_string().into_bytes()
}

#[test]
fn class_exhaustion_slow_bodies_are_cut_and_keep_nobody_waiting() {
    let p = alone();
    let wire = wire(&p);
    let part = vec![b' '; 128 << 10];
    let mut slow: Vec<Call> = (0..200).map(|_| wire.begin("/governed/mutate", LARGEST)).collect();
    slow.iter_mut().for_each(|call| call.send(&part));
    (0..10).for_each(|_| assert_answers(&wire));
    assert_takes_little(&p);
    for call in slow {
        let answer = call.answer();
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.body.contains("sluice: retry: the body was not there in time"), "{}", answer.body);
    }
    assert_answers(&wire);
}

#[test]
fn class_exhaustion_connections_that_say_nothing_are_closed_and_bounded() {
    let p = alone();
    let wire = wire(&p);
    let silent: Vec<_> = (0..700).map(|_| wire.silent()).collect();
    assert_takes_little(&p);
    eventually("those that say nothing to be closed", || (handles(&p) < MOST_HANDLES - 500).then_some(()));
    assert_answers(&wire);
    drop(silent);
}

#[test]
fn class_exhaustion_who_connects_and_asks_nothing_keeps_no_api_server_out() {
    let p = alone();
    let wire = wire(&p);
    ok(create(&p, "carol", pod("detector", "besieged", json!({}))));
    let idle: Vec<_> = (0..600).map(|_| wire.idle()).collect();
    (0..20).for_each(|_| assert_answers(&wire));
    assert_takes_little(&p);
    // Hers stays hers, whether it is asked about on a connection that was kept or on a new one.
    let changed = kubectl(&p, "bob", &["-n", "detector", "label", "pod/besieged", "mine=true"]);
    assert_denied(&changed, &[("project", "this Pod is carol's")]);
    let deleted = kubectl(&p, "bob", &["-n", "detector", "delete", "pod/besieged"]);
    assert!(!deleted.success, "{}", deleted.stdout);
    eventually("those that asked nothing in time to be closed", || (handles(&p) < MOST_HANDLES - 400).then_some(()));
    drop(idle);
}

#[test]
fn class_exhaustion_giants_are_judged_and_what_would_be_too_much_is_not_read() {
    let p = alone();
    let wire = wire(&p).waiting("30s");
    let allowed = wire.post("/governed/mutate", &review_of("giant", giant(10_000))).response();
    assert_eq!((&allowed["uid"], &allowed["allowed"]), (&json!("giant"), &json!(true)), "{}", allowed["status"]);

    let mut many = giant(0);
    many["spec"]["containers"] = json!(vec![json!({}); 200_000]);
    let refused = wire.post("/governed/mutate", &review_of("many", many)).response();
    assert_eq!((&refused["uid"], &refused["status"]["code"]), (&json!("many"), &json!(400)), "{refused}");
    let says = "asked 200000 containers and volumes; at most 16384 are read in one object; make it smaller";
    assert!(refused["status"]["message"].as_str().is_some_and(|it| it.contains(says)), "{refused}");

    let maps = [b"[".as_slice(), &b"{\"\":0},".repeat(LARGEST / 8), b"0]"].concat();
    let heavy = wire.post("/governed/mutate", &maps);
    assert_eq!(heavy.status, 413, "{}", heavy.body);
    assert!(
        heavy.body.contains("bytes of memory, and 201326592 are the most; make the object smaller"),
        "{}",
        heavy.body
    );

    let note =
        |text: &str| pod("detector", "raw", json!({"metadata": {"annotations": {"note": text.repeat(3 << 20)}}}));
    let mut update = review(json!({"uid": "update", "operation": "UPDATE", "object": null}));
    (update["request"]["object"], update["request"]["oldObject"]) = (note("a"), note("b"));
    let update = wire.post("/governed/validate", update.to_string().as_bytes()).response();
    assert_eq!(update["uid"], "update", "{update}");
    assert_eq!(update["status"]["details"]["causes"][0]["reason"], "project", "{update}");
    assert_takes_little(&p);
}

#[test]
fn class_exhaustion_a_decision_that_takes_too_long_is_refused_with_retry_under_its_uid() {
    let p = alone();
    let hurried = wire(&p).waiting("800ms");
    let wire = wire(&p);
    let giant = review_of("late", giant(16_000));
    let late = hurried.post("/governed/mutate", &giant);
    // So little time may be over before the body is read, where there is no uid to answer under.
    if late.status == 503 {
        assert!(late.body.contains("sluice: retry: "), "{}", late.body);
    } else {
        let late = late.response();
        assert_eq!((&late["uid"], &late["status"]["code"]), (&json!("late"), &json!(503)), "{late}");
        let message = late["status"]["message"].as_str().unwrap_or_default();
        assert!(
            message.starts_with("sluice: retry: there was no time left to decide; nothing was decided"),
            "{message}"
        );
    }
    assert_answers(&wire);
    assert_takes_little(&p);
}

#[test]
fn class_exhaustion_as_large_an_object_as_the_api_server_stores_is_judged_at_creation_and_at_update() {
    let p = shared();
    let containers = |image: &str| {
        let container = |index| json!({"name": format!("c{index}"), "image": format!("{image}:{index}"), "env": [{"name": "A", "value": "x".repeat(300)}]});
        json!((0..1500).map(container).collect::<Vec<_>>())
    };
    let deployment = |image| {
        let template = json!({"spec": {"containers": containers(image)}});
        with(workload("Deployment", "detector", "hostile-large", template), json!({"spec": {"replicas": 0}}))
    };
    ok(create(&p, "bob", deployment("registry.example.com/app")));
    let replace = |image| kubectl_with(&p, "bob", &["replace", "-f", "-"], &deployment(image).to_string());
    ok(replace("registry.example.com/other"));
    let refused = replace("evil.example.org/app");
    assert!(refused.stderr.contains("sluice: 1500 denied: image"), "{}", refused.stderr.get(..400).unwrap_or_default());
    assert!(refused.stderr.contains("\nand 1400 more"), "what is not shown is counted");
    ok(kubectl(&p, ADMIN, &["-n", "detector", "delete", "deployment/hostile-large"]));
}

#[test]
fn class_parsing_unknown_fields_survive_and_look_alike_letters_are_spelled_out() {
    let p = shared();
    let wire = wire(&p);
    let text = review(json!({"uid": "twice"}))
        .to_string()
        .replace(r#""kind":"Pod","metadata""#, r#""kind":"Service","kind":"Pod","metadata""#);
    let twice = wire.post("/governed/mutate", text.as_bytes()).response();
    assert_eq!(twice["status"]["details"]["causes"][0]["reason"], "queue", "the last of two keys counts: {twice}");

    let lookalike =
        pod("detector", "hostile-lookalike", json!({"metadata": {"labels": {"platform-go/queue-name": "bаtch"}}}));
    let response = wire.post("/governed/mutate", &review_of("letters", lookalike)).response();
    let message = response["status"]["message"].as_str().unwrap_or_default();
    assert!(message.contains(r"asked queue b\u{430}tch, which does not exist"), "{message}");

    let image = json!({"spec": {"containers": [{"name": "main", "image": "registry.exаmple.com/app"}]}});
    let refused = create(&p, "bob", pod("detector", "hostile-image", image));
    assert_denied(
        &refused,
        &[("image", r#""registry.ex\u{430}mple.com/app" is no image reference: it has letters outside ASCII"#)],
    );

    let widgets = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"gadgets": {"of": ["tomorrow"]}}});
    let object = with(pod("detector", "raw", json!({})), widgets);
    let response = wire.post("/governed/mutate", &review_of("tomorrow", object)).response();
    assert_eq!(response["allowed"], true, "{response}");
    assert!(find(&p, "detector", "pod/hostile-image").is_none());
}

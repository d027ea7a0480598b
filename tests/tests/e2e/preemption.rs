//! Room for higher queues: devices are freed, and reach those for whom they were freed.

use e2e::fleet::{asking, asking_with, asks, fleet, holds};
use e2e::gpu::allocated;
use e2e::manifest::{object, with, workload};
use e2e::refusal::assert_warned;
use e2e::windows::{record, told};
use e2e::{ADMIN, create, eventually, find, get, kubectl, list, ok, running, shared};
use serde_json::{Value, json};

fn devices(claim: &Value) -> Vec<String> {
    let results = claim["status"]["allocation"]["devices"]["results"].as_array().into_iter().flatten();
    results.filter_map(|it| it["device"].as_str().map(str::to_owned)).collect()
}

fn uids(pods: &[Value]) -> Vec<Value> {
    pods.iter().map(|pod| pod["metadata"]["uid"].clone()).collect()
}

/// A PodDisruptionBudget over Pods with this label `app`, which lets none go.
fn budget(namespace: &str, app: &str) -> Value {
    let spec = json!({"maxUnavailable": 0, "selector": {"matchLabels": {"app": app}}});
    object("policy/v1", "PodDisruptionBudget", namespace, app, json!({"spec": spec}))
}

#[test]
fn one_device_is_freed_for_a_higher_queue_and_reaches_it_before_any_bystander() {
    let p = shared();
    fleet(&p, "preempt", 2);
    let mut low = workload("Deployment", "preempt", "low", asks("preempt", "low", 1));
    low["spec"]["replicas"] = json!(2);
    ok(create(&p, "bob", low));
    let before = running(&p, "preempt", "app=low", 2);
    // It is older than the winner, and of the victims' own queue.
    ok(create(&p, "bob", asking("preempt", "bystander", "low", 1)));

    ok(create(&p, "alice", asking("preempt", "winner", "high", 1)));
    let winner = running(&p, "preempt", "app=winner", 1).remove(0);
    let given = devices(&allocated(&p, "preempt", "winner"));
    assert_eq!((given.len(), &winner["spec"]["nodeName"]), (1, &json!("preempt")));

    let after = list(&p, "preempt", "pods", "app=low");
    let stayed = uids(&after).into_iter().filter(|uid| uids(&before).contains(uid)).count();
    assert_eq!(stayed, 1, "one victim, and no more");
    let gone = before.iter().find(|pod| !uids(&after).contains(&pod["metadata"]["uid"])).expect("the victim");
    let name = gone["metadata"]["name"].as_str().expect("a name");
    let says = told(&p, "preempt", name, "Preempted");
    assert_eq!(
        says,
        "Preempted: ends to make room for a pod of queue preempt-high; queue preempt-low (priority 60) is preemptible and gives way to \
         queue preempt-high (priority 700)"
    );
    let says = told(&p, "preempt", "winner", "MakingRoom");
    assert_eq!(
        says,
        format!("room is made for pod preempt/winner on node preempt: pod {name} (queue preempt-low) is evicted")
    );
    eventually("the hold to go", || holds(&p, "preempt").is_empty().then_some(()));
    for app in ["app=low", "app=bystander"] {
        let waits =
            list(&p, "preempt", "pods", app).into_iter().filter(|pod| pod["spec"]["nodeName"].is_null()).count();
        assert_eq!(waits, 1, "{app} has no device");
    }
}

#[test]
fn a_budget_keeps_its_pods_and_nobody_is_evicted_where_that_helps_nobody() {
    let p = shared();
    fleet(&p, "guarded", 2);
    ok(create(&p, "bob", budget("guarded", "kept")));
    ok(create(&p, "bob", asking("guarded", "kept", "low", 1)));
    ok(create(&p, "bob", asking("guarded", "free", "low", 1)));
    let kept = running(&p, "guarded", "app=kept", 1);
    running(&p, "guarded", "app=free", 1);
    // Only the end of both would help, and a node of another name would not.
    let elsewhere = json!({"spec": {"nodeSelector": {"kubernetes.io/hostname": "nowhere"}}});
    ok(create(&p, "alice", asking_with("guarded", "lost", "high", 1, elsewhere)));
    let says = told(&p, "guarded", "lost", "NoRoomMade");
    assert!(
        says.starts_with("nobody is evicted for pod guarded/lost: no pod that may be evicted would make room for it: ")
            && says.contains("without the labels of its node selector"),
        "{says}"
    );

    ok(create(&p, "alice", asking("guarded", "one", "high", 1)));
    running(&p, "guarded", "app=one", 1);
    assert_eq!(uids(&list(&p, "guarded", "pods", "app=kept")), uids(&kept), "the other was taken");
    assert!(find(&p, "guarded", "pod/free").is_none());

    ok(create(&p, "alice", asking("guarded", "two", "high", 1)));
    let says = told(&p, "guarded", "kept", "EvictionBlocked");
    assert!(says.contains("a PodDisruptionBudget does not let it go and is heeded until "), "{says}");
    assert_eq!(holds(&p, "guarded").len(), 1, "it is held meanwhile");
    let annotation =
        |name: &str| get(&p, "guarded", name)["metadata"]["annotations"]["platform-go/eviction-reason"].clone();
    assert_eq!(annotation("pod/kept"), "Preempted: ends to make room for a pod of queue guarded-high");
    // Who waits gives up.
    ok(kubectl(&p, "alice", &["-n", "guarded", "delete", "pod/two"]));
    eventually("the hold to go", || holds(&p, "guarded").is_empty().then_some(()));
    eventually("the guarded Pod to be let alone", || annotation("pod/kept").is_null().then_some(()));
    assert_eq!(uids(&list(&p, "guarded", "pods", "app=kept")), uids(&kept));
}

#[test]
fn those_that_need_each_other_get_room_together_or_not_at_all() {
    let p = shared();
    fleet(&p, "gang", 4);
    let mut low = workload("Deployment", "gang", "low", asks("gang", "low", 1));
    low["spec"]["replicas"] = json!(4);
    ok(create(&p, "bob", low));
    let before = running(&p, "gang", "app=low", 4);
    let job = |name: &str, count: usize| {
        let template = with(
            asks("gang", "high", 1),
            json!({"metadata": {"annotations": {"platform-go/gang": count.to_string()}}}),
        );
        let mut job = workload("Job", "gang", name, template);
        job["spec"]["parallelism"] = json!(count);
        job["spec"]["completions"] = json!(count);
        job
    };
    ok(create(&p, "alice", job("five", 5)));
    let five = eventually("the Job's Pods", || {
        let pods = list(&p, "gang", "pods", "app=five");
        (pods.len() == 4 || pods.len() == 5).then_some(pods)
    });
    let name = five[0]["metadata"]["name"].as_str().expect("a name");
    let says = told(&p, "gang", name, "NoRoomMade");
    assert!(says.contains("need"), "{says}");
    assert_eq!(uids(&list(&p, "gang", "pods", "app=low")), uids(&before), "four would end in vain");
    ok(kubectl(&p, "alice", &["-n", "gang", "delete", "job/five"]));

    ok(create(&p, "alice", job("two", 2)));
    running(&p, "gang", "app=two", 2);
    let stayed =
        uids(&before).into_iter().filter(|uid| uids(&list(&p, "gang", "pods", "app=low")).contains(uid)).count();
    assert_eq!(stayed, 2);
    ok(kubectl(&p, ADMIN, &["-n", "gang", "delete", "deployment/low", "job/two"]));
}

/// A Pod that others made room for moves to a queue that is not preemptible, and would have what was taken for good.
#[test]
fn what_was_taken_from_others_is_not_kept_by_a_switch_of_queues() {
    let p = shared();
    fleet(&p, "ratchet", 1);
    ok(create(&p, ADMIN, record("PlatformQueue", "ratchet-firm", json!({"priority": 100, "preemptible": false}))));
    let bind = json!({"spec": {"queues": ["ratchet-low", "ratchet-high", "ratchet-firm"]}}).to_string();
    ok(kubectl(&p, ADMIN, &["patch", "resourceplan", "ratchet", "--type=merge", "-p", &bind]));
    ok(create(&p, "bob", asking("ratchet", "victim", "low", 1)));
    running(&p, "ratchet", "app=victim", 1);
    ok(create(&p, "alice", asking("ratchet", "taker", "high", 1)));
    let taker = running(&p, "ratchet", "app=taker", 1).remove(0);
    assert_eq!(taker["metadata"]["annotations"]["platform-go/room-made-in"], "ratchet-high");

    let moves = ["platform-go/switch-queue=ratchet-firm", "platform-go/room-made-in-"];
    let moved = eventually("the plan to bind the queue", || {
        let args = [&["-n", "ratchet", "annotate", "pod/taker"][..], &moves].concat();
        Some(kubectl(&p, "alice", &args)).filter(|moved| moved.success)
    });
    assert_warned(
        &moved,
        "others were evicted for this Pod in queue ratchet-high, so that it still gives way to higher queues",
    );
    let stands = get(&p, "ratchet", "pod/taker");
    let label = |key: &str| stands["metadata"]["labels"][format!("platform-go/{key}")].clone();
    assert_eq!((label("queue-name"), label("preemptible")), (json!("ratchet-firm"), json!("true")));
    assert_eq!(stands["metadata"]["annotations"]["platform-go/room-made-in"], "ratchet-high");

    ok(create(&p, "alice", asking("ratchet", "next", "high", 1)));
    running(&p, "ratchet", "app=next", 1);
    assert!(find(&p, "ratchet", "pod/taker").is_none());
}

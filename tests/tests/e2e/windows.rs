//! Windows: Pods wait for their queue, and start when it opens.

use e2e::manifest::{with, workload};
use e2e::refusal::{assert_denied, assert_warned};
use e2e::windows::{GATE, far, gates, in_queue, own_queue, set_plan_windows, set_windows, told, waits};
use e2e::{
    ADMIN, apply, create, eventually, find, get, kubectl, kubectl_with, list, ok, project, running, shared, sluice,
    with_policy,
};
use serde_json::{Value, json};

#[test]
fn queue_night_is_closed_at_noon_and_open_in_the_evening() {
    let p = shared();
    let owl = in_queue("detector", "night-owl", "night").to_string();
    for policy in ["examples/org", "cluster"] {
        let asked = |at: &str| {
            let args = ["dry-run", "-f", "-", "--as", "bob", "--policy", policy, "--at", at];
            let table = ok(sluice(&p, &args, &owl));
            let json = ok(sluice(&p, &[&args[..], &["-o", "json"]].concat(), &owl));
            (table, serde_json::from_str::<Value>(&json).expect("JSON"))
        };
        let (table, noon) = asked("2026-11-23T12:00[Europe/Berlin]");
        assert!(table.contains("+   schedulingGates:") && table.contains(&format!("+   - name: {GATE}")), "{table}");
        let written = noon[0]["patch"].as_array().expect("a patch").iter();
        let gates: Vec<_> = written.filter(|it| it["path"] == "/spec/schedulingGates").collect();
        assert_eq!(
            gates,
            [&json!({"op": "add", "path": "/spec/schedulingGates", "value": [{"name": GATE}]})],
            "{policy}"
        );
        let says = "queue night is closed until Mon 2026-11-23 20:00 Europe/Berlin (UTC+01:00), by its own windows; the Pod waits until then";
        assert!(noon[0]["warnings"].to_string().contains(says), "{policy}: {}", noon[0]["warnings"]);
        for evening in ["2026-11-23T21:00[Europe/Berlin]", "2026-11-23T21:00:00+01:00", "2026-11-23T20:00:00Z"] {
            let (table, open) = asked(evening);
            assert!(!table.contains("schedulingGates"), "{policy}, {evening}: {table}");
            assert_eq!((&open[0]["allowed"], &open[0]["warnings"]), (&json!(true), &json!([])), "{policy}, {evening}");
        }
    }
    let refused = sluice(&p, &["dry-run", "-f", "-", "--policy", "cluster", "--at", "noon"], &owl);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("as in 2026-11-23T12:00:00+01:00, or with a zone"), "{}", refused.stderr);
}

#[test]
fn a_pod_waits_while_its_queue_is_closed_and_starts_when_it_opens() {
    let p = shared();
    own_queue(&p, "shift", json!({}));
    ok(create(&p, "alice", in_queue("shift", "early", "shift")));
    running(&p, "shift", "app=early", 1);
    assert!(gates(&get(&p, "shift", "pod/early")).is_empty());

    set_windows(&p, "shift", far(), true);
    let late = in_queue("shift", "late", "shift");
    let made = create(&p, "alice", &late);
    assert_warned(
        &made,
        "plan-window: queue shift is closed until Mon 2099-03-02 09:00 Europe/Berlin (UTC+01:00), by its own windows; the Pod waits until then; to run it now, create it in queue default",
    );
    ok(made);
    let of_deployment = json!({"metadata": {"labels": {"platform-go/queue-name": "shift"}}});
    let made = create(&p, "alice", workload("Deployment", "shift", "later", of_deployment));
    assert_warned(&made, "Pods that are made before then wait");
    ok(made);
    let before = waits(&p, "shift", "late");
    let pods = eventually("the Deployment's Pod", || {
        Some(list(&p, "shift", "pods", "app=later")).filter(|pods| !pods.is_empty())
    });
    assert_eq!(gates(&pods[0]), [GATE]);

    // Its manifest again, by every way that Kubernetes has, is the same Pod.
    ok(kubectl_with(&p, "alice", &["replace", "-f", "-"], &late.to_string()));
    ok(kubectl_with(&p, "alice", &["apply", "--server-side", "--force-conflicts", "-f", "-"], &late.to_string()));
    ok(apply(&p, "alice", &late));
    let after = get(&p, "shift", "pod/late");
    assert_eq!((&after["spec"], &after["metadata"]["labels"]), (&before["spec"], &before["metadata"]["labels"]));

    set_windows(&p, "shift", json!([]), false);
    running(&p, "shift", "app=late", 1);
    running(&p, "shift", "app=later", 1);
    assert!(gates(&get(&p, "shift", "pod/late")).is_empty());
    eventually("an Event on the Pod", || {
        let args =
            ["-n", "shift", "get", "events", "--field-selector=involvedObject.name=late,reason=QueueOpen", "-o=json"];
        let events: Value = serde_json::from_str(&ok(kubectl(&p, ADMIN, &args))).expect("JSON");
        let message = events["items"][0]["message"].as_str().or(events["items"][0]["note"].as_str());
        message.is_some_and(|text| text == "let pod shift/late start: queue shift is open").then_some(())
    });
    assert_eq!(running(&p, "shift", "app=early", 1).len(), 1, "who ran goes on");
}

#[test]
fn a_window_that_opens_by_itself_lets_pods_start_in_its_moment() {
    let p = shared();
    own_queue(&p, "moment", json!({}));
    let from = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(20);
    set_windows(&p, "moment", json!([{"from": from.to_string(), "until": "2099-01-01T00:00:00Z"}]), true);
    ok(create(&p, "alice", in_queue("moment", "punctual", "moment")));
    assert_eq!(gates(&get(&p, "moment", "pod/punctual")), [GATE]);
    let pod = running(&p, "moment", "app=punctual", 1).remove(0);
    let conditions = pod["status"]["conditions"].as_array().expect("conditions").iter();
    let mut scheduled =
        conditions.filter(|it| it["type"] == "PodScheduled").filter_map(|it| it["lastTransitionTime"].as_str());
    let scheduled: jiff::Timestamp = scheduled.next_back().expect("it was scheduled").parse().expect("a time");
    // Kubernetes writes whole seconds.
    let late = scheduled.duration_since(from).as_secs();
    assert!((-1..=8).contains(&late), "scheduled {late} s after {from}: {scheduled}");
}

#[test]
fn a_queue_that_closes_ends_its_pods_and_no_others() {
    with_policy(&[("policy.grace.planWindow", "5s"), ("policy.grace.budget", "10s")], |p| {
        own_queue(p, "closing", json!({}));
        project(p, "closing-warn", json!({"plan": "closing", "ruleModes": {"plan-window": "warn"}}));
        let quick = |namespace: &str, name: &str, queue: &str| {
            let pod = with(in_queue(namespace, name, queue), json!({"spec": {"terminationGracePeriodSeconds": 1}}));
            ok(create(p, "alice", pod));
        };
        quick("closing", "bare", "closing");
        quick("closing", "guarded", "closing");
        quick("closing", "free", "default");
        quick("closing-warn", "warned", "closing");
        let of_queue = json!({"metadata": {"labels": {"platform-go/queue-name": "closing"}}, "spec": {"terminationGracePeriodSeconds": 1}});
        ok(create(p, "alice", workload("Deployment", "closing", "server", of_queue)));
        let budget = json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "guarded"}}});
        let meta = json!({"namespace": "closing", "name": "guarded"});
        let budget =
            json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": budget});
        ok(create(p, "alice", budget));
        let uid = |namespace: &str, name: &str| {
            running(p, namespace, &format!("app={name}"), 1).remove(0)["metadata"]["uid"].clone()
        };
        let all = [
            ("closing", "bare"),
            ("closing", "guarded"),
            ("closing", "server"),
            ("closing", "free"),
            ("closing-warn", "warned"),
        ];
        let [.., free, warned] = all.map(|(namespace, name)| uid(namespace, name));

        let closes = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(20);
        set_plan_windows(p, "closing", json!([{"from": "2020-01-01T00:00:00Z", "until": closes.to_string()}]));
        let says = told(p, "closing", "bare", "WindowCloses");
        assert!(
            says.starts_with("queue closing closes at ") && says.contains("pod closing/bare is evicted at "),
            "{says}"
        );
        let annotation = |name: &str, key: &str| {
            let pod = get(p, "closing", &format!("pod/{name}"));
            pod["metadata"]["annotations"][format!("platform-go/{key}")].as_str().map(str::to_owned)
        };
        assert_eq!(annotation("bare", "window-closes-at"), Some(closes.to_string()));
        assert_eq!(annotation("free", "window-closes-at"), None);

        eventually("the Pod's end", || find(p, "closing", "pod/bare").is_none().then_some(()));
        let early = jiff::Timestamp::now() < closes + jiff::SignedDuration::from_secs(5);
        assert!(!early, "evicted within the grace");
        let says = told(p, "closing", "bare", "PlanWindowExpired");
        assert!(
            says.starts_with("Plan window expired: evict pod closing/bare: its queue closing is closed since "),
            "{says}"
        );
        let why = eventually("the journal to say why it ended", || {
            let why = sluice(p, &["why", "bare", "-n", "closing", "-o", "json"], "");
            why.success.then(|| serde_json::from_str::<Value>(&why.stdout).expect("JSON"))
        });
        let says = why["reasons"][0]["says"].as_str().expect("a reason");
        assert!(says.contains("Plan window expired: its queue closing was closed since "), "{why}");
        assert_eq!((&why["state"], &why["reasons"][0]["concern"]), (&json!("it does not exist"), &json!("Stopped")));
        let gated = || {
            let pods = list(p, "closing", "pods", "app=server");
            (pods.len() == 1 && gates(&pods[0]) == [GATE]).then(|| pods[0]["metadata"]["uid"].clone())
        };
        let waiting = eventually("the Deployment's Pod to be made anew, and to wait", gated);

        // A budget is heeded for its time, and that is said.
        let says = told(p, "closing", "guarded", "EvictionBlocked");
        assert!(
            says.contains(
                "a PodDisruptionBudget does not let pod closing/guarded of the closed queue closing be evicted"
            ),
            "{says}"
        );
        assert_eq!(annotation("guarded", "eviction-reason").as_deref(), Some("Plan window expired"));
        eventually("the guarded Pod's end", || find(p, "closing", "pod/guarded").is_none().then_some(()));
        assert!(
            jiff::Timestamp::now() >= closes + jiff::SignedDuration::from_secs(15),
            "the budget was not heeded for its time"
        );
        let says = told(p, "closing", "guarded", "PlanWindowExpired");
        assert!(says.contains("delete pod closing/guarded") && says.ends_with("was heeded for its time"), "{says}");

        let says = told(p, "closing-warn", "warned", "WindowClosed");
        assert!(says.contains("the rule plan-window is not enforced in project closing-warn"), "{says}");
        assert_eq!((uid("closing-warn", "warned"), uid("closing", "free")), (warned, free), "they go on");
        assert_eq!(gated(), Some(waiting.clone()), "who waits is not evicted");

        set_plan_windows(p, "closing", json!([]));
        assert_eq!(uid("closing", "server"), waiting, "it runs as soon as the queue is open");
    });
}

#[test]
fn a_plan_that_denies_refuses_with_the_next_opening() {
    let p = shared();
    own_queue(&p, "strict", json!({"spec": {"outsideWindow": "Deny"}}));
    let spec = json!({"spec": {"windows": far(), "timeZone": "Asia/Tokyo"}}).to_string();
    ok(kubectl(&p, ADMIN, &["patch", "resourceplan/strict", "--type=merge", "-p", &spec]));
    let says = "asked now: queue strict is closed until Mon 2099-03-02 17:00 Asia/Tokyo (UTC+09:00), by the windows of plan strict; plan strict takes Pods only while it is open; create the Pod then, or in queue default";
    let refused = eventually("the windows in force", || {
        let dry = ["create", "--dry-run=server", "-f", "-"];
        let output = kubectl_with(&p, "alice", &dry, &in_queue("strict", "refused", "strict").to_string());
        (!output.success).then_some(output)
    });
    assert_denied(&refused, &[("plan-window", says)]);
    let in_queue_strict = json!({"metadata": {"labels": {"platform-go/queue-name": "strict"}}});
    let made = create(&p, "alice", workload("CronJob", "strict", "nightly", in_queue_strict));
    assert_warned(&made, "plan strict refuses Pods that are made before then");
    ok(made);
    ok(create(&p, "alice", in_queue("strict", "free", "default")));
    assert_eq!(running(&p, "strict", "app=free", 1).len(), 1);
    let status = eventually("the plan's columns", || {
        let plan = get(&p, "", "resourceplan/strict");
        (plan["status"]["open"] == false).then(|| plan["status"]["nextBoundary"].clone())
    });
    assert_eq!(status, "2099-03-02T08:00:00Z");
}

#[test]
fn the_windows_of_a_plan_are_a_table() {
    let p = shared();
    let range = ["--from", "2026-10-24", "--until", "2026-10-26"];
    for policy in ["examples/org", "cluster"] {
        let args = [&["plan", "windows", "bronze", "--policy", policy], &range[..]].concat();
        let table = ok(sluice(&p, &args, ""));
        for line in [
            "plan bronze in Europe/Berlin, from Sat 2026-10-24 00:00 +02:00 until Mon 2026-10-26 00:00 +01:00; a Pod that is made while its queue is closed waits",
            "plan bronze    always open",
            "queue default  always open",
            "queue batch    always open",
            "  …                            Sat 2026-10-24 08:00 +02:00  8h",
            "  Sat 2026-10-24 20:00 +02:00  Sun 2026-10-25 08:00 +01:00  13h  clocks go back by 1h to Sun 2026-10-25 02:00",
            "  Sun 2026-10-25 20:00 +01:00  …                            4h",
            "  Sat 10-24   ████████████████························████████",
        ] {
            assert!(table.lines().any(|it| it == line), "{line:?} is not in\n{table}");
        }
        let json = ok(sluice(&p, &[&args[..], &["-o", "json"]].concat(), ""));
        let json: Value = serde_json::from_str(&json).expect("JSON");
        let night =
            json["entries"].as_array().expect("entries").iter().find(|it| it["name"] == "night").expect("night");
        assert_eq!(
            night["spans"][1],
            json!({"from": "2026-10-24T18:00:00Z", "until": "2026-10-25T07:00:00Z", "seconds": 46800,
                "notes": ["clocks go back by 1h to Sun 2026-10-25 02:00"]})
        );
    }
    let refused = |args: &[&str], says: &str| {
        let output = sluice(&p, &[&["plan", "windows"], args].concat(), "");
        assert_eq!(output.code, 3, "{}{}", output.stdout, output.stderr);
        assert!(output.stderr.contains(says), "{says:?} is not in {}", output.stderr);
    };
    let org = ["--policy", "examples/org"];
    refused(&[&["brass"], &org[..]].concat(), "there is no plan \"brass\"; the plans are bronze, gold, platinum");
    refused(&[&["gold", "--zone", "Berlin"], &org[..]].concat(), "--zone \"Berlin\": there is no such IANA time zone");
    refused(&[&["gold", "--until", "2031-01-01"], &org[..]].concat(), "at most 366 days are listed at a time");
    refused(&[&["gold", "--from", "tomorrow"], &org[..]].concat(), "it is no instant");
    refused(&["gold", "--policy", "nowhere"], "cannot read the policy");
}

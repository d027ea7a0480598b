//! Nobody is evicted in vain.

use super::*;

/// Who waits, with something that is laid over it.
fn hawk(change: impl FnOnce(&mut Value)) -> (String, Value) {
    let [(path, mut pod), _] = with_claim("hawk", "high", None);
    change(&mut pod);
    (path, pod)
}

fn evictions(calls: &[Call]) -> Vec<String> {
    let ends = |call: &&Call| call.path.ends_with("/eviction") || call.method == "DELETE";
    lines(&calls.iter().filter(ends).cloned().collect::<Vec<_>>())
}

/// What an earlier process began, for `hawk` or a Pod like it, and how it ended.
async fn ended(ledger: &Ledger, uid: &str, outcome: &str, begun_ago: i64, ended_ago: i64) {
    let ago = |seconds| Timestamp::now() - SignedDuration::from_secs(seconds);
    let concerned = |uid: &str| store::Concerned { uid: uid.into(), namespace: "detector".into(), name: "x".into() };
    let plan = json!({
        "place": 0, "hold": [], "spared": [],
        "placements": [{"uid": uid, "pod": {"namespace": "detector", "name": "x"}, "node": NODE, "devices": []}],
        "victims": [{"uid": "uid-of-owl", "pod": {"namespace": "detector", "name": "owl"}, "queue": "low", "budget": null,
            "because": {"lower": {"queue": "low", "priority": 10, "than": "high", "thanPriority": 100}}}],
        "asker": {"whose": "namespace/detector", "queue": "high"},
    });
    let beginning = store::Beginning {
        daemon: NAME,
        subjects: vec![concerned(uid)],
        objects: vec![concerned("uid-of-owl")],
        plan,
        at: ago(begun_ago),
    };
    let begun = ledger.journal().begin(&beginning).await.expect("the journal");
    let store::Begun::Yes { id } = begun else { panic!("{begun:?}") };
    assert!(ledger.journal().end(&id, outcome, ago(ended_ago)).await.expect("the journal"));
}

#[tokio::test]
async fn nobody_is_evicted_for_a_pod_that_waits_for_a_volume_and_it_is_told_why() {
    let waits = |said: &'static str| {
        hawk(|pod| {
            pod["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}]);
            pod["status"]["conditions"][0]["message"] = json!(said);
        })
    };
    let turned = async |said| {
        let (ledger, _directory) = ledger().await;
        let server = server([waits(said)]);
        turn(&DAEMON, &stage(&server, ledger).await, &mut Turns::default(), &|| true).await;
        let calls = server.calls();
        let notes = calls.iter().filter(|call| call.path.contains("/events"));
        let notes: Vec<_> = notes.map(|call| call.body["note"].as_str().unwrap_or_default().to_owned()).collect();
        (evictions(&calls).len(), notes.join("; "))
    };
    let missing = "0/1 nodes are available: persistentvolumeclaim \"x\" not found. preemption: no.";
    let (evicted, notes) = turned(missing).await;
    assert_eq!(evicted, 0);
    assert!(notes.contains("persistentvolumeclaim \"x\" not found"), "{notes}");
    assert_eq!(turned("0/1 nodes are available: 1 cannot allocate all claims. preemption: no.").await.0, 1);
}

#[tokio::test]
async fn nobody_is_evicted_for_a_pod_that_asks_what_no_node_has() {
    for (what, evicted) in [("ephemeral-storage", 0), ("example.com/foo", 0), ("memory", 1)] {
        let asks = hawk(|pod| {
            pod["spec"]["containers"][0]["resources"]["requests"][what] = json!("1");
            pod["spec"]["containers"][0]["resources"]["limits"] = json!({what: "1"});
        });
        let (ledger, _directory) = ledger().await;
        let calls = writes(&server([asks]), ledger).await;
        assert_eq!(evictions(&calls).len(), evicted, "{what}");
    }
}

#[tokio::test]
async fn who_begins_anew_knows_for_whom_room_was_made_in_vain() {
    for (uid, outcome, ago, evicted) in [
        ("uid-of-hawk", "timed-out", 500, 0),
        ("one-like-it", "in-vain", 500, 0),
        ("one-like-it", "in-vain", 700, 1),
        ("one-like-it", "gave-up", 500, 1),
    ] {
        let (ledger, _directory) = ledger().await;
        ended(&ledger, uid, outcome, ago + 9, ago).await;
        assert_eq!(evictions(&writes(&server([]), ledger).await).len(), evicted, "{uid} {outcome} {ago}");
    }
}

#[tokio::test]
async fn who_was_out_of_the_way_for_a_moment_is_given_no_new_time_by_its_budget() {
    let (ledger, _directory) = ledger().await;
    ended(&ledger, "uid-of-hawk", "changed", 601, 2).await;
    writes(&server([]), ledger.clone()).await;
    let open = ledger.journal().open(NAME).await.expect("the journal");
    let [entry] = &open[..] else { panic!("{open:?}") };
    let asked = entry.plan["victims"][0]["askedSince"].as_str().expect("it was asked before");
    let asked: Timestamp = asked.parse().expect("an instant");
    assert!(Timestamp::now().duration_since(asked).as_secs() >= 601, "since it was asked first: {asked}");
}

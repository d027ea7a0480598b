//! Volcano's Queues, with Volcano's own definition of them. The checkout does not carry that: it is looked for beside it.

use e2e::windows::record;
use e2e::{ADMIN, apply, create, eventually, find, get, kubectl, kubectl_with, ok, shared, within};
use ground::Ground;
use serde_json::{Value, json};

const DEFINITION: &str = "../shared/data/volcano-queues-crd.yaml";
/// It is promised that Volcano is noticed within half a minute.
const NOTICED: u64 = 40;

fn queue(p: &Ground, name: &str) -> Option<Value> {
    // By its path: kubectl does not know the kind for a moment after it was made.
    let path = format!("--raw=/apis/scheduling.volcano.sh/v1beta1/queues/{name}");
    let found = kubectl(p, ADMIN, &["get", &path]);
    found.success.then(|| serde_json::from_str(&found.stdout).expect("JSON"))
}

/// The spec of a queue of Volcano's, without what Volcano's definition fills in, once it is this.
fn says(p: &Ground, name: &str, spec: Value) -> Value {
    eventually(&format!("Volcano's queue {name} to say {spec}"), || {
        let found = queue(p, name)?;
        let mut said = found["spec"].clone();
        said.as_object_mut()?.remove("dequeueStrategy");
        (said == spec).then_some(found)
    })
}

fn class(p: &Ground, name: &str) -> Option<Value> {
    find(p, "", &format!("priorityclass/platform-go-{name}"))
}

fn delete(p: &Ground, objects: &[&str]) {
    objects.iter().for_each(|object| drop(ok(kubectl(p, ADMIN, &["delete", object, "--ignore-not-found"]))));
}

#[test]
fn queues_of_volcano_follow_the_records_from_when_volcano_is_installed() {
    let p = shared();
    let Ok(definition) = std::fs::read_to_string(p.layout().root().join(DEFINITION)) else {
        eprintln!("skipped: {DEFINITION} is not there");
        return;
    };
    let volcanic = |deserved: &str| {
        record("PlatformQueue", "volcanic", json!({"priority": 40, "preemptible": true, "deservedGpu": deserved}))
    };
    ok(create(&p, ADMIN, volcanic("1.5")));
    eventually("the queue's class", || class(&p, "volcanic"));
    ok(kubectl_with(&p, ADMIN, &["create", "-f", "-"], &definition));
    let established = ["wait", "--for=condition=Established", "--timeout=30s", "crd/queues.scheduling.volcano.sh"];
    ok(kubectl(&p, ADMIN, &established));
    within(NOTICED, "the queue in Volcano", || queue(&p, "volcanic"));
    let first = json!({"weight": 2, "priority": 40, "reclaimable": true, "deserved": {"nvidia.com/gpu": "1.5"}});
    let made = says(&p, "volcanic", first.clone());
    assert_eq!(made["metadata"]["labels"]["app.kubernetes.io/managed-by"], "sluice");

    let drift = json!({"spec": {"weight": 9, "capability": {"cpu": "1"}, "deserved": {"cpu": "1"}}}).to_string();
    ok(kubectl(&p, ADMIN, &["patch", "queues.scheduling.volcano.sh/volcanic", "--type=merge", "-p", &drift]));
    says(&p, "volcanic", first);
    let edit = json!({"spec": {"preemptible": false, "deservedGpu": "4", "priority": 41}}).to_string();
    ok(kubectl(&p, ADMIN, &["patch", "platformqueue/volcanic", "--type=merge", "-p", &edit]));
    let edited = json!({"weight": 4, "priority": 41, "reclaimable": false, "deserved": {"nvidia.com/gpu": "4"}});
    says(&p, "volcanic", edited);
    eventually("the class to follow", || class(&p, "volcanic").filter(|it| it["value"] == 41));

    delete(&p, &["platformqueue/volcanic"]);
    eventually("both to go with the record", || {
        (queue(&p, "volcanic").is_none() && class(&p, "volcanic").is_none()).then_some(())
    });
    ok(create(&p, ADMIN, volcanic("2")));
    says(
        &p,
        "volcanic",
        json!({"weight": 2, "priority": 40, "reclaimable": true, "deserved": {"nvidia.com/gpu": "2"}}),
    );
    eventually("the class to come back", || class(&p, "volcanic"));

    let foreign = json!({"apiVersion": "scheduling.volcano.sh/v1beta1", "kind": "Queue", "metadata": {"name": "crater"},
        "spec": {"weight": 7}});
    ok(create(&p, ADMIN, &foreign));
    let untouched = queue(&p, "crater");
    ok(create(&p, ADMIN, record("PlatformQueue", "crater", json!({"priority": 42}))));
    let why = eventually("the foreign queue to be named in the record's status", || {
        let found = get(&p, "", "platformqueue/crater");
        let conditions = found["status"]["conditions"].as_array()?;
        let ready = conditions.iter().find(|it| it["type"] == "Ready" && it["reason"] == "NotDone")?;
        ready["message"].as_str().map(str::to_owned)
    });
    assert!(why.starts_with("Volcano's queue crater is not sluice's, and says something else"), "{why}");
    delete(&p, &["platformqueue/crater"]);
    eventually("the class to go", || class(&p, "crater").is_none().then_some(()));
    assert_eq!(queue(&p, "crater"), untouched);

    // Without Volcano everything else goes on.
    delete(&p, &["customresourcedefinition/queues.scheduling.volcano.sh"]);
    ok(apply(&p, ADMIN, record("PlatformQueue", "volcanic", json!({"priority": 43}))));
    eventually("the class to follow", || class(&p, "volcanic").filter(|it| it["value"] == 43));
    delete(&p, &["platformqueue/volcanic"]);
    eventually("the class to go", || class(&p, "volcanic").is_none().then_some(()));
}

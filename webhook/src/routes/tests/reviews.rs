//! Questions that people ask, and what nobody is told.

use super::*;

/// A Pod of a user, in a Namespace.
fn pod(namespace: &str, name: &str, user: &str) -> Value {
    let labels =
        json!({"platform-go/user-id": user, "platform-go/queue-name": "batch", "platform-go/dra-effective-gpu": "0.5"});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "uid": name, "labels": labels},
        "spec": {"containers": [{"name": "a", "image": "x"}]},
        "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": "0/4 nodes are available"}]}})
}

/// With the directory of its ledger, which reads it anew each time.
async fn asking() -> (Router, tempfile::TempDir) {
    let (_, mut objects) = organisation();
    objects.extend([
        pod("llm-finetune", "bobs", "bob"),
        pod("llm-finetune", "secret-of-alice", "alice"),
        // Anybody writes labels where no project is.
        pod("default", "forged", "bob"),
    ]);
    let server = api_server(objects);
    let caches = server.world(decide::me::TOPICS).await;
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = ledger_in(directory.path()).await;
    (router(Webhook::new(caches, Owners::new(server.client()), Arc::new(Metrics::default()), ledger)), directory)
}

fn question(username: &str, changed: Value) -> String {
    let mut request = json!({
        "uid": "7f0b2c9e", "operation": "CREATE", "name": "me", "dryRun": true,
        "userInfo": {"username": username, "groups": ["system:authenticated"]},
        "kind": {"group": "sluice.dev", "version": "v1alpha1", "kind": "PlatformReview"},
        "resource": {"group": "sluice.dev", "version": "v1alpha1", "resource": "platformreviews"},
        "object": {"apiVersion": "sluice.dev/v1alpha1", "kind": "PlatformReview", "metadata": {"name": "me"},
            "spec": {"question": "me"}, "status": {"answer": {"me": {"user": {"name": "ada"}}}}},
    });
    json_patch::merge(&mut request, &changed);
    review(request)
}

/// What is answered: the patched object's answer, and the refusal.
async fn answer(router: &Router, question: String) -> (Value, String) {
    use base64::Engine as _;
    let (_, said) = post_to(router.clone(), "/reviews", question).await;
    let answer: Value = serde_json::from_str(&said).expect("JSON");
    let message = answer["response"]["status"]["message"].as_str().unwrap_or_default().to_owned();
    let Some(patch) = answer["response"]["patch"].as_str() else { return (Value::Null, message) };
    let patch = base64::engine::general_purpose::STANDARD.decode(patch).expect("Base64");
    let patch: json_patch::Patch = serde_json::from_slice(&patch).expect("a patch");
    let mut object = json!({"status": {"answer": {"me": {"user": {"name": "ada"}}}}});
    json_patch::patch(&mut object, &patch).expect("it applies");
    let answer = object["status"]["answer"].as_object_mut();
    // One question has one answer.
    let mut answers = answer.into_iter().flat_map(|answer| std::mem::take(answer).into_iter().map(|(_, it)| it));
    let answer = answers.next().unwrap_or_default();
    assert!(answers.next().is_none());
    (answer, message)
}

fn about(question: &str, about: Value) -> Value {
    json!({"object": {"spec": {"question": question, "about": about}}})
}

#[tokio::test]
async fn class_curiosity_why_is_answered_where_the_asker_works() {
    let (router, _directory) = asking().await;
    let bobs = json!({"namespace": "llm-finetune", "name": "bobs"});
    let (why, refused) = answer(&router, question("bob", about("why", bobs.clone()))).await;
    assert_eq!(refused, "");
    assert_eq!((&why["about"], &why["state"]), (&json!("Pod llm-finetune/bobs"), &json!("it waits for a node")));
    let reason = &why["reasons"][0];
    assert_eq!(reason["concern"], "Device");
    assert_eq!(reason["says"], "the scheduler finds no node: 0/4 nodes are available");
    let (_, refused) = answer(&router, question("dave", about("why", bobs.clone()))).await;
    let said = "record: spec.about.namespace: asked about llm-finetune, which is no namespace of a project that you are a member of; ask about one that sluice me lists";
    assert!(refused.contains(said), "{refused}");
    let (_, refused) = answer(&router, question("dave", about("explainPreemption", bobs))).await;
    assert!(refused.contains(said), "{refused}");
    let (_, refused) = answer(&router, question("bob", about("why", json!({"id": "7"})))).await;
    assert!(
        refused.contains("record: spec.about.id: asked about 7; no refusal with this id is known that is yours to see"),
        "{refused}"
    );
    let nobody = json!({"namespace": "llm-finetune", "name": "nobody"});
    let (_, refused) = answer(&router, question("bob", about("why", nobody.clone()))).await;
    assert!(refused.contains("asked about Pod llm-finetune/nobody, which does not exist"), "{refused}");
    let (explained, refused) = answer(&router, question("bob", about("explainPreemption", nobody))).await;
    assert_eq!((refused.as_str(), &explained["preemptions"]), ("", &json!([])));
    assert!(explained["hint"].as_str().expect("a hint").starts_with("nobody was evicted for it"));
}

#[tokio::test]
async fn class_curiosity_of_a_preemption_one_reads_whose_pods_are_ones_own() {
    let (router, directory) = asking().await;
    let journal = ledger_in(directory.path()).await.journal();
    let pod = |uid: &str, namespace: &str| store::Concerned {
        uid: uid.to_owned(),
        namespace: namespace.to_owned(),
        name: format!("pod-{uid}"),
    };
    let name = |uid: &str, namespace: &str| json!({"namespace": namespace, "name": format!("pod-{uid}")});
    let lower = json!({"lower": {"queue": "batch", "priority": 10, "than": "research", "thanPriority": 100}});
    let device = json!({"driver": "gpu.nvidia.com", "pool": "n1", "device": "gpu-7"});
    let given = json!({"claim": "c", "request": "gpu", "device": device, "takes": null, "freed": true});
    let plan = json!({
        "place": 0, "hold": [device],
        "placements": [{"uid": "w", "pod": name("w", "vision"), "node": "n1", "devices": [given]}],
        "victims": [
            {"uid": "v", "pod": name("v", "llm-finetune"), "queue": "batch", "because": lower, "budget": null},
            {"uid": "x", "pod": name("x", "secret-lab"), "queue": "batch", "because": lower, "budget": "secret-lab/all"},
        ],
        "spared": [{"pod": name("s", "secret-lab"), "because": {"notEnforced": "secret-lab"}}],
    });
    let beginning = store::Beginning {
        daemon: "preemption",
        subjects: vec![pod("w", "vision")],
        objects: vec![pod("v", "llm-finetune"), pod("x", "secret-lab")],
        plan,
        at: "2026-11-23T10:00:00Z".parse().expect("an instant"),
    };
    let store::Begun::Yes { id } = journal.begin(&beginning).await.expect("an answer") else { panic!("it is open") };
    let asked = about("explainPreemption", json!({"namespace": "llm-finetune", "name": "pod-v"}));
    let (explained, refused) = answer(&router, question("bob", asked)).await;
    assert_eq!(refused, "");
    let one = &explained["preemptions"][0];
    let (because, others) = (
        "queue batch (priority 10) is preemptible and gives way to queue research (priority 100)",
        "a pod of another project",
    );
    assert_eq!(
        *one,
        json!({
            "id": id, "begunAt": "2026-11-23T10:00:00Z",
            "roomFor": [{"pod": others, "node": "n1", "devices": ["gpu.nvidia.com/n1/gpu-7"]}],
            "ended": [
                {"pod": "llm-finetune/pod-v", "queue": "batch", "because": because, "fate": "Evicted"},
                {"pod": others, "queue": "batch", "because": because, "fate": "Evicted", "heldUpBy": "a PodDisruptionBudget"},
            ],
            "spared": [{"pod": others, "because": "the rule queue is not enforced in its project"}],
        })
    );
    assert!(!explained.to_string().contains("secret"), "{explained}");
    // By the id it is told to whom it concerns, and to nobody else.
    let (by_id, _) = answer(&router, question("bob", about("explainPreemption", json!({"id": id})))).await;
    assert_eq!(by_id["preemptions"][0], *one);
    let (_, refused) = answer(&router, question("dave", about("explainPreemption", json!({"id": id})))).await;
    assert!(refused.contains("the journal has no such preemption that concerns a project of yours"), "{refused}");
    assert!(journal.end(&id, "placed", "2026-11-23T10:00:03Z".parse().expect("an instant")).await.expect("an answer"));
    let (over, _) = answer(&router, question("bob", about("explainPreemption", json!({"id": id})))).await;
    assert_eq!(over["preemptions"][0]["outcome"], "it has a node");
    let gone = about("why", json!({"namespace": "llm-finetune", "name": "pod-v"}));
    let (why, _) = answer(&router, question("bob", gone)).await;
    assert_eq!((&why["state"], &why["reasons"][0]["concern"]), (&json!("it does not exist"), &json!("Stopped")));
    let says = why["reasons"][0]["says"].as_str().expect("a sentence");
    assert_eq!(says, format!("it ended for another pod: preemption {id}, begun at 2026-11-23T10:00:00Z"));
}

#[tokio::test]
async fn class_curiosity_a_member_is_told_what_is_theirs_and_nothing_of_others() {
    let (router, _directory) = asking().await;
    let (me, refused) = answer(&router, question("bob", json!({}))).await;
    assert_eq!(refused, "");
    assert_eq!(me["user"]["name"], "bob", "whatever was written in its place");
    let names = |list: &Value, key: &str| {
        let list = list.as_array().expect("a list").iter();
        list.map(|it| it[key].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&me["projects"], "name"), ["detector", "llm-eval", "llm-finetune", "llm-serving"]);
    let eval = &me["projects"][1];
    assert_eq!(
        (&eval["role"], &eval["plan"], &eval["namespaces"]),
        (&json!("Manager"), &json!("bronze"), &json!(["llm-eval"]))
    );
    assert_eq!(names(&eval["queues"], "name"), ["default", "batch", "night"]);
    assert_eq!(eval["gpuModels"], json!(["rtx-5090"]));
    let accounts: Vec<_> =
        names(&eval["accounts"], "whose").into_iter().zip(names(&eval["accounts"], "project")).collect();
    let of = |whose: &str, project: &str| (whose.to_owned(), project.to_owned());
    assert_eq!(accounts, [of("Mine", "llm-eval"), of("Project", "llm-eval"), of("Above", "llm-finetune")]);
    let whole = json!({"used": "0", "reserved": "0", "limit": "8", "left": "8"});
    assert_eq!(eval["accounts"][2]["gpu"], whole);
    assert_eq!(names(&me["work"], "pod"), ["bobs"]);
    let work = &me["work"][0];
    assert_eq!((&work["state"], &work["gpu"]), (&json!("Waiting"), &json!("0.5")));
    assert_eq!(work["why"], "the scheduler finds no node: 0/4 nodes are available");
    let all = me.to_string();
    assert!(!["alice", "carol", "secret", "forged"].iter().any(|foreign| all.contains(foreign)), "{all}");
}

#[tokio::test]
async fn class_curiosity_who_is_no_member_learns_nothing() {
    let (router, _directory) = asking().await;
    let (me, refused) = answer(&router, question("dave", json!({}))).await;
    assert_eq!(refused, "");
    assert_eq!((&me["projects"], &me["models"], &me["work"]), (&json!([]), &json!([]), &json!([])));
    let (me, refused) = answer(&router, question("eve", json!({}))).await;
    assert_eq!(me, Value::Null);
    let said =
        "record: metadata: eve asked what is theirs; no User record has this username; ask a platform Admin for one";
    assert!(refused.contains(said), "{refused}");
    let admin = json!({"userInfo": {"groups": ["system:masters", "system:authenticated"]}});
    let (me, refused) = answer(&router, question("eve", admin)).await;
    assert_eq!(me, Value::Null);
    let said = "no User record has this username; as a platform Admin, make one (spec.username); what everybody uses is told \
                beside the ledger: kubectl exec -n sluice-system deploy/sluice -- sluice usage";
    assert!(refused.contains(said), "{refused}");
}

#[tokio::test]
async fn a_question_is_never_stored() {
    let (router, _directory) = asking().await;
    for (changed, verb) in [
        (json!({"dryRun": false}), "create"),
        (json!({"dryRun": null}), "create"),
        (json!({"operation": "UPDATE"}), "update"),
    ] {
        let (me, refused) = answer(&router, question("bob", changed)).await;
        assert_eq!(me, Value::Null);
        let said = format!(
            "record: metadata: asked to {verb} a PlatformReview, which is never stored; a question is created with dryRun=All: run sluice me, or "
        );
        assert!(refused.contains(&said), "{refused}");
    }
    let (_, refused) = answer(&router, question("bob", json!({"object": {"spec": {"question": "who"}}}))).await;
    let said = "record: spec: unknown variant `who`, expected one of `me`, `why`, `explainPreemption`; ask me, why or explainPreemption";
    assert!(refused.contains(said), "{refused}");
}

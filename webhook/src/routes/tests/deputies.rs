//! What the API server says of a token leads to the Pod whose token it is, and to no other question.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

const HERE: &str = "llm-finetune";
const DRIVER: &str = "/api/v1/namespaces/llm-finetune/pods/driver";

/// The sample organisation, where bob's Pod `driver` has UID `p-1`, and llm-finetune allows tokens or none.
async fn served(allows: bool) -> (ApiServer, Router) {
    let (_, mut objects) = organisation();
    let project = objects.iter_mut().find(|it| it["kind"] == "Project" && it["metadata"]["name"] == HERE);
    project.expect("the project")["spec"]["allowServiceAccountToken"] = allows.into();
    objects.push(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "driver", "namespace": HERE,
        "uid": "p-1", "labels": {"platform-go/user-id": "bob"}}}));
    let server = api_server(objects);
    let caches = server.world(lookup::TOPICS).await;
    let owners = Owners::new(server.client());
    (server, router(Webhook::new(caches, owners, Arc::new(Metrics::default()), ledger().await)))
}

/// Somebody makes a Pod, with a token of the Pod with this name and UID: whose it becomes, or why it does not.
async fn made_by(router: &Router, username: &str, pod: Option<[&str; 2]>) -> Result<String, String> {
    let mut request = asked();
    request["userInfo"] = json!({"username": username, "groups": ["system:authenticated"]});
    if let Some([name, uid]) = pod {
        request["userInfo"]["extra"] = json!({"authentication.kubernetes.io/pod-name": [name],
            "authentication.kubernetes.io/pod-uid": [uid], "authentication.kubernetes.io/credential-id": ["JTI=1"]});
    }
    let mut object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "exec", "namespace": HERE},
        "spec": {"containers": [{"name": "a", "image": "registry.example.com/a:1"}]}});
    request["object"] = object.clone();
    let (_, said) = post_to(router.clone(), "/governed/mutate", review(request)).await;
    let answer: Value = serde_json::from_str(&said).expect("JSON");
    let response = &answer["response"];
    if response["allowed"] != true {
        return Err(response["status"]["message"].as_str().expect("a message").to_owned());
    }
    let patch = STANDARD.decode(response["patch"].as_str().expect("a patch")).expect("base64");
    let patch: json_patch::Patch = serde_json::from_slice(&patch).expect("a JSON Patch");
    json_patch::patch(&mut object, &patch).expect("a patch of the object");
    Ok(object["metadata"]["labels"]["platform-go/user-id"].as_str().expect("a stamp").to_owned())
}

const SPARK: &str = "system:serviceaccount:llm-finetune:spark";

#[tokio::test]
async fn class_borrowed_token_the_pod_of_the_token_is_asked_for_once() {
    let (server, router) = served(true).await;
    for _ in 0..2 {
        assert_eq!(made_by(&router, SPARK, Some(["driver", "p-1"])).await.as_deref(), Ok("bob"));
    }
    server.assert_asked([DRIVER]);
    let another = made_by(&router, SPARK, Some(["driver", "p-2"])).await.expect_err("another Pod of its name");
    assert!(another.contains("there is none of that name and UID any more"), "{another}");
    server.assert_asked([DRIVER]);
}

#[tokio::test]
async fn class_borrowed_token_nobody_is_asked_for_whom_no_pod_speaks() {
    let (server, router) = served(true).await;
    let unbound = made_by(&router, SPARK, None).await.expect_err("a token of no Pod");
    assert!(unbound.contains("its request names no Pod"), "{unbound}");
    // A Pod of that name in the account's own namespace is meant, and that is another project's.
    let foreign = made_by(&router, "system:serviceaccount:llm-eval:spark", Some(["driver", "p-1"])).await;
    let foreign = foreign.expect_err("another project's account");
    assert!(foreign.contains("an account of project llm-eval"), "{foreign}");
    let operator = made_by(&router, "system:serviceaccount:default:spark", Some(["driver", "p-1"])).await;
    let operator = operator.expect_err("nobody's account");
    assert!(operator.contains("PlatformPolicy.spec.trustedControllers"), "{operator}");
    server.assert_asked(["/api/v1/namespaces/default"]);
    // Neither a person nor who is no account acts for a Pod.
    assert_eq!(made_by(&router, "alice", Some(["driver", "p-1"])).await.as_deref(), Ok("alice"));
    let eve = made_by(&router, "eve", Some(["driver", "p-1"])).await.expect_err("a stranger");
    assert!(eve.contains("eve is no user of the platform"), "{eve}");
    let (_server, strict) = served(false).await;
    let refused = made_by(&strict, SPARK, Some(["driver", "p-1"])).await.expect_err("no tokens there");
    assert!(refused.contains("project llm-finetune allows none"), "{refused}");
}

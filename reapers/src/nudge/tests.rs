use cluster::testing::ApiServer;
use policy_engine::policy::ids::UserId;
use serde_json::{Value, json};

use super::*;
use crate::cycle::Memory as Kept;
use crate::testing::{ledger_that_is_away, projects, stage};

const NAMES: [&str; 4] = ["ants", "bees", "cats", "dogs"];

/// Every project has as many ReplicaSets that are short of Pods.
fn server(short: usize) -> ApiServer {
    let set = |namespace: &str, number: usize| {
        let meta = json!({"namespace": namespace, "name": format!("s{number:03}"), "uid": "u"});
        let path = format!("/apis/apps/v1/namespaces/{namespace}/replicasets/s{number:03}");
        (path, json!({"metadata": meta, "spec": {"replicas": 3}, "status": {"replicas": 0}}))
    };
    let sets = NAMES.iter().flat_map(|namespace| (0..short).map(move |number| set(namespace, number)));
    ApiServer::with_collections(projects(NAMES).into_iter().chain(sets))
}

async fn proposed(stage: &Stage, memory: &mut Kept) -> usize {
    propose(Turn { stage, memory, may_act: &|| true }).await.expect("a proposal").steps.len()
}

/// The Namespaces of which lists were asked.
fn looked_into(server: &ApiServer) -> Vec<String> {
    let calls = server.calls().into_iter().filter(|call| call.path.ends_with("/replicasets"));
    calls.filter_map(|call| call.path.split('/').nth(5).map(str::to_owned)).collect()
}

fn account(project: &str) -> Account {
    Account::Project(ProjectId::new(project))
}

#[tokio::test]
async fn only_the_namespaces_of_those_who_have_more_room_are_looked_into() {
    let server = server(1);
    let stage = stage(&server, ledger_that_is_away().await).await;
    let mut memory = Kept::default();
    assert_eq!(proposed(&stage, &mut memory).await, 4, "at first nobody knows who has more than before");
    assert_eq!(looked_into(&server), NAMES);
    assert_eq!(proposed(&stage, &mut memory).await, 0);
    assert_eq!(looked_into(&server), [""; 0]);
    let user = Account::User { project: ProjectId::new("dogs"), user: UserId::new("bob") };
    stage.room.grew([account("bees"), user, account("elsewhere")].into());
    assert_eq!(proposed(&stage, &mut memory).await, 2);
    assert_eq!(looked_into(&server), ["bees", "dogs"]);
    assert_eq!(proposed(&stage, &mut memory).await, 0, "it was taken note of");
}

/// Each Namespace costs four lists.
#[tokio::test]
async fn nobody_is_looked_for_beyond_the_bound_and_all_have_their_turn() {
    let names: Vec<_> = (0..40).map(|number| format!("n{number:02}")).collect();
    let set = |(namespace, number): (&String, usize)| {
        let meta = json!({"namespace": namespace, "name": format!("s{number:03}"), "uid": "u"});
        let path = format!("/apis/apps/v1/namespaces/{namespace}/replicasets/s{number:03}");
        (path, json!({"metadata": meta, "spec": {"replicas": 3}, "status": {"replicas": 0}}))
    };
    let sets = names.iter().flat_map(|namespace| (0..MOST / 2).map(move |number| (namespace, number))).map(set);
    let borrowed: [&str; 40] = std::array::from_fn(|at| names[at].as_str());
    let server = ApiServer::with_collections(projects(borrowed).into_iter().chain(sets));
    let stage = stage(&server, ledger_that_is_away().await).await;
    let mut memory = Kept::default();
    assert_eq!(proposed(&stage, &mut memory).await, MOST);
    let first = looked_into(&server);
    assert!(first.len() < 2 + 2 * AT_A_TIME, "{} of 40 were looked into", first.len());
    stage.room.grew(names.iter().map(|name| account(name)).collect());
    assert_eq!(proposed(&stage, &mut memory).await, MOST);
    assert_eq!(looked_into(&server).first(), Some(&names[2]), "it goes on where it ended");
}

#[tokio::test]
async fn a_nudge_comes_and_goes_and_is_no_event() {
    let server = server(1);
    let stage = stage(&server, ledger_that_is_away().await).await;
    crate::cycle::turn(&DAEMON, &stage, &mut Default::default(), &|| true).await;
    let patches: Vec<_> = server.calls().into_iter().filter(|call| call.method != "GET").collect();
    let said = |call: &cluster::testing::Call| call.body["metadata"]["annotations"]["platform-go/nudged"].clone();
    let ants: Vec<_> = patches.iter().filter(|call| call.path.contains("/ants/")).map(said).collect();
    assert_eq!((patches.len(), ants), (8, vec![json!("true"), Value::Null]));
    crate::testing::counts(&stage, "reapers_nudges_total 4");
}

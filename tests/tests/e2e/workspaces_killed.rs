//! Sluice is killed while workspaces start: what was begun is finished, and nothing is begun twice.

use e2e::{alone, create, eventually, find, list, must, ok, project_with_bob};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const LAB: &str = "sws-killed";
const COUNT: usize = 10;

fn workspace(index: usize) -> Value {
    json!({
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "Workspace",
        "metadata": {"namespace": LAB, "name": format!("nb-{index}")},
        "spec": {"type": "jupyter", "image": "registry.example.com/jupyter:1", "resources": {"cpu": "100m", "memory": "64Mi"}},
    })
}

#[test]
fn all_run_afterwards_and_none_twice() {
    let mut p = alone();
    project_with_bob(&p, LAB, json!({}));
    (0..COUNT).for_each(|index| ok(create(&p, "bob", workspace(index))).clear());
    must(p.kill("sluice"));
    let pods = |p: &ground::Ground| -> BTreeMap<String, Value> {
        let all = list(p, LAB, "pods", "sluice.dev/workspace").into_iter();
        all.map(|pod| (pod["metadata"]["name"].to_string(), pod["metadata"]["uid"].clone())).collect()
    };
    let begun = pods(&p);
    must(p.run_sluice());
    eventually("all ten to run", || {
        let phase = |index| find(&p, LAB, &format!("workspace/nb-{index}")).map(|it| it["status"]["phase"].clone());
        (0..COUNT).all(|index| phase(index) == Some(json!("Running"))).then_some(())
    });
    let all = pods(&p);
    assert_eq!(all.len(), COUNT);
    assert!(
        begun.iter().all(|(name, uid)| all.get(name) == Some(uid)),
        "those that had a Pod keep it: {begun:?} {all:?}"
    );
    assert_eq!(list(&p, LAB, "pods", "").len(), COUNT, "nothing else was made");
}

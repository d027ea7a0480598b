//! The API server is killed and comes back: what Sluice knows stays, and what changes afterwards is seen soon.

use crate::Drill;
use crate::journal::Group;
use crate::stage::Stage;
use anyhow::Result;
use ground::{Who, until};
use serde_json::json;
use std::time::Instant;

pub(super) const DRILL: Drill =
    Drill { name: "apiserver", about: "the API server is killed (SIGKILL) and started again", run };

/// What a change of a record may take to count, in seconds.
const VISIBLE_SECONDS: f64 = 5.0;

fn run(stage: &mut Stage<'_>) -> Result<()> {
    let pid = stage.ground.pid("sluice");
    stage.phase("killed");
    stage.ground.kill("kube-apiserver")?;
    stage.phase("down");
    stage.watch(&[Group::Create, Group::Elsewhere, Group::KubeSystem])?;
    let ready = stage.ground.sluice_says("/readyz").map(|(status, _)| status);
    stage.phase("starting");
    stage.ground.repair()?;
    // From here on the API server answers, and how soon people work again is Sluice's matter.
    stage.recover(Instant::now())?;
    let visible = change_seen(stage)?;
    stage.measure("until a changed record counted", visible, "s");

    stage.expect_refused("down", &[Group::Create, Group::Elsewhere, Group::KubeSystem], &["API server not reached"]);
    stage.expect("down: the caches stay, sluice stays ready", ready == Some(200), format!("{ready:?}"));
    stage.expect("sluice was not restarted", stage.ground.pid("sluice") == pid, format!("{pid:?}"));
    let what = format!("after: a changed record counts within {VISIBLE_SECONDS} s");
    stage.expect(what, visible <= VISIBLE_SECONDS, format!("{visible:.1} s"));
    Ok(())
}

/// A pattern is added to a project's images and taken away again: how long the slower of both takes to count.
fn change_seen(stage: &Stage<'_>) -> Result<f64> {
    let ground = &*stage.ground;
    let image = "drill.example.com/new:1";
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "drill-record", "namespace": "llm-eval"},
        "spec": {"containers": [{"name": "main", "image": image}]},
    });
    let images = ground.admin(&["get", "project.sluice.dev/llm-eval", "-o=jsonpath={.spec.images}"])?;
    let images: Vec<String> = serde_json::from_str(&images)?;
    let more: Vec<&str> = images.iter().map(String::as_str).chain(["drill.example.com/**"]).collect();
    let mut slowest = 0.0_f64;
    for (images, allowed) in [(json!(more), true), (json!(images), false)] {
        let patch = json!({"spec": {"images": images}}).to_string();
        ground.admin(&["patch", "project.sluice.dev/llm-eval", "--type=merge", "-p", &patch])?;
        let begin = Instant::now();
        until("a changed record to count", 60, || {
            let args = ["create", "--dry-run=server", "-f", "-"];
            let output = ground.kubectl_with(Who::User("bob"), &args, &pod.to_string())?;
            Ok::<_, anyhow::Error>((output.success == allowed).then_some(()))
        })?;
        slowest = slowest.max(begin.elapsed().as_secs_f64());
    }
    Ok(slowest)
}

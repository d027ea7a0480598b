//! Sluice starts and may read nothing: it knows no project, and decides nothing.

use crate::Drill;
use crate::journal::Group;
use crate::stage::Stage;
use anyhow::Result;
use ground::{Replica, until};
use std::time::Instant;

pub(super) const DRILL: Drill =
    Drill { name: "cold", about: "sluice starts while the API server refuses its watches (RBAC)", run };

const NAME: &str = "drill-cold";

fn run(stage: &mut Stage<'_>) -> Result<()> {
    let kubeconfig = stage.ground.user_kubeconfig(NAME, &[])?;
    let configurations = "--resource=mutatingwebhookconfigurations,validatingwebhookconfigurations";
    let ground = &mut *stage.ground;
    ground.admin(&["create", "clusterrole", NAME, "--verb=get,list,watch,update,patch", configurations])?;
    ground.admin(&[
        "create",
        "clusterrolebinding",
        NAME,
        &format!("--clusterrole={NAME}"),
        &format!("--user={NAME}"),
    ])?;
    let outcome = while_cold(stage, kubeconfig);
    let roles = [
        format!("clusterrolebinding/{NAME}"),
        format!("clusterrolebinding/{NAME}-warm"),
        format!("clusterrole/{NAME}"),
    ];
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    stage.ground.admin(&[&["delete", "--ignore-not-found"], &roles[..]].concat())?;
    outcome
}

fn while_cold(stage: &mut Stage<'_>, kubeconfig: std::path::PathBuf) -> Result<()> {
    let doors = stage.ground.start_replica(&Replica { kubeconfig: Some(kubeconfig), ..Replica::default() })?;
    stage.phase("moving");
    stage.point(doors.webhook, doors.webhook)?;
    let cold = "retry: the caches are not filled yet";
    for group in [Group::Create, Group::Update, Group::Forbidden, Group::Delete] {
        stage.await_refusal(group, cold)?;
    }
    stage.phase("cold");
    stage.watch(&Group::ALL)?;
    let ready = doors.says("/readyz");
    stage.phase("filling");
    let begin = Instant::now();
    let warm = format!("{NAME}-warm");
    stage.ground.admin(&[
        "create",
        "clusterrolebinding",
        &warm,
        "--clusterrole=sluice-webhook",
        &format!("--user={NAME}"),
    ])?;
    until("the caches to be filled", 30, || Ok::<_, anyhow::Error>(doors.ready().then_some(())))?;
    stage.recover(begin)?;
    // While somebody may read, the webhooks go back to the one that always could.
    let port = stage.ground.webhook_port()?;
    stage.phase("moving back");
    stage.point(port, port)?;

    // A deletion that was asked about is refused too; in a cluster nobody asks a replica that is not ready.
    stage.expect_refused("cold", &[Group::Create, Group::Update, Group::Forbidden, Group::Delete], &[cold]);
    stage.expect_accepted("cold", &[Group::Elsewhere, Group::KubeSystem]);
    let said = ready.map_or("no answer".into(), |(status, text)| format!("{status} {text}"));
    stage.expect("cold: it is not ready and says why", said == "503 the caches are not filled yet", said);
    Ok(())
}

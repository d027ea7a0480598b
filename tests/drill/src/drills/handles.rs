//! Sluice has no file handle left: connections that say nothing took them all.

use crate::Drill;
use crate::journal::Group;
use crate::stage::Stage;
use anyhow::Result;
use ground::until;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Instant;

pub(super) const DRILL: Drill =
    Drill { name: "handles", about: "sluice is out of file handles: idle connections took them all", run };

/// Handles left when the idle connections come.
const LEFT: usize = 4;
/// Many more than are left.
const IDLE: usize = 40;

fn run(stage: &mut Stage<'_>) -> Result<()> {
    let port = stage.ground.webhook_port()?;
    stage.phase("exhausting");
    let most = stage.ground.open_files("sluice")? + LEFT;
    let before = stage.ground.limit_files("sluice", most as u64)?;
    let idle: Vec<TcpStream> = (0..IDLE).map_while(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()).collect();
    until("the handles to be used up", 10, || {
        Ok::<_, anyhow::Error>((stage.ground.open_files("sluice")? >= most).then_some(()))
    })?;
    stage.phase("exhausted");
    stage.watch(&Group::ALL)?;
    let probed = stage.ground.sluice_says("/healthz");
    stage.phase("released");
    let begin = Instant::now();
    drop(idle);
    until("probes to be answered again", 30, || {
        let ready = stage.ground.sluice_says("/readyz").is_some_and(|(status, _)| status == 200);
        Ok::<_, anyhow::Error>(ready.then_some(()))
    })?;
    stage.measure("until probes were answered again", begin.elapsed().as_secs_f64(), "s");
    stage.ground.limit_files("sluice", before)?;
    stage.recover(begin)?;

    let work = [Group::Create, Group::Update, Group::Delete, Group::Elsewhere, Group::KubeSystem];
    stage.expect_accepted("exhausted", &work);
    stage.expect_refused("exhausted", &[Group::Forbidden], &["denied: image"]);
    let found = probed.map_or("no answer".into(), |(status, _)| status.to_string());
    stage.expect("exhausted: the probe is not answered, so a kubelet would notice", found != "200", found);
    Ok(())
}

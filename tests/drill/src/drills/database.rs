//! The database is away and comes back.

use crate::Drill;
use crate::journal::Group;
use crate::stage::Stage;
use anyhow::Result;
use ground::Postgres;
use std::time::Instant;

pub(super) const DRILL: Drill =
    Drill { name: "database", about: "the PostgreSQL of the ledger stops, and is started again", run };

fn run(stage: &mut Stage<'_>) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut postgres = Postgres::start(directory.path(), true)?;
    let outcome = on(stage, &mut postgres);
    // Whatever came of it, nobody may be left on a database that goes away.
    stage.phase("moving back");
    stage.ground.stop_sluice()?;
    stage.ground.run_sluice()?;
    outcome?;
    stage.phase("moved back");
    stage.watch(&Group::ALL)?;

    let work = [Group::Create, Group::Update, Group::Delete, Group::Elsewhere, Group::KubeSystem];
    stage.expect_accepted("on PostgreSQL", &work);
    stage.expect_refused("away", &[Group::Create], &["retry: whether there is room could not be asked"]);
    stage.expect_refused(
        "away",
        &[Group::Forbidden],
        &["denied: image", "retry: whether there is room could not be asked"],
    );
    stage.expect_accepted("away", &[Group::Delete, Group::Elsewhere, Group::KubeSystem]);
    Ok(())
}

fn on(stage: &mut Stage<'_>, postgres: &mut Postgres) -> Result<()> {
    let url = postgres.create("sluice")?;
    stage.phase("moving");
    stage.ground.stop_sluice()?;
    stage.ground.run_sluice_on(url)?;
    stage.await_acceptance(Group::Create)?;
    stage.phase("on PostgreSQL");
    stage.watch(&Group::ALL)?;
    stage.phase("stopping");
    postgres.stop()?;
    stage.phase("away");
    stage.watch(&Group::ALL)?;
    stage.phase("starting");
    let begin = Instant::now();
    postgres.start_again()?;
    stage.recover(begin)?;
    Ok(())
}

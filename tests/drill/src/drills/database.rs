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
    stage.on_postgres(|stage, postgres, _url| stop(stage, postgres))?;

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

fn stop(stage: &mut Stage<'_>, postgres: &mut Postgres) -> Result<()> {
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

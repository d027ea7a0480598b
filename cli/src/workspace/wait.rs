//! Waiting, with what it waits for.

use std::time::Duration;

use anyhow::anyhow;
use kube::ResourceExt as _;
use records::workspace::{Phase, Workspace};
use tokio::time::{Instant, sleep};

use super::{At, Shown, phase, shown};
use crate::ending::Failure;
use crate::output;

/// How often it is looked at, and for how long.
const LOOKING: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(600);

impl At<'_> {
    /// Until it runs. One in Error is refused what it asked.
    pub(super) async fn until_running(&self, written: Workspace) -> Result<Workspace, Failure> {
        self.until(&written, true, |now| match phase(now) {
            Some(Phase::Running) => Some(Ok(())),
            Some(Phase::Error) => {
                let Shown { name, message, .. } = shown(now);
                Some(Err(Failure::Refused(vec![anyhow!("workspace {name} does not start: {message}")])))
            }
            Some(Phase::Stopped) if !now.spec.running => {
                let Shown { name, message, .. } = shown(now);
                Some(Err(Failure::Refused(vec![anyhow!("workspace {name} was stopped meanwhile: {message}")])))
            }
            Some(Phase::Stopped | Phase::Starting | Phase::Stopping) | None => None,
        })
        .await
    }

    /// Until it is stopped.
    pub(super) async fn until_stopped(&self, written: Workspace) -> Result<Workspace, Failure> {
        self.until(&written, false, |now| (phase(now) == Some(Phase::Stopped)).then_some(Ok(()))).await
    }

    /// Looks at it until `end` says how it ended, and tells what it waits for. What the platform has said of an earlier state of it
    /// does not count.
    async fn until(
        &self,
        written: &Workspace,
        running: bool,
        end: impl Fn(&Workspace) -> Option<Result<(), Failure>>,
    ) -> Result<Workspace, Failure> {
        let (name, until) = (written.name_any(), Instant::now() + PATIENCE);
        let mut told = String::new();
        loop {
            let now = self.get(&name).await?;
            if now.uid() != written.uid() {
                let why = format!("workspace {name} was deleted, and another has its name");
                return Err(Failure::Refused(vec![anyhow!(why)]));
            }
            let conditions = now.status.iter().flat_map(|status| &status.conditions);
            let seen = conditions.filter_map(|it| it.observed_generation).max();
            if seen >= now.metadata.generation {
                if let Some(ended) = end(&now) {
                    return ended.map(|()| now);
                }
                let Shown { phase, message, .. } = shown(&now);
                let says = format!("{phase}: {message}");
                if says != told {
                    output::eprintln(format_args!("{says}"));
                    told = says;
                }
            }
            if Instant::now() >= until {
                let act = if running { "start" } else { "stop" };
                let why = format!("workspace {name} did not {act} in {} minutes: {told}", PATIENCE.as_secs() / 60);
                return Err(Failure::Unanswered(anyhow!(why)));
            }
            sleep(LOOKING).await;
        }
    }

    /// Until neither it nor another state of it is there.
    pub(super) async fn until_gone(&self, before: &Workspace) -> Result<(), Failure> {
        let (name, until) = (before.name_any(), Instant::now() + PATIENCE);
        while Instant::now() < until {
            let now = self.api.get_opt(&name).await.map_err(|error| self.place.failed(error))?;
            if now.is_none_or(|now| now.uid() != before.uid()) {
                return Ok(());
            }
            sleep(LOOKING).await;
        }
        Err(Failure::Unanswered(anyhow!(
            "workspace {name} is still there: something holds up its deletion by a finalizer"
        )))
    }
}

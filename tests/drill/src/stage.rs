//! A drill in progress: the control plane, people at work on it, phases, and what is expected of them.

use crate::client::Person;
use crate::journal::{Group, Journal, Tally};
use crate::load::{Load, MARK, PLACES};
use crate::report::{Expectation, Measure, PhaseReport, Report};
use crate::verify::verify;
use crate::webhooks::{MUTATING, VALIDATING, point};
use crate::{Drill, Options};
use anyhow::{Context, Result};
use ground::{Ground, Postgres, Who, until};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// So many requests of a group make a phase.
const ENOUGH: usize = 2;
/// So many accepted creations make a calm phase: enough Pods for what follows.
const STOCK: usize = 16;
/// Longer than the slowest phase: every request waits for a webhook that hangs.
const PHASE_SECONDS: u64 = 120;
/// How soon people can work again once what was broken is mended, in seconds.
const RECOVERY_SECONDS: u64 = 30;
/// What is accepted where nothing is broken.
const WORK: [Group; 5] = [Group::Create, Group::Update, Group::Delete, Group::Elsewhere, Group::KubeSystem];
/// Every drill says this of these phases.
const CALM: [&str; 2] = ["before", "after"];

pub(crate) struct Stage<'a> {
    pub(crate) ground: &'a mut Ground,
    pub(crate) options: &'a Options,
    drill: &'static str,
    about: &'static str,
    run: String,
    journal: Arc<Journal>,
    load: Option<Load>,
    began: Instant,
    pointed: bool,
    pub(crate) expectations: Vec<Expectation>,
    pub(crate) measured: Vec<Measure>,
}

impl<'a> Stage<'a> {
    pub(crate) fn open(ground: &'a mut Ground, drill: &Drill, options: &'a Options) -> Result<Self> {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let run = format!("{}-{:x}", drill.name, millis);
        let journal = Arc::new(Journal::default());
        journal.begin("settling");
        let load = Some(Load::start(ground, &run, &journal)?);
        let mut stage = Self {
            ground,
            options,
            drill: drill.name,
            about: drill.about,
            run,
            journal,
            load,
            began: Instant::now(),
            pointed: false,
            expectations: Vec::new(),
            measured: Vec::new(),
        };
        stage.settle()?;
        Ok(stage)
    }

    /// The drill begins when everybody could work for a while: a machine that is busy with something else would be
    /// taken for what is broken next.
    fn settle(&mut self) -> Result<()> {
        until("an undisturbed moment to begin with", PHASE_SECONDS, || {
            self.phase("before");
            self.calm()?;
            let refused: usize = WORK.iter().map(|group| self.journal.now(*group).refusals()).sum();
            Ok::<_, anyhow::Error>((refused == 0).then_some(()))
        })
    }

    /// Returns when everybody has worked for a while undisturbed.
    fn calm(&mut self) -> Result<()> {
        self.watch(&Group::ALL)?;
        until("people to have made Pods", PHASE_SECONDS, || {
            Ok::<_, anyhow::Error>((self.journal.now(Group::Create).all() >= STOCK).then_some(()))
        })
    }

    /// From now on requests belong to another phase.
    pub(crate) fn phase(&mut self, name: &'static str) {
        self.journal.begin(name);
    }

    /// Returns when enough requests of each group began and ended in this phase.
    pub(crate) fn watch(&mut self, groups: &[Group]) -> Result<()> {
        let what = "people to have done their work";
        until(what, PHASE_SECONDS, || {
            let enough = groups.iter().all(|group| self.journal.now(*group).all() >= ENOUGH);
            Ok::<_, anyhow::Error>(enough.then_some(()))
        })
    }

    /// Returns when a governed Pod was accepted again; says how long after `since` that was. Then comes "after".
    pub(crate) fn recover(&mut self, since: Instant) -> Result<Duration> {
        self.journal.begin("recovering");
        until("governed Pods and updates to be accepted again", RECOVERY_SECONDS, || {
            let again = [Group::Create, Group::Update].iter().all(|group| self.journal.now(*group).accepted > 0);
            Ok::<_, anyhow::Error>(again.then_some(()))
        })?;
        let took = since.elapsed();
        self.measure("until governed requests were accepted again", took.as_secs_f64(), "s");
        self.journal.begin("after");
        self.calm()?;
        Ok(took)
    }

    /// Returns when something of the group was refused for this reason in the newest phase.
    pub(crate) fn await_refusal(&self, group: Group, reason: &str) -> Result<()> {
        until(&format!("{} to be refused: {reason}", group.label()), RECOVERY_SECONDS, || {
            let refused = self.journal.now(group).refused.into_keys().any(|said| said.starts_with(reason));
            Ok::<_, anyhow::Error>(refused.then_some(()))
        })
    }

    /// Lets the API server call other ports from now on: for its mutating and its validating calls.
    pub(crate) fn point(&mut self, mutating: u16, validating: u16) -> Result<()> {
        self.pointed = true;
        point(self.ground, MUTATING, mutating)?;
        point(self.ground, VALIDATING, validating)
    }

    /// Carries out a drill with Sluice on a PostgreSQL of its own, whose URL it is told; after it Sluice is as it was, whatever came of the
    /// drill.
    pub(crate) fn on_postgres<T>(
        &mut self,
        work: impl FnOnce(&mut Self, &mut Postgres, String) -> Result<T>,
    ) -> Result<T> {
        let directory = tempfile::tempdir()?;
        let mut postgres = Postgres::start(directory.path(), false)?;
        let outcome = self.moved_to(&mut postgres, work);
        self.phase("moving back");
        self.ground.stop_sluice()?;
        self.ground.run_sluice()?;
        self.point_home()?;
        self.ground.stop_replica()?;
        let outcome = outcome?;
        self.phase("moved back");
        self.watch(&Group::ALL)?;
        Ok(outcome)
    }

    fn moved_to<T>(
        &mut self,
        postgres: &mut Postgres,
        work: impl FnOnce(&mut Self, &mut Postgres, String) -> Result<T>,
    ) -> Result<T> {
        let url = postgres.create("sluice")?;
        self.phase("moving");
        self.ground.stop_sluice()?;
        self.ground.run_sluice_on(url.clone())?;
        work(self, postgres, url)
    }

    /// Lets the API server call the first Sluice again.
    fn point_home(&mut self) -> Result<()> {
        if !self.pointed {
            return Ok(());
        }
        let port = self.ground.webhook_port()?;
        self.point(port, port)
    }

    /// From now on what policy forbids may be accepted, because the webhooks are taken away on purpose; or no more.
    pub(crate) fn break_glass(&self, broken: bool) {
        self.journal.break_glass(broken);
    }

    /// Returns when something of the group was accepted in the newest phase.
    pub(crate) fn await_acceptance(&self, group: Group) -> Result<()> {
        until(&format!("{} to be accepted", group.label()), RECOVERY_SECONDS, || {
            Ok::<_, anyhow::Error>((self.journal.now(group).accepted > 0).then_some(()))
        })
    }

    /// Selects the Pods of this drill.
    pub(crate) fn selector(&self) -> String {
        format!("{MARK}={}", self.run)
    }

    pub(crate) fn measure(&mut self, what: &'static str, value: f64, unit: &'static str) {
        self.measured.push(Measure { what, value, unit });
    }

    pub(crate) fn expect(&mut self, what: impl Into<String>, held: bool, found: impl ToString) {
        self.expectations.push(Expectation { what: what.into(), held, found: found.to_string() });
    }

    fn tally(&self, phase: &str, group: Group) -> Tally {
        let phases = self.journal.phases();
        let found = phases.iter().rfind(|(name, _)| *name == phase);
        found.and_then(|(_, page)| page.get(&group).cloned()).unwrap_or_default()
    }

    /// Everything of these groups is accepted in the phase, and there was something.
    pub(crate) fn expect_accepted(&mut self, phase: &str, groups: &[Group]) {
        for group in groups {
            let tally = self.tally(phase, *group);
            let held = tally.accepted > 0 && tally.accepted == tally.all();
            self.expect(format!("{phase}: {} are accepted", group.label()), held, said(&tally));
        }
    }

    /// Everything of these groups is refused in the phase, for one of these reasons, and there was something.
    pub(crate) fn expect_refused(&mut self, phase: &str, groups: &[Group], reasons: &[&str]) {
        for group in groups {
            let tally = self.tally(phase, *group);
            let known = |reason: &str| reasons.iter().any(|known| reason.starts_with(known));
            let held = tally.refusals() > 0
                && tally.refusals() == tally.all()
                && tally.refused.keys().all(|reason| known(reason));
            self.expect(
                format!("{phase}: {} are refused: {}", group.label(), reasons.join(" or ")),
                held,
                said(&tally),
            );
        }
    }

    /// Nothing of these groups takes as long as this in the phase.
    pub(crate) fn expect_quick(&mut self, phase: &str, groups: &[Group], limit: Duration) {
        for group in groups {
            let slowest = Duration::from_millis(self.tally(phase, *group).slowest_ms);
            let what = format!("{phase}: {} take less than {} s", group.label(), limit.as_secs_f32());
            self.expect(what, slowest < limit, format!("{:.1} s", slowest.as_secs_f32()));
        }
    }

    /// Ends the work, looks at what is there, and puts the control plane right.
    pub(crate) fn close(mut self) -> Result<Report> {
        self.ground.mend()?;
        self.point_home()?;
        self.ground.stop_replica()?;
        let Some(load) = self.load.take() else { return Err(anyhow::anyhow!("the drill was closed already")) };
        let (runtime, believed) = load.stop()?;
        let kubeconfig = self.ground.kubeconfig(Who::Admin)?;
        let verified = runtime.block_on(async {
            let admin = Person::of(&kubeconfig).await?;
            verify(&admin, &self.run, &believed, &self.journal).await
        });
        verified.context("cannot look at what is there afterwards")?;
        for place in PLACES {
            let label = self.selector();
            self.ground.admin(&[
                "-n",
                place.namespace,
                "delete",
                "pods",
                "-l",
                &label,
                "--wait=false",
                "--grace-period=0",
            ])?;
        }
        let calm: Vec<&str> =
            CALM.into_iter().filter(|calm| self.journal.phases().iter().any(|(name, _)| name == calm)).collect();
        for phase in calm {
            self.expect_accepted(phase, &WORK);
            self.expect_refused(phase, &[Group::Forbidden], &["denied: image"]);
        }
        let (let_through, lost) = self.journal.wrongs();
        self.expect("nothing is let through", let_through.is_empty(), let_through.len());
        self.expect("nothing is lost", lost.is_empty(), lost.len());
        let phases = self.journal.phases().into_iter().map(|(phase, groups)| PhaseReport { phase, groups }).collect();
        let seconds = self.began.elapsed().as_secs_f64();
        let Self { drill, about, measured, expectations, .. } = self;
        Ok(Report { name: drill, about, seconds, phases, let_through, lost, measured, expectations })
    }
}

fn said(tally: &Tally) -> String {
    let refused = tally.refused.iter().map(|(reason, count)| format!("{count} × {reason}"));
    let accepted = (tally.accepted > 0).then(|| format!("{} accepted", tally.accepted));
    let silent = (tally.silent > 0).then(|| format!("{} without an answer", tally.silent));
    let all: Vec<String> = accepted.into_iter().chain(refused).chain(silent).collect();
    if all.is_empty() { "no request".into() } else { all.join(", ") }
}

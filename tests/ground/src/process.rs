//! Processes that outlive us, told apart from strangers that got their pid.

use crate::component::Component;
use crate::error::{Error, Result};
use crate::layout::{self, Layout};
use crate::wait::comes_true;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A process that we started. Pids are reused and start times begin anew with every boot, so all three make the identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub pid: u32,
    /// Clock ticks since boot, field 22 of `/proc/<pid>/stat`.
    pub started: u64,
    pub boot: String,
    /// What it was started with: another digest is another process.
    pub command: String,
    /// Whether it ends when it is asked to.
    #[serde(default = "yes")]
    pub heeds_term: bool,
}

fn yes() -> bool {
    true
}

impl Process {
    pub(crate) fn identify(pid: u32, command: String) -> Option<Self> {
        Some(Self { pid, started: start_time(pid)?, boot: boot_id(), command, heeds_term: true })
    }

    pub(crate) fn alive(&self) -> bool {
        self.boot == boot_id() && start_time(self.pid) == Some(self.started)
    }

    /// Asks politely, insists after ten seconds. Returns whether there was anything to end.
    pub(crate) fn end(&self) -> Result<bool> {
        if !self.alive() {
            return Ok(false);
        }
        if !self.heeds_term {
            return self.kill().map(|()| true);
        }
        self.signal(Signal::TERM)?;
        // One that is paused hears it only then.
        self.resume()?;
        if !comes_true(Duration::from_secs(10), || !self.alive()) {
            self.kill()?;
        }
        Ok(true)
    }

    pub(crate) fn kill(&self) -> Result<()> {
        self.signal(Signal::KILL)?;
        if comes_true(Duration::from_secs(10), || !self.alive()) {
            return Ok(());
        }
        Err(Error::says(format!("process {} does not end", self.pid)))
    }

    /// Asks for an end at once, without goodbyes, and waits for it.
    pub(crate) fn quit(&self) -> Result<()> {
        self.signal(Signal::QUIT)?;
        if comes_true(Duration::from_secs(10), || !self.alive()) {
            return Ok(());
        }
        self.kill()
    }

    pub(crate) fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    pub(crate) fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// The soft limit; the hard one stays, so that it can be raised again.
    pub(crate) fn limit_files(&self, most: u64) -> Result<u64> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(most) };
        let trouble = |error| Error::says(format!("cannot limit the files of process {}: {error}", self.pid));
        // A component has the hard limit that it inherited from us.
        let maximum = getrlimit(Resource::Nofile).maximum;
        let before = prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(most), maximum }).map_err(trouble)?;
        Ok(before.current.unwrap_or(u64::MAX))
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
        match kill_process(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(Error::says(format!("cannot signal process {}: {error}", self.pid))),
        }
    }
}

/// Starts a component in a process group of its own: Ctrl-C in our terminal is not meant for it.
pub(crate) fn spawn(component: &Component, layout: &Layout) -> Result<Process> {
    let path = layout.log(component.name);
    layout::make_parent(&path)?;
    let log = OpenOptions::new().create(true).append(true).open(&path).map_err(Error::file("write", &path))?;
    let errors = log.try_clone().map_err(Error::file("write", &path))?;
    let child = Command::new(&component.program)
        .args(&component.args)
        .envs(component.env.iter().map(|(name, value)| (name, value)))
        .current_dir(layout.dir())
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(Error::file("run", &component.program))?;
    let process = Process::identify(child.id(), component.digest());
    let process = process.ok_or_else(|| Error::died(component.name, "ended at once", &path))?;
    Ok(Process { heeds_term: component.heeds_term, ..process })
}

/// None for a process that is gone, and for a dead child that nobody has waited for. A killed process is a zombie while
/// its other threads still end, with its ports open: that is not gone yet.
fn start_time(pid: u32) -> Option<u64> {
    let (state, started) = parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    let threads = || std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    (!matches!(state, 'Z' | 'X') || threads() > 1).then_some(started)
}

/// State and start time. The name in field 2 may hold blanks and parentheses; the last parenthesis ends it.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (a) Z (b) S 1 42 42 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 8 0 98765 1 2";

    #[test]
    fn the_start_time_is_found_behind_a_strange_name() {
        assert_eq!(parse_stat(STAT), Some(('S', 98765)));
    }

    #[test]
    fn a_child_that_nobody_waited_for_is_gone() {
        let mut child = Command::new("true").spawn().unwrap();
        assert!(comes_true(Duration::from_secs(10), || start_time(child.id()).is_none()));
        child.wait().unwrap();
    }

    #[test]
    fn a_recycled_pid_is_a_stranger() {
        let me = Process::identify(std::process::id(), String::new()).unwrap();
        assert!(me.alive());
        let earlier = Process { started: me.started - 1, ..me.clone() };
        assert!(!earlier.alive());
        assert!(!earlier.end().unwrap(), "a stranger is not ended");
        assert!(!Process { boot: "another".into(), ..me }.alive());
    }
}

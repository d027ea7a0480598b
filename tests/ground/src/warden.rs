//! Ends the processes of a test run when the test process is gone, even by SIGKILL.
//!
//! A shell in a process group of its own reads from a pipe that only we hold open. When it reads the end, it ends
//! whatever we told it about and is still the same process. (A parent-death signal would need `unsafe` and is bound to
//! the thread that forked; tests' threads come and go.)

use crate::error::{Error, Result};
use crate::process::Process;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// In reverse order of the start, as [`crate::Ground::stop`] does.
const SCRIPT: &str = r#"
while read -r signal pid started; do
    if [ "$signal" = then ]; then last="$pid $started"; else set -- "$pid:$started:$signal" "$@"; fi
done
for process; do
    pid=${process%%:*} signal=${process##*:}
    stat=$(cat /proc/$pid/stat 2>/dev/null) || continue
    set -- ${stat##*)}
    [ "${20}:$signal" = "${process#*:}" ] && kill -$signal "$pid"
done
eval "$last"
"#;

#[derive(Debug)]
pub(crate) struct Warden(Child);

impl Warden {
    pub(crate) fn start() -> Result<Self> {
        let child = Command::new("sh")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        child.map(Self).map_err(|error| Error::says(format!("cannot run sh: {error}")))
    }

    pub(crate) fn watch(&mut self, process: &Process) -> Result<()> {
        let signal = if process.heeds_term { "TERM" } else { "KILL" };
        self.tell(&format!("{signal} {} {}", process.pid, process.started))
    }

    /// What is to be done when all of it has its signal: a line of shell.
    pub(crate) fn at_last(&mut self, command: &str) -> Result<()> {
        self.tell(&format!("then {command}"))
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        let told = self.0.stdin.as_mut().map(|pipe| writeln!(pipe, "{line}"));
        told.transpose().map(|_| ()).map_err(|error| Error::says(format!("the warden is gone: {error}")))
    }
}

impl Drop for Warden {
    /// Closing the pipe is the signal; waiting leaves no zombie.
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ended = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::comes_true;
    use std::time::Duration;

    #[test]
    fn what_is_watched_ends_with_the_warden_and_a_stranger_does_not() {
        let mut ours = Command::new("sleep").arg("600").spawn().unwrap();
        let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
        let mut warden = Warden::start().unwrap();
        warden
            .watch(
                &Process::identify(stranger.id(), String::new())
                    .map(|p| Process { started: p.started + 1, ..p })
                    .unwrap(),
            )
            .unwrap();
        warden.watch(&Process::identify(ours.id(), String::new()).unwrap()).unwrap();
        drop(warden);
        assert!(comes_true(Duration::from_secs(10), || ours.try_wait().unwrap().is_some()));
        assert!(stranger.try_wait().unwrap().is_none());
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}

//! A wall clock that can be stepped for one process. A library in front of libc's `clock_gettime`: time namespaces know
//! monotonic clocks only, and the machine's own clock is everybody's. `cc` is there wherever Rust links.

use anyhow::{Context, Result, ensure};
use ground::{Ground, Layout};
use jiff::Timestamp;
use std::path::PathBuf;
use std::process::Command;

const SOURCE: &str = include_str!("../fixtures/clock.c");

pub(crate) struct Clock {
    library: PathBuf,
    moved: PathBuf,
}

impl Clock {
    pub(crate) fn build(layout: &Layout) -> Result<Self> {
        let at = |name| layout.dir().join(name);
        let (source, library, moved) = (at("clock.c"), at("clock.so"), at("clock.moved"));
        std::fs::write(&source, SOURCE)?;
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source);
        let output = cc.output().context("cannot run cc")?;
        ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(&moved, "0")?;
        Ok(Self { library, moved })
    }

    /// What a process needs in its environment to live by this clock.
    pub(crate) fn env(&self) -> Vec<(&'static str, PathBuf)> {
        vec![("LD_PRELOAD", self.library.clone()), ("DRILL_CLOCK", self.moved.clone())]
    }

    /// Steps the clock so many days away from the machine's.
    pub(crate) fn step(&self, days: i64) -> Result<()> {
        let next = self.moved.with_extension("next");
        std::fs::write(&next, (days * 86_400).to_string())?;
        Ok(std::fs::rename(next, &self.moved)?)
    }
}

/// How many days a process is ahead of the machine, by the newest line of its log: what it believes.
pub(crate) fn days_ahead(ground: &Ground, component: &str) -> Option<i64> {
    let text = std::fs::read_to_string(ground.layout().log(component)).ok()?;
    let mut stamps = text.lines().filter_map(|line| line.split(' ').next()?.parse::<Timestamp>().ok());
    let newest = stamps.next_back()?;
    Some((newest.duration_since(Timestamp::now()).as_hours() + 12).div_euclid(24))
}

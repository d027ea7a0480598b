//! What a process used, as Linux tells it.

use anyhow::{Context, Result};
use std::time::Duration;

/// Ticks a second in which Linux shows times to programs, on every architecture that we build for.
const TICKS: u64 = 100;

/// The processor time that a process has used, in itself and for it in the kernel.
pub fn cpu(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let ticks = ticks(&stat).with_context(|| format!("{path} has another shape: {stat}"))?;
    Ok(Duration::from_millis(ticks * (1000 / TICKS)))
}

/// Fields 14 and 15. The name in field 2 may hold blanks and parentheses; the last parenthesis ends it.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// Memory of a process in MB of a million bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// What it holds now.
    pub resident: f64,
    /// The most that it ever held.
    pub peak: f64,
}

/// The memory that a process holds.
pub fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let field = |name| megabytes(&status, name).with_context(|| format!("{path} has no {name}"));
    Ok(Memory { resident: field("VmRSS")?, peak: field("VmHWM")? })
}

fn megabytes(status: &str, name: &str) -> Option<f64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kibibytes: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_strange_name() {
        assert_eq!(ticks("42 (a) S (b) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 8 0 98765 1 2"), Some(200));
    }

    #[test]
    fn this_process_holds_memory() {
        let memory = memory(std::process::id()).expect("a living process");
        assert!(memory.resident > 0.0 && memory.peak >= memory.resident, "{memory:?}");
        assert_eq!(megabytes("VmPeak:\t 9 kB\nVmRSS:\t 1000 kB\n", "VmRSS"), Some(1.024));
    }
}

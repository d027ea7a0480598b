//! The Debian packages that a real node needs: installed where we may, named where not.

use crate::error::{Error, Result};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// Each with a file by which it is known to be there.
const PACKAGES: &[(&str, &str)] = &[
    ("runc", "/usr/sbin/runc"),
    ("containernetworking-plugins", "/usr/lib/cni/bridge"),
    ("nftables", "/usr/sbin/nft"),
    ("iproute2", "/usr/sbin/ip"),
    ("busybox-static", BUSYBOX),
];

/// One program without libraries, of which the smallest images consist.
pub(crate) const BUSYBOX: &str = "/bin/busybox";

/// Returns when all are there.
pub(crate) fn provide() -> Result<()> {
    let missing = || PACKAGES.iter().filter(|(_, file)| !Path::new(file).exists()).map(|(name, _)| *name).collect();
    let wanted: Vec<&str> = missing();
    if wanted.is_empty() || (install(&wanted) && missing().is_empty()) {
        return Ok(());
    }
    let names = wanted.join(" ");
    Err(Error::says(format!(
        "a real node needs packages that could not be installed: run apt-get install {names} as root"
    )))
}

/// With Debian's own tool, without questions.
pub(crate) fn install(packages: &[&str]) -> bool {
    eprintln!("installing {}", packages.join(", "));
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null()).status()
    };
    let install: Vec<&str> =
        ["install", "-qy", "--no-install-recommends"].into_iter().chain(packages.iter().copied()).collect();
    let steps: [&[&str]; 2] = [&["update", "-q"], &install];
    steps.iter().all(|args| apt(args).is_ok_and(|status: ExitStatus| status.success()))
}

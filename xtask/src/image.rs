//! `cargo xtask image`: Sluice as an image, without Docker.

use crate::build;
use crate::crate_tool;
use crate::paint::{good, heading};
use anyhow::{Context, Result, ensure};
use ground::{Ground, Layout, image, real_node, target};
use serde_json::json;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

const CARGO_SBOM: &str = "0.10.0";
/// Nobody pulls more than this to every node.
const MOST_BYTES: u64 = 40 << 20;

/// Writes Sluice's image as an archive that `docker load`, `podman load` and `ctr images import` take
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What the image is called, without its tag, which is Sluice's version
    #[arg(long, default_value = "sluice")]
    repository: String,
    /// The archive. Default: target/image/sluice-<version>.tar
    #[arg(long)]
    output: Option<PathBuf>,
    /// Give it to the real node of `up`, too
    #[arg(long)]
    import: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let version = env!("CARGO_PKG_VERSION");
        eprintln!("building the release");
        build::release(&["sluice"])?;
        let sbom = sbom()?;
        let labels = json!({
            "org.opencontainers.image.title": "sluice",
            "org.opencontainers.image.description": "Makes the plan of every project true on a shared GPU cluster",
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.revision": revision(),
            "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
        });
        let name = format!("{}:{version}", self.repository);
        let program = target().join("release/sluice");
        let archive = self.output.unwrap_or_else(|| target().join(format!("image/sluice-{version}.tar")));
        image::of_program(&name, &program, &labels, &[("sbom.cdx.json", &sbom)])?.write(&archive)?;
        let beside = archive.with_extension("cdx.json");
        std::fs::write(&beside, &sbom).with_context(|| format!("cannot write {}", beside.display()))?;
        let bytes = std::fs::metadata(&archive)?.len();
        ensure!(bytes <= MOST_BYTES, "the archive has {bytes} bytes, and {MOST_BYTES} are the most");
        println!("{} {name}, {} MiB", good("wrote"), bytes >> 20);
        println!("  {}\n  {} (what it is made of, CycloneDX)", archive.display(), beside.display());
        if self.import {
            Ground::open(Layout::up())?.import_image(&archive)?;
            println!("  {} has it", real_node::NODE);
            return Ok(ExitCode::SUCCESS);
        }
        println!("\n{}", heading("Give it to a cluster"));
        println!(
            "  docker load -i {0}, podman load -i {0}, or on a node: ctr -n k8s.io images import {0}",
            archive.display()
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// All crates that the program consists of.
fn sbom() -> Result<Vec<u8>> {
    let mut command = Command::new(crate_tool::provide("cargo-sbom", CARGO_SBOM)?);
    command.args(["--cargo-package", "sluice", "--output-format", "cyclone_dx_json_1_6", "--project-directory"]);
    let output = command.arg(Layout::up().root()).output().context("cannot run cargo-sbom")?;
    ensure!(output.status.success(), "cargo-sbom: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

/// Empty where this is no clone.
fn revision() -> String {
    let mut git = Command::new("git");
    let output = git.args(["rev-parse", "HEAD"]).current_dir(Layout::up().root()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

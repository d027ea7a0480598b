//! Images of the notebook servers that people use, for the real node: made once of Debian's and PyPI's packages.
//!
//! They are kept below `.dev/cache/`, under a name that changes with what they consist of.

use crate::error::{Error, Result};
use crate::kubectl::Output;
use crate::layout::{self, Layout};
use crate::oci::{Image, Layer};
use crate::packages;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The reference of [`jupyter`].
pub const JUPYTER: &str = "registry.example.com/ide/jupyter:4.6.6";

const RELEASE: &str = "bookworm";
/// The Python of that release.
const PYTHON: &str = "3.11";
const LAB: &str = "jupyterlab==4.6.6";

/// What nobody reads in a container.
const LEFT_OUT: &[&str] = &[
    "dev",
    "proc",
    "sys",
    "run",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "var/cache",
    "var/lib/apt",
    "var/log",
];

/// The archive of an image with JupyterLab, which runs as user 1000.
pub fn jupyter() -> Result<PathBuf> {
    let layout = Layout::up();
    let archive = cache(&layout, &format!("jupyter-{LAB}.tar"));
    let _lock = layout::lock(&cache(&layout, "lock"), "another command makes images")?;
    if archive.exists() {
        return Ok(archive);
    }
    eprintln!("making an image with {LAB}, once; this takes two minutes");
    let base = debian(&layout)?;
    let packages = cache(&layout, LAB);
    once(&packages, |to| pip(LAB, to))?;
    let mut layer = Layer::new();
    layer.tree(&base, "", LEFT_OUT)?;
    let python = format!("usr/local/lib/python{PYTHON}/dist-packages");
    layer.tree(&packages, &python, &["bin", "etc", "share"])?;
    layer.tree(&packages.join("etc"), "usr/local/etc", &[])?;
    layer.tree(&packages.join("share"), "usr/local/share", &[])?;
    scripts(&packages.join("bin"), &mut layer)?;
    layer.directory("home/user", 0o1777)?;
    let env = ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/home/user", "JUPYTERLAB_DIR=/usr/local/share/jupyter/lab"];
    let config = json!({"User": "1000:100", "WorkingDir": "/home/user", "Env": env,
        "Cmd": ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser"]});
    Image::new(JUPYTER, config, layer).write(&archive)?;
    Ok(archive)
}

fn cache(layout: &Layout, name: &str) -> PathBuf {
    layout.root().join(".dev/cache/images").join(name)
}

/// Makes a directory whole or not at all.
fn once(directory: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if directory.exists() {
        return Ok(());
    }
    let next = directory.with_extension("next");
    if next.exists() {
        std::fs::remove_dir_all(&next).map_err(Error::file("remove", &next))?;
    }
    layout::make_parent(&next)?;
    make(&next)?;
    std::fs::rename(&next, directory).map_err(Error::file("make", directory))
}

/// The least that is a Debian with Python.
fn debian(layout: &Layout) -> Result<PathBuf> {
    let base = cache(layout, &format!("{RELEASE}-python"));
    once(&base, |to| {
        if !Path::new("/usr/sbin/debootstrap").exists() && !packages::install(&["debootstrap"]) {
            return Err(Error::says("images need debootstrap: run apt-get install debootstrap as root"));
        }
        let mut debootstrap = Command::new("debootstrap");
        debootstrap.args(["--variant=minbase", "--include=python3,procps", RELEASE]).arg(to);
        Output::of(debootstrap, "")?.ok("debootstrap").map(|_| ())
    })?;
    Ok(base)
}

/// Packages for that Python, by whichever pip this machine has.
fn pip(package: &str, to: &Path) -> Result<()> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-compile", "--python-version", PYTHON, "--only-binary=:all:"]);
    pip.args(["--platform=manylinux2014_x86_64", "--platform=manylinux_2_28_x86_64", "--target"]).arg(to).arg(package);
    Output::of(pip, "")?.ok(&format!("pip install {package}")).map(|_| ())
}

/// The commands of packages, which pip makes for the Python that runs pip.
fn scripts(bin: &Path, layer: &mut Layer) -> Result<()> {
    for entry in std::fs::read_dir(bin).map_err(Error::file("read", bin))?.flatten() {
        let text = std::fs::read_to_string(entry.path()).map_err(Error::file("read", &entry.path()))?;
        let Some((_, rest)) = text.split_once('\n').filter(|(first, _)| first.contains("python")) else { continue };
        let script = format!("#!/usr/bin/python3\n{rest}");
        layer.file(&format!("usr/local/bin/{}", entry.file_name().display()), script.as_bytes(), 0o755)?;
    }
    Ok(())
}

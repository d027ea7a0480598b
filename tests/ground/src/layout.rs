//! Where everything is: one directory per control plane, and binaries that they share.

use crate::error::{Error, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The directories of one control plane.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The checkout.
    root: PathBuf,
    /// The control plane's own directory.
    dir: PathBuf,
    /// Sluice's ledger, where it is no file of this directory.
    database: Option<String>,
    /// Whether a real node stands beside the simulated ones.
    real_node: bool,
}

impl Layout {
    /// The one that `cargo xtask up` starts: `.dev/`.
    pub fn up() -> Self {
        Self { dir: checkout().join(".dev"), root: checkout(), database: None, real_node: false }
    }

    /// One for tests, beside a running `up`: `.dev/e2e/<name>/`.
    pub fn e2e(name: &str) -> Self {
        Self { dir: checkout().join(".dev/e2e").join(name), root: checkout(), database: None, real_node: false }
    }

    /// The same with another database for Sluice's ledger.
    #[must_use]
    pub fn with_database(self, url: String) -> Self {
        Self { database: Some(url), ..self }
    }

    /// The same with a real node beside the simulated ones, or without.
    #[must_use]
    pub fn with_real_node(self, real_node: bool) -> Self {
        Self { real_node, ..self }
    }

    /// Whether one stands there.
    pub fn has_real_node(&self) -> bool {
        self.real_node
    }

    /// The checkout's root directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The control plane's own directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A binary, shared by all control planes of a checkout.
    pub fn bin(&self, name: &str) -> PathBuf {
        self.root.join(".dev/bin").join(name)
    }

    /// The log of a component.
    pub fn log(&self, component: &str) -> PathBuf {
        self.dir.join("log").join(format!("{component}.log"))
    }

    /// The kubeconfig of the group `system:masters`.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.dir.join("admin.kubeconfig")
    }

    /// The kubeconfig of a person.
    pub fn user_kubeconfig(&self, user: &str) -> PathBuf {
        self.dir.join("users").join(format!("{user}.kubeconfig"))
    }

    /// The kubeconfig of a component of the control plane, or of Sluice.
    pub fn component_kubeconfig(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.kubeconfig"))
    }

    /// Sluice's serving certificates.
    pub fn certs(&self) -> PathBuf {
        self.dir.join("certs")
    }

    /// Sluice's ledger.
    pub fn database_url(&self) -> String {
        self.database.clone().unwrap_or_else(|| format!("sqlite://{}", self.data().join("ledger.db").display()))
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(crate) fn pki(&self, file: &str) -> PathBuf {
        self.dir.join("pki").join(file)
    }

    pub(crate) fn config(&self, file: &str) -> PathBuf {
        self.dir.join("config").join(file)
    }

    pub(crate) fn state_file(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    /// The directory's lock, held as long as the file is open. Whoever comes second waits and is told so.
    pub(crate) fn lock(&self) -> Result<File> {
        lock(&self.dir.join("lock"), "another command works on this control plane")
    }

    /// Removes the cluster's content, and what is signed for it; logs and certificates stay.
    pub(crate) fn wipe_data(&self) -> Result<()> {
        remove(&self.data())
    }

    /// Removes everything but the binaries, other control planes and the lock that we hold.
    pub(crate) fn wipe(&self) -> Result<()> {
        for part in ["data", "pki", "config", "log", "users", "certs"] {
            remove(&self.dir.join(part))?;
        }
        Ok(())
    }
}

/// Opens and locks a file; says why it waits if it has to.
pub(crate) fn lock(path: &Path, busy: &str) -> Result<File> {
    let file = make_parent(path).and_then(|()| File::create(path).map_err(Error::file("make", path)))?;
    if file.try_lock().is_err() {
        eprintln!("{busy}; waiting for it");
        file.lock().map_err(Error::file("lock", path))?;
    }
    Ok(file)
}

/// Writes a file if its content changed, readable by its owner only: keys and kubeconfigs go through here.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    make_parent(path)?;
    fs::write(path, content).map_err(Error::file("write", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(Error::file("write", path))
}

pub(crate) fn make_parent(path: &Path) -> Result<()> {
    path.parent().map_or(Ok(()), |parent| fs::create_dir_all(parent).map_err(Error::file("make", parent)))
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file("remove", dir)(error)),
        _ => Ok(()),
    }
}

/// The checkout that this crate was built from; the program runs where it was built.
fn checkout() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

//! A PostgreSQL server of one's own: a private directory and port on loopback, Debian's package, never root.
//!
//! It ends with the value, and with this process, however that went.

use crate::Ground;
use crate::error::{Error, Result};
use crate::packages;
use crate::ports;
use crate::process::Process;
use crate::wait::comes_true;
use crate::warden::Warden;
use std::fs::File;
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Its superuser, who is trusted on loopback.
const USER: &str = "sluice";

const MOST_TRIES: usize = 3;

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    child: Child,
    warden: Warden,
}

/// What a server is started from, again and again.
#[derive(Debug)]
struct Server {
    programs: PathBuf,
    directory: PathBuf,
    owner: Option<(u32, u32)>,
    host: Ipv4Addr,
    port: u16,
    fsync: bool,
}

impl Postgres {
    /// Starts a server in this directory, which is empty. Without `fsync` it forgets everything when the machine goes
    /// down, and is faster.
    pub fn start(directory: &Path, fsync: bool) -> Result<Self> {
        Self::start_at(directory, fsync, Ipv4Addr::LOCALHOST)
    }

    /// The same where Pods on the real node of a control plane reach it.
    pub fn start_for_pods(directory: &Path, ground: &Ground) -> Result<Self> {
        Self::start_at(directory, false, ground.ports()?.host())
    }

    fn start_at(directory: &Path, fsync: bool, host: Ipv4Addr) -> Result<Self> {
        let mut server = Server {
            programs: programs()?,
            directory: directory.to_owned(),
            owner: rustix::process::geteuid().is_root().then(unprivileged).transpose()?,
            host,
            port: ports::one()?,
            fsync,
        };
        if let Some((user, group)) = server.owner {
            chown(directory, Some(user), Some(group)).map_err(Error::file("give away", directory))?;
        }
        let mut initdb = server.command("initdb");
        initdb.args(["--username", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"]);
        let output = initdb.arg(server.data()).output().map_err(Error::file("run", &server.programs))?;
        if !output.status.success() {
            return Err(Error::Command {
                command: "initdb".to_owned(),
                status: output.status.to_string(),
                stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            });
        }
        server.admit()?;
        // Whoever else looks for a port may have taken it in between.
        let mut tries = 0;
        let child = loop {
            tries += 1;
            match server.run() {
                Ok(child) => break child,
                Err(error) if tries == MOST_TRIES => return Err(error),
                Err(_taken) => server.port = ports::one()?,
            }
        };
        let mut warden = Warden::start()?;
        if let Some(process) = Process::identify(child.id(), String::new()) {
            warden.watch(&process)?;
        }
        Ok(Self { server, child, warden })
    }

    /// URL of a database on it, which may have to be created.
    pub fn url(&self, database: &str) -> String {
        self.url_by(&self.server.host.to_string(), database)
    }

    /// The same where the server has this name.
    pub fn url_by(&self, host: &str, database: &str) -> String {
        format!("postgres://{USER}@{host}:{}/{database}", self.server.port)
    }

    /// Creates an empty database and answers its URL.
    pub fn create(&self, database: &str) -> Result<String> {
        let output = self.server.command("createdb").args(self.server.address()).args(["-U", USER, database]).output();
        let output = output.map_err(Error::file("run", &self.server.programs))?;
        if output.status.success() {
            return Ok(self.url(database));
        }
        Err(Error::Command {
            command: format!("createdb {database}"),
            status: output.status.to_string(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// What a database answers to SQL: a line for each row, columns parted by `|`.
    pub fn ask(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = self.server.command("psql");
        psql.args(self.server.address()).args(["-U", USER, "-d", database, "-v", "ON_ERROR_STOP=1", "-qAt", "-c", sql]);
        let output = psql.output().map_err(Error::file("run", &self.server.programs))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Error::Command {
            command: "psql".to_owned(),
            status: output.status.to_string(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Ends it at once, as a crash does: no connection is said goodbye to.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(process) = Process::identify(self.child.id(), String::new()) {
            process.quit()?;
        }
        let _ended = self.child.wait();
        Ok(())
    }

    /// Starts it again on the same port, with what it held.
    pub fn start_again(&mut self) -> Result<()> {
        self.child = self.server.run()?;
        self.warden = Warden::start()?;
        if let Some(process) = Process::identify(self.child.id(), String::new()) {
            self.warden.watch(&process)?;
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("the database server was not ended: {error}");
        }
    }
}

impl Server {
    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn address(&self) -> [String; 4] {
        ["-h".to_owned(), self.host.to_string(), "-p".to_owned(), self.port.to_string()]
    }

    /// What is not on loopback comes from a network that only this machine has.
    fn admit(&self) -> Result<()> {
        let path = self.data().join("pg_hba.conf");
        let mut file = File::options().append(true).open(&path).map_err(Error::file("write", &path))?;
        file.write_all(b"host all all 10.0.0.0/8 trust\n").map_err(Error::file("write", &path))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        // A working directory that its user may not enter would be complained about.
        command.current_dir(&self.directory).stdin(Stdio::null()).process_group(0);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    fn run(&self) -> Result<Child> {
        let log = self.directory.join("log");
        let output = File::options().create(true).append(true).open(&log).map_err(Error::file("write", &log))?;
        let errors = output.try_clone().map_err(Error::file("write", &log))?;
        let mut server = self.command("postgres");
        server.args(["-D".as_ref(), self.data().as_os_str(), "-k".as_ref(), self.directory.as_os_str()]);
        server.args(self.address()).args(["-c", if self.fsync { "fsync=on" } else { "fsync=off" }]);
        let mut child = server.stdout(output).stderr(errors).spawn().map_err(Error::file("run", &self.programs))?;
        // Its own word: at the port another server may answer.
        let pid = child.id().to_string();
        let says = || std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let ready = |text: String| text.lines().next() == Some(&pid) && text.lines().any(|line| line.trim() == "ready");
        let mut ended = false;
        let begun = comes_true(Duration::from_secs(60), || {
            ended = child.try_wait().is_ok_and(|status| status.is_some());
            ended || ready(says())
        });
        if begun && !ended {
            return Ok(child);
        }
        let _gone = child.kill();
        let _ended = child.wait();
        Err(Error::died("postgres", "did not answer", &log))
    }
}

/// The directory of the newest version's programs; the package is installed if it is missing and we may.
fn programs() -> Result<PathBuf> {
    if let Some(found) = newest() {
        return Ok(found);
    }
    packages::install(&["postgresql"]);
    newest().ok_or_else(|| {
        Error::says("PostgreSQL is not here, and could not be installed: run apt-get install postgresql as root")
    })
}

fn newest() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let versions = versions.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())));
    versions
        .map(|(version, path)| (version, path.join("bin")))
        .filter(|(_, path)| path.join("initdb").exists())
        .max()
        .map(|(_, path)| path)
}

/// User and group of the package's own user: PostgreSQL refuses to run as root.
fn unprivileged() -> Result<(u32, u32)> {
    let path = Path::new("/etc/passwd");
    let users = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    let ids = |line: &str| {
        let mut fields = line.strip_prefix("postgres:")?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    users.lines().find_map(ids).ok_or_else(|| Error::says("there is no user postgres to run PostgreSQL as"))
}

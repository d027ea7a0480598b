//! Connections hang: each has shaken hands and asks nothing, and one that is ended is made anew.

use crate::Drill;
use crate::journal::Group;
use crate::stage::Stage;
use anyhow::{Context, Result, anyhow};
use ground::{Output, Who};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub(super) const DRILL: Drill =
    Drill { name: "besieged", about: "600 connections hang that have shaken hands and ask nothing", run };

/// More than Sluice keeps.
const MANY: usize = 600;
/// How often it is looked for connections that were ended.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// What a Member has no business to delete.
const OF_CAROL: &str = "pod/besieged";

fn run(stage: &mut Stage<'_>) -> Result<()> {
    stage.phase("preparing");
    // Without them Sluice alone stands between a Member and a colleague's Pod.
    stage.ground.install_chart(&[("staticPolicies", "Off")])?;
    let metadata = json!({"name": "besieged", "namespace": "detector"});
    let containers = json!([{"name": "main", "image": "registry.example.com/drill:1"}]);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}});
    let made = stage.ground.kubectl_with(Who::User("carol"), &["create", "-f", "-"], &pod.to_string())?;
    let siege = Siege::lay(stage)?;
    stage.phase("besieged");
    stage.watch(&Group::ALL)?;
    let deletions: Vec<Output> = (0..5).map(|_| delete(stage)).collect::<Result<_>>()?;
    stage.phase("relieved");
    let begin = Instant::now();
    let again = siege.lift()?;
    stage.measure("connections made anew", again as f64, "");
    stage.recover(begin)?;
    stage.ground.admin(&["-n", "detector", "delete", OF_CAROL, "--ignore-not-found"])?;
    stage.ground.install_chart(&[])?;

    let work = [Group::Create, Group::Update, Group::Delete, Group::Elsewhere, Group::KubeSystem];
    stage.expect("a colleague's Pod is made", made.success, made.stderr);
    stage.expect_accepted("besieged", &work);
    stage.expect_refused("besieged", &[Group::Forbidden], &["denied: image"]);
    let says = "this Pod is carol's";
    let passed = deletions.iter().find(|it| it.success || !it.stderr.contains(says));
    let found = passed.map_or(says.to_owned(), |it| format!("{}{}", it.stdout, it.stderr));
    stage.expect("besieged: a Member's deletion of a colleague's Pod is judged, and refused", passed.is_none(), found);
    Ok(())
}

fn delete(stage: &Stage<'_>) -> Result<Output> {
    Ok(stage.ground.kubectl_with(Who::User("bob"), &["-n", "detector", "delete", OF_CAROL, "--wait=false"], "")?)
}

/// Connections that hang until it is lifted.
struct Siege {
    lifted: Sender<()>,
    hands: JoinHandle<usize>,
}

type Hanging = StreamOwned<ClientConnection, TcpStream>;

impl Siege {
    /// Returns when all hang.
    fn lay(stage: &Stage<'_>) -> Result<Self> {
        let _chosen = ring::default_provider().install_default();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, stage.ground.webhook_port()?));
        let mut roots = RootCertStore::empty();
        for ca in CertificateDer::pem_file_iter(stage.ground.layout().certs().join("ca.crt")).context("a CA")? {
            roots.add(ca?)?;
        }
        let config = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
        let hanging: Vec<_> = (0..MANY).map(|_| hang(&config, address)).collect::<Result<_>>()?;
        let (lifted, is_lifted) = channel();
        let hands = thread::spawn(move || make_anew(hanging, &is_lifted, || hang(&config, address)));
        Ok(Self { lifted, hands })
    }

    /// Ends them all; how many were ended before and made anew.
    fn lift(self) -> Result<usize> {
        drop(self.lifted);
        self.hands.join().map_err(|_panic| anyhow!("the besiegers gave up"))
    }
}

/// Another for each that is ended, until the siege is lifted; how many those are.
fn make_anew(mut hanging: Vec<Hanging>, lifted: &Receiver<()>, hang: impl Fn() -> Result<Hanging>) -> usize {
    let mut again = 0;
    while lifted.recv_timeout(LOOK_AGAIN) == Err(RecvTimeoutError::Timeout) {
        for stream in hanging.iter_mut().filter(|it| has_ended(&it.sock)) {
            if let Ok(another) = hang() {
                *stream = another;
                again += 1;
            }
        }
    }
    again
}

/// A connection that has shaken hands, and begun to ask something that it never ends.
fn hang(config: &Arc<ClientConfig>, address: SocketAddr) -> Result<Hanging> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let client = ClientConnection::new(config.clone(), ServerName::from(address.ip()))?;
    let mut stream = StreamOwned::new(client, stream);
    stream.write_all(b"P")?;
    stream.sock.set_nonblocking(true)?;
    Ok(stream)
}

/// Whether the other end has closed a connection. What is read of it before (session tickets) says nothing.
fn has_ended(mut stream: &TcpStream) -> bool {
    let mut some = [0; 4096];
    match stream.read(&mut some) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

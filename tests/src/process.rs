//! The process of Sluice: the platform's, and others beside it.

use crate::manifest::{pod, with};
use crate::refusal::assert_denied;
use crate::wire::{Wire, get_plain};
use crate::{create, eventually, must, within};
use ground::{Ground, Output, SYSTEM_NAMESPACE};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// A connection to the platform's webhook.
pub fn wire(p: &Ground) -> Wire {
    let url = must(p.webhook_url());
    let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    Wire::new(p.layout(), port)
}

/// A Pod of bob's in `detector`, in a queue that the plan does not bind.
pub fn owl(name: &str) -> Value {
    pod("detector", name, json!({"metadata": {"labels": {"platform-go/queue-name": "urgent"}}}))
}

/// Why [`owl`] is refused.
pub const OWL_SAYS: [(&str, &str); 1] = [("queue", "asked queue urgent; plan bronze of project detector allows")];

/// An AdmissionReview of [`owl`], its request changed by a JSON Merge Patch.
pub fn review(request: Value) -> Value {
    let usual = json!({
        "uid": "raw-call", "operation": "CREATE", "namespace": "detector", "name": "raw",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "userInfo": {"username": "bob", "groups": ["system:authenticated"]},
        "object": owl("raw"),
    });
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": with(usual, request)})
}

/// bob's Pod is judged, as soon as whoever stood in the way is gone.
pub fn assert_governed(p: &Ground, seconds: u64) {
    let refused = within(seconds, "bob's Pod to be judged", || {
        let output = create(p, "bob", owl("process-owl"));
        output.stderr.contains("sluice: 1 denied").then_some(output)
    });
    assert_denied(&refused, &OWL_SAYS);
}

/// A process of our own beside the platform's, which ends with this value.
#[derive(Debug)]
pub struct Beside {
    child: Child,
    /// Where the webhook listens.
    pub port: u16,
    metrics: String,
    log: PathBuf,
}

impl Beside {
    /// With the platform's certificates, when it listens.
    pub fn start(p: &Ground, command: &str, kubeconfig: &Path) -> Self {
        let certificates = format!("--certs-dir={}", p.layout().certs().display());
        let beside = Self::spawn(p, command, kubeconfig, &[&certificates]);
        let wire = beside.wire(p);
        eventually("it to listen", || (wire.is_open() && beside.get("/healthz")?.0 == 200).then_some(()));
        beside
    }

    /// Without waiting for it; `more` are further arguments.
    pub fn spawn(p: &Ground, command: &str, kubeconfig: &Path, more: &[&str]) -> Self {
        let port = || TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
        let (webhook, metrics) = (port(), port());
        let log = p.layout().log(&format!("sluice-{command}-{webhook}"));
        // Nobody else ends it if this process is killed.
        let child = Command::new("timeout")
            .args(["--kill-after=20", "300"])
            .arg(p.layout().bin("sluice"))
            .args([command, &format!("--listen=127.0.0.1:{webhook}"), &format!("--metrics-listen=127.0.0.1:{metrics}")])
            .arg(format!("--namespace={SYSTEM_NAMESPACE}"))
            // Of its own: two processes that make one file's tables at the same time are in each other's way.
            .arg(format!("--database-url=sqlite://{}", log.with_extension("db").display()))
            .args(more)
            .env("KUBECONFIG", kubeconfig)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("a log"))
            .spawn()
            .expect("sluice starts");
        Self { child, port: webhook, metrics: format!("127.0.0.1:{metrics}"), log }
    }

    /// A connection to its webhook, with the platform's certificates.
    pub fn wire(&self, p: &Ground) -> Wire {
        Wire::new(p.layout(), self.port)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }

    /// Status and body of a page of its metrics port.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        get_plain(&self.metrics, path)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Asks it to end. `timeout` passes the signal on, which it could not with SIGKILL.
    pub fn terminate(&self) {
        let mut kill = Command::new("kill");
        kill.args(["-TERM", &self.child.id().to_string()]);
        must(Output::of(kill, ""));
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.terminate();
            let _ended = self.child.wait();
        }
    }
}

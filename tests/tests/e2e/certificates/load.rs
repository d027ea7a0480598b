//! Callers who never stop: the API server, and clients of its kind on connections of their own.

use super::published;
use e2e::manifest::pod;
use e2e::wire::Wire;
use e2e::{ADMIN, kubectl_with, must};
use ground::{Ground, Output};
use serde_json::json;
use std::io::copy;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

const CLIENTS: usize = 2;

/// What came of the calls.
#[derive(Debug, Default)]
pub(super) struct Calls {
    admitted: AtomicUsize,
    direct: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Calls {
    #[track_caller]
    pub(super) fn assert_none_failed(&self) {
        let failed = self.failed.lock().expect("no panic");
        let [admitted, direct] = [&self.admitted, &self.direct].map(|count| count.load(Ordering::Relaxed));
        eprintln!("{admitted} calls through the API server, {direct} direct ones, {} failed", failed.len());
        assert!(failed.is_empty(), "{} of {} failed: {:?}", failed.len(), admitted + direct, failed.first());
        assert!(admitted > 10 && direct > 10, "{admitted} and {direct} calls prove nothing");
    }

    fn count(&self, counter: &AtomicUsize, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => drop(counter.fetch_add(1, Ordering::Relaxed)),
            Err(error) => self.failed.lock().expect("no panic").push(error),
        }
    }
}

/// Sets a flag at its end, however it came.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does the work while Pods are created in the namespace, and while every port is called with the bundle that is published.
pub(super) fn under_load<T>(p: &Ground, name: &str, ports: &[u16], work: impl FnOnce() -> T) -> (Calls, T) {
    let (calls, done) = (Calls::default(), AtomicBool::new(false));
    let manifest = pod(name, "load", json!({})).to_string();
    let done_yet = || done.load(Ordering::Relaxed);
    let result = thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !done_yet() {
                    let made = kubectl_with(p, ADMIN, &["create", "--dry-run=server", "-f", "-"], &manifest);
                    calls.count(&calls.admitted, made.success.then_some(()).ok_or(made.stderr));
                }
            });
        }
        scope.spawn(|| {
            while !done_yet() {
                let pem = decoded(&published(p, name));
                for port in ports.iter().cycle().take(ports.len() * 10) {
                    let outcome = Wire::trusting(pem.as_bytes(), *port).knock();
                    calls.count(&calls.direct, outcome);
                }
            }
        });
        let _ends = Ends(&done);
        work()
    });
    (calls, result)
}

pub(super) fn decoded(base64: &str) -> String {
    let mut command = Command::new("base64");
    command.arg("-d");
    must(must(Output::of(command, base64)).ok("base64 -d"))
}

/// What a Service does: connections to one port, to each of the others in turn.
pub(super) struct Balancer {
    pub(super) port: u16,
}

impl Balancer {
    pub(super) fn start(ports: Vec<u16>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a port").port();
        thread::spawn(move || {
            for (connection, to) in listener.incoming().zip(ports.iter().cycle()) {
                let (Ok(from), Ok(to)) = (connection, TcpStream::connect((Ipv4Addr::LOCALHOST, *to))) else { continue };
                for (mut from, mut to) in [(clone(&from), clone(&to)), (to, from)] {
                    thread::spawn(move || {
                        let _ended = copy(&mut from, &mut to).and_then(|_| to.shutdown(Shutdown::Write));
                    });
                }
            }
        });
        Self { port }
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a socket")
}

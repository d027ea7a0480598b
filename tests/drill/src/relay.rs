//! A relay of connections on loopback: what a Service does for two replicas, and a network that falls silent.

use anyhow::Result;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How soon a silence begins and ends.
const GRAIN: Duration = Duration::from_millis(20);

/// Passes each new connection on to one of its backends in turn, and never tries another: as kube-proxy does.
pub(crate) struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    backends: Mutex<Vec<u16>>,
    open: Mutex<Vec<TcpStream>>,
    turn: AtomicUsize,
    silent: AtomicBool,
    ended: AtomicBool,
}

impl Relay {
    pub(crate) fn start(backends: &[u16]) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            backends: Mutex::new(backends.to_vec()),
            open: Mutex::default(),
            turn: AtomicUsize::new(0),
            silent: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let serving = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if serving.ended.load(Ordering::Relaxed) {
                    break;
                }
                serving.pass_on(client);
            }
        });
        Ok(Self { port, shared })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where connections go from now on; those that are open stay.
    pub(crate) fn set_backends(&self, backends: &[u16]) {
        *self.shared.backends.lock().unwrap_or_else(PoisonError::into_inner) = backends.to_vec();
    }

    /// Ends every connection that is open: who goes on makes a new one.
    pub(crate) fn cut(&self) {
        for stream in self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _gone = stream.shutdown(Shutdown::Both);
        }
    }

    /// Connections stay open, new ones are taken, and nothing passes; or everything passes again.
    pub(crate) fn set_silent(&self, silent: bool) {
        self.shared.silent.store(silent, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that listens.
        let _woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    /// A backend that takes no connection means a connection that ends at once.
    fn pass_on(self: &Arc<Self>, client: TcpStream) {
        let backends = self.backends.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let Some(backend) = backends.get(turn % backends.len().max(1)) else { return };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *backend));
        let Ok(server) = TcpStream::connect(address) else { return };
        let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else { return };
        if let Ok(handle) = client.try_clone() {
            self.open.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
        }
        let (there, back) = (self.clone(), self.clone());
        thread::spawn(move || there.copy(client, server));
        thread::spawn(move || back.copy(server_too, client_too));
    }

    fn copy(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16 << 10];
        loop {
            let count = from.read(&mut buffer).unwrap_or_default();
            while self.silent.load(Ordering::Relaxed) && !self.ended.load(Ordering::Relaxed) {
                thread::sleep(GRAIN);
            }
            if count == 0 || to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_relay_holds_back_what_it_passes_on_later() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let relay = Relay::start(&[server.local_addr().expect("an address").port()]).expect("a relay");
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).expect("a connection");
        let (mut behind, _) = server.accept().expect("the relay's connection");
        client.write_all(b"a").expect("a write");
        let mut byte = [0];
        behind.read_exact(&mut byte).expect("what was written");
        relay.set_silent(true);
        client.write_all(b"b").expect("a write");
        behind.set_read_timeout(Some(Duration::from_millis(200))).expect("a limit");
        assert!(behind.read_exact(&mut byte).is_err(), "nothing passes");
        relay.set_silent(false);
        behind.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
        behind.read_exact(&mut byte).expect("what was held back");
        assert_eq!(&byte, b"b");
    }
}

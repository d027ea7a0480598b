//! How many connections there may be, and how long one may be silent.

mod places;

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Extension;
use axum::extract::Request;
use axum::middleware::{AddExtension, Next};
use axum::response::Response;
use axum_server::accept::Accept;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};
use tower::Layer as _;

use crate::limits::SMALL_BODY_BYTES;
use places::Place;
pub(crate) use places::{Connection, Places};

/// Each takes a file handle, of which a process often has 1024, and some 100 KiB. Handshakes have a limit of their own.
pub(crate) const MAX_CONNECTIONS: usize = 512;
/// An API server that connects has something to ask.
const FIRST_CALL: Duration = Duration::from_secs(10);
/// Clients in Go close an idle connection after 90 s. It must never be us: a call that is on its way would be lost.
const SILENCE: Duration = Duration::from_secs(120);
/// Heads of calls, and of bodies what is read at once.
const READ_BUFFER_BYTES: usize = 64 << 10;
/// Calls at the same time on one connection, over HTTP/2.
pub(crate) const MAX_STREAMS: u32 = 128;
/// What a client may send of one call before it is read, over HTTP/2: a small body as a whole.
const CALL_WINDOW_BYTES: u32 = SMALL_BODY_BYTES as u32;
/// What it may send of all calls. Were it less, large bodies that wait would keep small ones on the same connection from being sent.
const CONNECTION_WINDOW_BYTES: u32 = MAX_STREAMS * CALL_WINDOW_BYTES;

/// Sets the limits of a connection.
pub(crate) fn limit(builder: &mut Builder<TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(SILENCE).max_buf_size(READ_BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(CALL_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(READ_BUFFER_BYTES as u32);
}

impl Places {
    /// The connection with a place.
    pub(crate) async fn guard<S>(self, stream: S, source: Option<IpAddr>) -> io::Result<Guarded<S>> {
        let place = self.take(source).await;
        let (place, ended) =
            place.ok_or_else(|| io::Error::new(io::ErrorKind::ResourceBusy, "too many connections"))?;
        Ok(Guarded { stream, patience: Box::pin(tokio::time::sleep(FIRST_CALL)), is_first: true, ended, place })
    }
}

/// Keeps TLS connections while there are places.
#[derive(Clone)]
pub(crate) struct Acceptor {
    tls: certs::Acceptor,
    places: Places,
}

impl Acceptor {
    pub(crate) fn new(tls: certs::Acceptor) -> Self {
        Self { tls, places: Places::default() }
    }
}

type TlsStream = <certs::Acceptor as Accept<TcpStream, ()>>::Stream;

impl<S: Send + 'static> Accept<TcpStream, S> for Acceptor {
    type Stream = Guarded<TlsStream>;
    type Service = AddExtension<S, Connection>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let source = stream.peer_addr().ok().map(|peer| peer.ip());
        let (handshake, places) = (self.tls.accept(stream, service), self.places.clone());
        Box::pin(async move {
            let (stream, service) = handshake.await?;
            let guarded = places.guard(stream, source).await?;
            let connection = guarded.connection();
            Ok((guarded, Extension(connection).layer(service)))
        })
    }
}

/// Tells a connection's place what it is used for.
pub(crate) async fn note(connection: Option<Extension<Connection>>, request: Request, next: Next) -> Response {
    let Some(Extension(connection)) = connection else { return next.run(request).await };
    let _busy = connection.called();
    let response = next.run(request).await;
    if response.status().is_success() {
        connection.prove();
    }
    response
}

/// A connection with its place. It ends when it made room for another, when it asked nothing in time, and when nothing was read or
/// written for too long.
pub(crate) struct Guarded<S> {
    stream: S,
    patience: Pin<Box<Sleep>>,
    /// Whether the first call is waited for.
    is_first: bool,
    ended: oneshot::Receiver<()>,
    place: Place,
}

impl<S> Guarded<S> {
    /// What is known of it.
    pub(crate) fn connection(&self) -> Connection {
        self.place.connection.clone()
    }

    fn heard<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let connection = &self.place.connection;
        if outcome.is_ready() {
            // Whoever sends a byte now and then has asked nothing.
            if connection.is_proven() {
                self.is_first = false;
                self.patience.as_mut().reset(Instant::now() + SILENCE);
            }
            return outcome;
        }
        if Pin::new(&mut self.ended).poll(cx).is_ready() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "it made room for another")));
        }
        while self.patience.as_mut().poll(cx).is_ready() {
            let left = match (self.is_first, connection.is_proven(), connection.is_busy()) {
                (true, true, _) => SILENCE,
                (_, _, true) => FIRST_CALL,
                (_, _, false) => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            };
            self.is_first &= !connection.is_proven();
            self.patience.as_mut().reset(Instant::now() + left);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.heard(cx, outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buffer);
        self.heard(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

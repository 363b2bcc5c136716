//! A connection that remembers whose it is.
//!
//! The certificate is the same for every call of a connection, and reading it took 2 % of the CPU of an
//! exchange. So each connection has a place for the result, beside the socket and under the TLS.

mod gather;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tonic::Request;
use tonic::transport::server::{Connected, TlsConnectInfo};

use crate::tls::spiffe_id;
use gather::Gather;

/// An accepted socket.
#[derive(Debug)]
pub(super) struct Connection {
    socket: TcpStream,
    peer: Peer,
    gather: Gather,
}

/// What is known of a connection, for the calls on it and for the socket below them.
#[derive(Debug, Clone, Default)]
pub(super) struct Peer(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The SPIFFE ID of its certificate, once somebody asked.
    id: OnceLock<Option<Arc<str>>>,
    /// Feeds that are open on it.
    feeds: AtomicUsize,
}

/// A feed that is open on a connection; dropping it says that it is not any more.
#[derive(Debug)]
pub(crate) struct OpenFeed(Peer);

impl OpenFeed {
    /// Says so to the connection that a request came on.
    pub(crate) fn on<T>(request: &Request<T>) -> Option<Self> {
        let connection = request.extensions().get::<TlsConnectInfo<Peer>>()?;
        let peer = connection.get_ref().clone();
        peer.0.feeds.fetch_add(1, Ordering::Relaxed);
        Some(Self(peer))
    }
}

impl Drop for OpenFeed {
    fn drop(&mut self) {
        self.0.0.feeds.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    pub(super) fn new(socket: TcpStream) -> Self {
        let peer = Peer::default();
        let gather = Gather::default();
        Self {
            socket,
            peer,
            gather,
        }
    }

    /// Ready when it is time to write. With one feed there is nothing to gather, and answers to checks
    /// do not wait for others.
    fn poll_turn(&mut self, context: &Context<'_>) -> Poll<()> {
        if self.peer.0.feeds.load(Ordering::Relaxed) > 1 {
            self.gather.poll(context)
        } else {
            Poll::Ready(())
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

/// The SPIFFE ID of the peer that sent a request.
pub(crate) fn peer_id<T>(request: &Request<T>) -> Option<Arc<str>> {
    let connection = request.extensions().get::<TlsConnectInfo<Peer>>()?;
    let read = || {
        let id = spiffe_id(connection.peer_certs()?.first()?)?;
        Some(id.as_str().into())
    };
    connection.get_ref().0.id.get_or_init(read).clone()
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(context));
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(context));
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.gather.flushed();
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

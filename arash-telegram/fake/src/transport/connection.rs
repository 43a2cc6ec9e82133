//! Connections that can be cut amid a request, so that the client never reads an answer.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The connections that are open, by the address of the client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections(Arc<Mutex<HashMap<String, Weak<AtomicBool>>>>);

impl Connections {
    fn register(&self, remote: SocketAddr) -> Arc<AtomicBool> {
        let is_cut = Arc::new(AtomicBool::new(false));
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, connection| connection.strong_count() > 0);
        open.insert(RemoteAddr(remote.into()).to_string(), Arc::downgrade(&is_cut));
        is_cut
    }

    /// What is written to this client from now on resets the connection.
    pub(crate) fn cut(&self, remote: &RemoteAddr) {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(is_cut) = open.get(&remote.to_string()).and_then(Weak::upgrade) {
            is_cut.store(true, Ordering::SeqCst);
        }
    }
}

/// Takes connections that [`Connections`] can cut.
#[derive(Debug)]
pub(crate) struct CuttableAcceptor {
    listener: TcpListener,
    local: SocketAddr,
    connections: Connections,
}

impl CuttableAcceptor {
    pub(crate) fn new(listener: TcpListener, local: SocketAddr, connections: Connections) -> Self {
        Self { listener, local, connections }
    }
}

impl Acceptor for CuttableAcceptor {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![LocalAddr(self.local.into())]
    }

    async fn accept(&mut self) -> io::Result<(Connection, LocalAddr, RemoteAddr, Scheme)> {
        loop {
            if let Ok((stream, remote)) = self.listener.accept().await {
                let _ = stream.set_nodelay(true);
                let connection = Connection { stream, is_cut: self.connections.register(remote) };
                return Ok((connection, LocalAddr(self.local.into()), RemoteAddr(remote.into()), Scheme::HTTP));
            }
            // Out of file descriptors: the next look would fail as well.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A connection to a client.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    is_cut: Arc<AtomicBool>,
}

impl Connection {
    fn check(&self) -> io::Result<()> {
        if self.is_cut.load(Ordering::SeqCst) {
            // Closed without a linger, TCP says "reset" instead of an orderly end.
            let _ = self.stream.set_zero_linger();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.check().is_err() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

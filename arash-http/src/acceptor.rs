//! Takes connections: without delay, without spinning on faults, and not more than fit.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most connections at a time; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 10_000;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// An acceptor over TCP. poem's own sets no `TCP_NODELAY`, spins when the process is out of file
/// descriptors, and takes any number of connections.
#[derive(Debug)]
pub(crate) struct TcpAcceptor {
    listener: TcpListener,
    local_addr: LocalAddr,
    free: Arc<Semaphore>,
}

impl TcpAcceptor {
    /// Takes connections from `listener`.
    ///
    /// # Errors
    /// When the listener's address cannot be asked for.
    pub(crate) fn new(listener: TcpListener) -> io::Result<Self> {
        Self::with_most(listener, MAX_CONNECTIONS)
    }

    fn with_most(listener: TcpListener, connections: usize) -> io::Result<Self> {
        let local_addr = LocalAddr(listener.local_addr()?.into());
        Ok(Self { listener, local_addr, free: Arc::new(Semaphore::new(connections)) })
    }
}

impl Acceptor for TcpAcceptor {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.local_addr.clone()]
    }

    async fn accept(&mut self) -> io::Result<(Connection, LocalAddr, RemoteAddr, Scheme)> {
        let permit = Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)?;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.listener.accept().await {
                Ok((stream, remote)) => {
                    // An answer is written as a whole: waiting to fill a packet only delays it.
                    let _ = stream.set_nodelay(true);
                    let connection = Connection { stream, _permit: permit };
                    return Ok((connection, self.local_addr.clone(), RemoteAddr(remote.into()), Scheme::HTTP));
                }
                // The client went away before it was served.
                Err(fault)
                    if matches!(fault.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {}
                Err(fault) => {
                    tracing::warn!(error = %fault, pause_ms = pause.as_millis(), "no connection could be accepted");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// A connection that counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn no_more_connections_are_taken_than_fit() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut acceptor = TcpAcceptor::with_most(listener, 1).unwrap();
        let _clients = (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
        let first = acceptor.accept().await.unwrap();
        assert!(first.0.stream.nodelay().unwrap());
        assert!(tokio::time::timeout(SHORT, acceptor.accept()).await.is_err());
        drop(first);
        assert!(tokio::time::timeout(Duration::from_secs(5), acceptor.accept()).await.is_ok());
    }
}

//! Takes connections: without delay, without spinning on faults, and not more than fit.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::connection::Connection;
use crate::limits::Limits;
use crate::stopping::Stopping;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// An acceptor over TCP. poem's own sets no `TCP_NODELAY`, spins when the process is out of file
/// descriptors, and takes any number of connections.
#[derive(Debug)]
pub(crate) struct TcpAcceptor {
    listener: TcpListener,
    local_addr: LocalAddr,
    free: Arc<Semaphore>,
    limits: Limits,
    stopping: Stopping,
}

impl TcpAcceptor {
    /// Takes connections from `listener`.
    ///
    /// # Errors
    /// When the listener's address cannot be asked for.
    pub(crate) fn new(listener: TcpListener, limits: Limits, stopping: Stopping) -> io::Result<Self> {
        let local_addr = LocalAddr(listener.local_addr()?.into());
        let free = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        Ok(Self { listener, local_addr, free, limits, stopping })
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
                    let connection = Connection::new(stream, self.limits, self.stopping.clone(), permit);
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

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn no_more_connections_are_taken_than_fit() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut acceptor =
            TcpAcceptor::new(listener, Limits { connections: 1, ..Limits::default() }, Stopping::default()).unwrap();
        let _clients = (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
        let first = acceptor.accept().await.unwrap();
        assert!(first.0.stream.nodelay().unwrap());
        assert!(tokio::time::timeout(SHORT, acceptor.accept()).await.is_err());
        drop(first);
        assert!(tokio::time::timeout(Duration::from_secs(5), acceptor.accept()).await.is_ok());
    }
}

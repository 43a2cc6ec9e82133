use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(10);

/// A connection on which a test sends what it likes.
pub(crate) struct Line(TcpStream);

impl Line {
    pub(crate) async fn to(address: &str) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends all of it, as a client does that reads nothing until it has.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(PATIENCE, self.0.write_all(bytes.as_ref())).await.unwrap().unwrap();
    }

    /// Sends a byte now and then until the connection is closed; for how long that was possible.
    pub(crate) async fn drip(mut self, bytes: &[u8], pause: Duration) -> Duration {
        let begun = Instant::now();
        for byte in bytes.iter().cycle() {
            if self.0.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(pause).await;
            assert!(begun.elapsed() < PATIENCE, "the connection is still open");
        }
        begun.elapsed()
    }

    /// All that comes until the connection is closed, and whether it was closed in order.
    pub(crate) async fn rest(mut self) -> (String, bool) {
        let mut bytes = Vec::new();
        let end = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await;
        let end = end.unwrap_or_else(|_| panic!("it is still open after: {}", String::from_utf8_lossy(&bytes)));
        (String::from_utf8_lossy(&bytes).into_owned(), end.is_ok())
    }

    /// What comes up to the end of a head.
    pub(crate) async fn head(&mut self) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(timeout(PATIENCE, self.0.read_u8()).await.unwrap().unwrap());
        }
        String::from_utf8(bytes).unwrap()
    }
}

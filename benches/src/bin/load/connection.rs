//! HTTP/1.1 over one kept connection, as lean as it goes: the loader shares the machine with what it measures.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is kept for many requests.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket takes TCP_NODELAY");
        Self { stream, received: Vec::with_capacity(16 << 10) }
    }

    /// Sends a request and reads its whole answer, which has to be a success; gives the body.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> &[u8] {
        self.stream.write_all(request).await.expect("the server reads");
        self.received.clear();
        let (body, length) = loop {
            self.receive().await;
            if let Some(end) = position(&self.received, b"\r\n\r\n") {
                break (end + 4, content_length(self.received.get(..end).unwrap_or_default()));
            }
        };
        while self.received.len() < body + length {
            self.receive().await;
        }
        assert!(self.received.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(&self.received));
        self.received.get(body..body + length).unwrap_or_default()
    }

    /// Sends a request and reads until `sign` came; the connection is of no use after it.
    pub(crate) async fn ask_until(mut self, request: &[u8], sign: &[u8]) {
        self.stream.write_all(request).await.expect("the server reads");
        while position(&self.received, sign).is_none() {
            self.receive().await;
        }
        assert!(self.received.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(&self.received));
    }

    async fn receive(&mut self) {
        let count = self.stream.read_buf(&mut self.received).await.expect("the server answers");
        assert!(count > 0, "the server hung up after {}", String::from_utf8_lossy(&self.received));
    }
}

/// A request to make something, with a JSON body.
pub(crate) fn post(path: &str, key: &str, body: &str) -> Vec<u8> {
    request("POST", path, key, body)
}

/// A request to set something, with a JSON body.
pub(crate) fn put(path: &str, key: &str, body: &str) -> Vec<u8> {
    request("PUT", path, key, body)
}

fn request(method: &str, path: &str, key: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: load\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Where `sign` begins.
pub(crate) fn position(bytes: &[u8], sign: &[u8]) -> Option<usize> {
    bytes.windows(sign.len()).position(|window| window == sign)
}

/// What the head says of the body's length; 0 if it says nothing.
pub(crate) fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head);
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().map_or(0, |(_, length)| length.trim().parse().expect("a length is a number"))
}

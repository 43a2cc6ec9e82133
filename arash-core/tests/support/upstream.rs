//! An AI service of exact bytes: what it answers is written as given, what it is asked is kept as it came.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the service does with a request once it has read it.
#[derive(Clone)]
pub(crate) enum Play {
    /// Writes this and waits for the next request.
    Answer(Vec<u8>),
    /// Writes the first at once and then the second, a byte at a time with this pause before each.
    Drip(Vec<u8>, Vec<u8>, Duration),
    /// Writes the first once and then the second until the other side has enough.
    Endless(Vec<u8>, Vec<u8>),
    /// Writes this and resets the connection.
    Reset(Vec<u8>),
    /// Writes this and closes the connection.
    Close(Vec<u8>),
    /// Says nothing.
    Silence,
}

pub(crate) struct Upstream {
    address: SocketAddr,
    seen: Arc<Seen>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    written: AtomicUsize,
    closed: tokio::sync::Notify,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    /// The values of a header, by its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

impl Upstream {
    pub(crate) async fn start(play: Play) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Seen::default()));
        let (mut tasks, shared) = (JoinSet::new(), Arc::clone(&seen));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                shared.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, play.clone(), Arc::clone(&shared)));
            }
        });
        Self { address, seen, _tasks: tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/run?token=canary-url", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many bytes of an endless answer could be written until the other side closed the connection.
    pub(crate) async fn written_until_closed(&self) -> usize {
        let closed = tokio::time::timeout(Duration::from_secs(5), self.seen.closed.notified()).await;
        assert!(closed.is_ok(), "the connection is still open");
        self.seen.written.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, play: Play, seen: Arc<Seen>) {
    while let Some(request) = read(&mut stream).await {
        seen.requests.lock().unwrap().push(request);
        match &play {
            Play::Answer(bytes) => stream.write_all(bytes).await.unwrap(),
            Play::Drip(head, bytes, pause) => {
                stream.write_all(head).await.unwrap();
                for byte in bytes {
                    tokio::time::sleep(*pause).await;
                    if stream.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                }
            }
            Play::Endless(head, bytes) => {
                stream.write_all(head).await.unwrap();
                while stream.write_all(bytes).await.is_ok() {
                    seen.written.fetch_add(bytes.len(), Ordering::SeqCst);
                }
                return seen.closed.notify_one();
            }
            Play::Reset(bytes) => {
                stream.write_all(bytes).await.unwrap();
                // What was written should arrive before the reset throws it away.
                tokio::time::sleep(Duration::from_millis(50)).await;
                return stream.set_zero_linger().unwrap();
            }
            Play::Close(bytes) => return stream.write_all(bytes).await.unwrap(),
            Play::Silence => std::future::pending().await,
        }
    }
}

/// The next request, `None` when the connection ends.
async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut request = Request { head: String::from_utf8(bytes[..end].to_vec()).unwrap(), body: String::new() };
    let length: usize = request.header("content-length")[0].parse().unwrap();
    while bytes.len() < end + length {
        assert!(stream.read_buf(&mut bytes).await.ok()? > 0, "the request breaks off");
    }
    request.body = String::from_utf8(bytes[end..].to_vec()).unwrap();
    Some(request)
}

//! The proxy that goes wrong on purpose: bytes arrive as they were sent, held, late or not at all, as a test says.
#![expect(clippy::unwrap_used, reason = "what tests share may end a test as they do")]

use std::time::{Duration, Instant};

use arash_core::testing::FaultProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough to see that nothing comes.
const A_WHILE: Duration = Duration::from_millis(200);

/// A server that says back what it hears, and at the end of it `bye`; behind a proxy.
struct Echo {
    proxy: FaultProxy,
    _server: JoinSet<()>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = FaultProxy::start(listener.local_addr().unwrap().to_string()).await.unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                connections.spawn(async move {
                    let (mut from, mut to) = connection.split();
                    if tokio::io::copy(&mut from, &mut to).await.is_ok() {
                        drop(to.write_all(b"bye").await);
                    }
                });
            }
        });
        Self { proxy, _server: server }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.proxy.address()).await.unwrap()
    }
}

/// Sends `text` and hears it again.
async fn ask(connection: &mut TcpStream, text: &str) {
    connection.write_all(text.as_bytes()).await.unwrap();
    hear(connection, text).await;
}

async fn hear(connection: &mut TcpStream, text: &str) {
    let mut heard = vec![0; text.len()];
    timeout(PATIENCE, connection.read_exact(&mut heard)).await.unwrap().unwrap();
    assert_eq!(heard, text.as_bytes());
}

/// Nothing comes, and the connection is open.
async fn hear_nothing(connection: &mut TcpStream) {
    let heard = timeout(A_WHILE, connection.read_u8()).await;
    assert!(heard.is_err(), "{heard:?}");
}

/// The connection ends with a fault rather than as agreed.
async fn hear_the_cut(connection: &mut TcpStream) {
    let heard = timeout(PATIENCE, connection.read_u8()).await.unwrap();
    assert_eq!(heard.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

/// Bytes without a pattern that a lost or doubled chunk would keep.
fn many_bytes() -> Vec<u8> {
    (0..8_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_passes_both_ways_byte_by_byte_and_so_does_its_end() {
    let (echo, sent) = (Echo::start().await, many_bytes());
    let (mut from, mut to) = echo.connect().await.into_split();
    let mut heard = Vec::new();
    let say = async {
        to.write_all(&sent).await.unwrap();
        // Half closed: what comes back still does.
        to.shutdown().await.unwrap();
    };
    let ((), read) = tokio::join!(say, timeout(PATIENCE, from.read_to_end(&mut heard)));
    read.unwrap().unwrap();
    assert!(heard[..sent.len()] == sent, "it came back otherwise");
    assert_eq!(&heard[sent.len()..], b"bye");
}

#[tokio::test]
async fn a_pause_holds_what_is_sent_and_resuming_delivers_all_of_it() {
    let echo = Echo::start().await;
    let mut old = echo.connect().await;
    ask(&mut old, "before").await;
    echo.proxy.pause();
    let mut new = echo.connect().await;
    old.write_all(b"held").await.unwrap();
    new.write_all(b"held too").await.unwrap();
    hear_nothing(&mut old).await;
    hear_nothing(&mut new).await;
    echo.proxy.resume();
    hear(&mut old, "held").await;
    hear(&mut new, "held too").await;
    ask(&mut old, "after").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pauses_in_the_middle_lose_nothing_and_a_paused_proxy_takes_only_so_much() {
    let (echo, sent) = (Echo::start().await, many_bytes());
    echo.proxy.pause();
    let (mut from, mut to) = echo.connect().await.into_split();
    let taken = timeout(A_WHILE, to.write_all(&sent)).await;
    assert!(taken.is_err(), "all of it was taken in");
    drop((from, to));
    (from, to) = echo.connect().await.into_split();
    let pauses = async {
        for _ in 0..10 {
            echo.proxy.resume();
            tokio::time::sleep(Duration::from_millis(3)).await;
            echo.proxy.pause();
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        echo.proxy.resume();
    };
    let mut heard = vec![0; sent.len()];
    let (said, read, ()) = tokio::join!(to.write_all(&sent), timeout(PATIENCE, from.read_exact(&mut heard)), pauses);
    said.unwrap();
    read.unwrap().unwrap();
    assert!(heard == sent, "it came back otherwise");
}

#[tokio::test]
async fn a_cut_resets_every_connection_and_mending_takes_new_ones() {
    let echo = Echo::start().await;
    let (mut first, mut second) = (echo.connect().await, echo.connect().await);
    ask(&mut first, "before").await;
    ask(&mut second, "before").await;
    echo.proxy.cut();
    hear_the_cut(&mut first).await;
    hear_the_cut(&mut second).await;
    hear_the_cut(&mut echo.connect().await).await;
    echo.proxy.mend();
    let mut third = echo.connect().await;
    ask(&mut third, "after").await;
    // As short as it may be.
    echo.proxy.cut();
    echo.proxy.mend();
    hear_the_cut(&mut third).await;
    ask(&mut echo.connect().await, "after").await;
}

#[tokio::test]
async fn a_cut_ends_what_a_pause_holds() {
    let echo = Echo::start().await;
    let mut held = echo.connect().await;
    ask(&mut held, "before").await;
    echo.proxy.pause();
    let mut waiting = echo.connect().await;
    held.write_all(b"held").await.unwrap();
    hear_nothing(&mut waiting).await;
    echo.proxy.cut();
    hear_the_cut(&mut held).await;
    hear_the_cut(&mut waiting).await;
}

#[tokio::test]
async fn a_delay_holds_each_chunk_that_long_and_keeps_the_order() {
    const DELAY: Duration = Duration::from_millis(100);
    let echo = Echo::start().await;
    let mut connection = echo.connect().await;
    ask(&mut connection, "at once").await;
    echo.proxy.delay(DELAY);
    let begun = Instant::now();
    ask(&mut connection, "there and back").await;
    assert!(begun.elapsed() >= DELAY * 2, "{:?}", begun.elapsed());
    for word in ["one", "two", "three"] {
        connection.write_all(word.as_bytes()).await.unwrap();
    }
    hear(&mut connection, "onetwothree").await;
    echo.proxy.delay(Duration::ZERO);
    ask(&mut connection, "at once again").await;
}

#[tokio::test]
async fn a_target_that_is_not_there_is_a_reset_and_dropping_the_proxy_ends_everything() {
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nowhere.local_addr().unwrap();
    drop(nowhere);
    let proxy = FaultProxy::start(address.to_string()).await.unwrap();
    hear_the_cut(&mut TcpStream::connect(proxy.address()).await.unwrap()).await;

    let Echo { proxy, _server } = Echo::start().await;
    let mut connection = TcpStream::connect(proxy.address()).await.unwrap();
    ask(&mut connection, "before").await;
    let address = proxy.address();
    drop(proxy);
    // As an end or as a reset, whichever it comes to first.
    drop(timeout(PATIENCE, connection.read_to_end(&mut Vec::new())).await.unwrap());
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    timeout(PATIENCE, refused).await.unwrap();
}

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Most bytes that are held for each direction of a connection.
const CHUNK: usize = 16 * 1024;

/// A TCP proxy that goes wrong when a test says so: it stands between a program and the server that it needs.
///
/// It listens on a free port of this machine and passes everything on, both ways. What it holds is bounded: whoever
/// sends into a proxy that is paused or slow has to wait in the end. Dropping it closes everything.
///
/// ```no_run
/// # async fn test() -> std::io::Result<()> {
/// use arash_core::testing::FaultProxy;
///
/// let proxy = FaultProxy::start("127.0.0.1:5432").await?;
/// let url = format!("postgres://{}/arash", proxy.address());
/// proxy.pause();
/// // … the database hangs …
/// proxy.resume();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    _tasks: JoinSet<()>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    is_paused: bool,
    is_cut: bool,
    /// How often it was cut: a connection ends even if all is mended before it has looked.
    cuts: u64,
    delay: Duration,
}

impl FaultProxy {
    /// Listens, and passes every connection on to `target`, a `host:port`.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub async fn start(target: impl Into<String>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (state, watched) = watch::channel(State::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target.into().into(), watched));
        Ok(Self { address, state, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets nothing pass until [`resume`](Self::resume). Connections stay open and new ones are accepted, as with a
    /// server that was stopped.
    pub fn pause(&self) {
        self.state.send_modify(|state| state.is_paused = true);
    }

    /// Lets everything go on, what was held first.
    pub fn resume(&self) {
        self.state.send_modify(|state| state.is_paused = false);
    }

    /// Resets every connection, and every new one until [`mend`](Self::mend).
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            state.is_cut = true;
            state.cuts += 1;
        });
    }

    /// Takes connections again after [`cut`](Self::cut).
    pub fn mend(&self) {
        self.state.send_modify(|state| state.is_cut = false);
    }

    /// Holds every chunk this long, from the next one on; zero ends it. Chunks keep their order and are held one after
    /// the other, so that this makes a connection slow as well as late.
    pub fn delay(&self, delay: Duration) {
        self.state.send_modify(|state| state.delay = delay);
    }
}

async fn accept(listener: TcpListener, target: Arc<str>, state: watch::Receiver<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    connections.spawn(serve(client, Arc::clone(&target), state.clone()));
                }
                // Out of files, say: trying again at once would only spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, from its beginning to its end or to the next cut.
async fn serve(mut client: TcpStream, target: Arc<str>, state: watch::Receiver<State>) {
    let begun = *state.borrow();
    let mut cut = state.clone();
    let is_whole = tokio::select! {
        biased;
        _ = cut.wait_for(|now| now.is_cut || now.cuts != begun.cuts) => false,
        passed = connect_and_pass(&mut client, &target, state) => passed.is_ok(),
    };
    if !is_whole {
        reset(&client);
    }
}

async fn connect_and_pass(client: &mut TcpStream, target: &str, mut state: watch::Receiver<State>) -> io::Result<()> {
    flowing(&mut state).await?;
    let mut server = TcpStream::connect(target).await?;
    // What is written here should leave at once: the proxy adds no wait of its own.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
    let passed =
        tokio::try_join!(pass(from_client, to_server, state.clone()), pass(from_server, to_client, state.clone()));
    if passed.is_err() {
        reset(&server);
    }
    passed.map(drop)
}

/// Passes one direction on until it ends, and then its end.
async fn pass(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut state: watch::Receiver<State>) -> io::Result<()> {
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        chunk.clear();
        let is_end = (&mut from).take(CHUNK as u64).read_buf(&mut chunk).await? == 0;
        let delay = state.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        flowing(&mut state).await?;
        if is_end {
            return to.shutdown().await;
        }
        let mut rest = chunk.as_slice();
        while !rest.is_empty() {
            flowing(&mut state).await?;
            // A pause also holds what could not be written at once.
            tokio::select! {
                written = to.write_buf(&mut rest) => drop(written?),
                _ = state.changed() => {}
            }
        }
    }
}

/// Waits until bytes may flow.
async fn flowing(state: &mut watch::Receiver<State>) -> io::Result<()> {
    state.wait_for(|now| !now.is_paused).await.map(drop).map_err(io::Error::other)
}

/// Makes the end of this connection a reset. One that is gone already needs none.
fn reset(connection: &TcpStream) {
    drop(connection.set_zero_linger());
}

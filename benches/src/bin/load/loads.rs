//! Loads on a server: as many requests as it takes, or so many a second.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::connection::{Connection, post};
use crate::server::Server;

/// Chats that each connection talks in, in turn: their histories reach their full length in a long run only.
const CHATS: usize = 200;

/// What a load came to.
pub(crate) struct Load {
    /// Of each request, sorted.
    pub(crate) times: Vec<Duration>,
    pub(crate) elapsed: Duration,
    /// Processor time of the server a request.
    pub(crate) processor: Duration,
    pub(crate) resident_bytes: u64,
}

impl Load {
    pub(crate) fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn quantile(&self, quantile: f64) -> Duration {
        let place = (self.times.len().saturating_sub(1) as f64 * quantile).round() as usize;
        self.times.get(place).copied().unwrap_or_default()
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Route {
    Chat,
    ChatStream,
    Completions,
    CompletionsStream,
}

impl Route {
    fn path(self) -> &'static str {
        match self {
            Self::Chat => "/api/v1/chat",
            Self::ChatStream => "/api/v1/chat/stream",
            Self::Completions | Self::CompletionsStream => "/v1/chat/completions",
        }
    }

    /// A message of some 150 bytes.
    fn body(self, connection: usize, chat: usize) -> String {
        let text = "Hello, how are you, and what can you do for me today?";
        match self {
            Self::Chat | Self::ChatStream => format!(
                r#"{{"platform": "internal", "user_id": "user-{connection}", "chat_id": "chat-{connection}-{chat}", "text": "{text}"}}"#
            ),
            Self::Completions | Self::CompletionsStream => format!(
                r#"{{"model": "openai/gpt-5-chat", "user": "user-{connection}", "stream":{}, "messages": [{{"role": "user", "content": "{text}"}}]}}"#,
                matches!(self, Self::CompletionsStream)
            ),
        }
    }

    /// The requests of one connection: a message in each of its chats.
    fn requests(self, key: &str, connection: usize) -> Vec<Vec<u8>> {
        (0..CHATS).map(|chat| post(self.path(), key, &self.body(connection, chat))).collect()
    }
}

/// Keeps `connections` connections busy for `length`.
pub(crate) async fn closed(server: &Server, (route, key): (Route, &str), connections: usize, length: Duration) -> Load {
    // Connections are made and sessions opened before anything is counted.
    let mut workers = Vec::new();
    for number in 0..connections {
        let requests = route.requests(key, number);
        let mut connection = Connection::open(&server.address).await;
        connection.ask(requests.first().expect("there are chats")).await;
        workers.push((connection, requests));
    }
    measured(server, async {
        let (begun, mut tasks) = (Instant::now(), JoinSet::new());
        for (mut connection, requests) in workers {
            tasks.spawn(async move {
                let mut times = Vec::with_capacity(1 << 14);
                for request in requests.iter().cycle() {
                    let start = Instant::now();
                    if start - begun > length {
                        break;
                    }
                    connection.ask(request).await;
                    times.push(start.elapsed());
                }
                times
            });
        }
        tasks.join_all().await.concat()
    })
    .await
}

/// Sends `per_second` requests a second, whether or not the ones before were answered; their times count from
/// the moment at which they were due.
pub(crate) async fn paced(server: &Server, (route, key): (Route, &str), per_second: u32, length: Duration) -> Load {
    let connections = 16;
    let interval = Duration::from_secs(1) / per_second;
    let count = (length.as_secs_f64() * f64::from(per_second)) as u32;
    measured(server, async {
        let (begun, mut tasks) = (Instant::now() + Duration::from_millis(50), JoinSet::new());
        for number in 0..connections {
            let requests = route.requests(key, number as usize);
            let mut connection = Connection::open(&server.address).await;
            tasks.spawn(async move {
                let mut times = Vec::new();
                for (turn, request) in (number..count).step_by(connections as usize).zip(requests.iter().cycle()) {
                    let due = begun + interval * turn;
                    tokio::time::sleep_until(due.into()).await;
                    connection.ask(request).await;
                    times.push(due.elapsed());
                }
                times
            });
        }
        tasks.join_all().await.concat()
    })
    .await
}

/// Asks `count` times, one after another, each on a new connection, and takes the time until `sign` came.
pub(crate) async fn first_sign(server: &Server, (route, key): (Route, &str), sign: &[u8], count: usize) -> Load {
    let requests = route.requests(key, 0);
    measured(server, async {
        let mut times = Vec::with_capacity(count);
        for request in requests.iter().cycle().take(count) {
            let connection = Connection::open(&server.address).await;
            let start = Instant::now();
            connection.ask_until(request, sign).await;
            times.push(start.elapsed());
        }
        times
    })
    .await
}

async fn measured(server: &Server, load: impl Future<Output = Vec<Duration>>) -> Load {
    let (before, begun) = (server.taken(), Instant::now());
    let mut times = load.await;
    let (after, elapsed) = (server.taken(), begun.elapsed());
    times.sort_unstable();
    let count = u32::try_from(times.len().max(1)).unwrap_or(u32::MAX);
    let processor = after.processor.saturating_sub(before.processor) / count;
    Load { times, elapsed, processor, resident_bytes: after.resident_bytes }
}

//! How long the host waits for its clients, and for how many.

use std::time::Duration;

/// How long the host waits for its clients, and for how many. What bounds an answer itself stands elsewhere: the AI
/// service has `AI_TIMEOUT_SECONDS`, a session's lane so many waiters, storage its few seconds.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Most connections at a time; more wait in the system's queue.
    pub connections: usize,
    /// A connection without a byte either way for this long is closed once its request is answered.
    pub idle: Duration,
    /// How long the head of a request may take to arrive, from its first byte on. Without a limit, clients that send a
    /// byte now and then hold their connections for ever.
    pub head: Duration,
    /// How long the body of a request may take to arrive, from when it is read.
    pub body: Duration,
    /// How long a request may take from its head to the head of its answer. Not there to hurry anything, but so that
    /// nothing hangs for ever: who waits for a session may wait for many answers before his own.
    pub request: Duration,
    /// How long a client may take none of the bytes of its answer.
    pub stalled_write: Duration,
    /// For how long a client that still sends is listened to after the answer that ends its connection. One that is
    /// cut off amid its sending loses the answer.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            idle: Duration::from_secs(75),
            head: Duration::from_secs(60),
            body: Duration::from_secs(60),
            request: Duration::from_secs(2 * 3_600),
            stalled_write: Duration::from_secs(60),
            linger: Duration::from_secs(5),
        }
    }
}

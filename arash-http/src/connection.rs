//! A connection that ends by itself when its client neither sends nor takes what it should.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::head_scan::HeadScan;
use crate::limits::Limits;
use crate::stopping::Stopping;

/// A client that sends nothing for this long after its connection was ended has nothing more to send.
const QUIET: Duration = Duration::from_millis(500);
/// Most bytes that are passed over after the answer that ends a connection.
const MAX_PASSED_OVER: usize = 64 << 20;

/// A connection that counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    limits: Limits,
    head: HeadScan,
    reading: Alarm,
    writing: Alarm,
    stalled_since: Option<Instant>,
    lingering: Option<Lingering>,
    stopping: Patience,
    is_given_up: bool,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, limits: Limits, stopping: Stopping, permit: OwnedSemaphorePermit) -> Self {
        Self {
            stream,
            limits,
            head: HeadScan::default(),
            reading: Alarm::default(),
            writing: Alarm::default(),
            stalled_since: None,
            lingering: None,
            stopping: Patience { stopping, waiting: None },
            is_given_up: false,
            _permit: permit,
        }
    }

    /// What became of writing `bytes`: a client that takes nothing for too long is given up.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if outcome.is_pending() {
            let since = *self.stalled_since.get_or_insert_with(Instant::now);
            let moment = since + self.limits.stalled_write;
            return self.writing.rings_at(moment, cx).map(|()| self.give_up());
        }
        self.stalled_since = None;
        self.head.answer(bytes);
        outcome
    }

    /// The client was waited for long enough, and is listened to no more.
    fn give_up<T>(&mut self) -> io::Result<T> {
        self.is_given_up = true;
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Reads what comes and passes it over, until there is nothing more, or too much.
    fn pass_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(lingering) = &mut self.lingering else { return Poll::Ready(()) };
        let mut scratch = [0; 16 << 10];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    lingering.passed_over += buffer.filled().len();
                    if lingering.passed_over > MAX_PASSED_OVER || Instant::now() >= lingering.end {
                        return Poll::Ready(());
                    }
                    lingering.last_byte = Instant::now();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    return lingering.alarm.rings_at(lingering.end.min(lingering.last_byte + QUIET), cx);
                }
            }
        }
    }
}

/// The time after the last answer, in which a client may still send.
#[derive(Debug)]
struct Lingering {
    end: Instant,
    last_byte: Instant,
    alarm: Alarm,
    passed_over: usize,
}

/// How long a head may still take when the host stops.
struct Patience {
    stopping: Stopping,
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
}

impl Patience {
    /// Ready when the host is stopping and clients have had their time.
    fn is_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let stopping = &self.stopping;
        let waiting = self.waiting.get_or_insert_with(|| {
            let stopping = stopping.clone();
            Box::pin(async move { stopping.is_over().await })
        });
        waiting.as_mut().poll(cx)
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stopping.fmt(f)
    }
}

/// Wakes at a moment; made when it is first needed, for most connections need none.
#[derive(Debug, Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready when the moment has come.
    fn rings_at(&mut self, moment: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(moment)));
        if sleep.deadline() != moment {
            sleep.as_mut().reset(moment);
        }
        sleep.as_mut().poll(cx)
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        if let Poll::Ready(outcome) = Pin::new(&mut this.stream).poll_read(cx, buf) {
            this.head.read(buf.filled().get(before..).unwrap_or_default());
            // Its connections may be held without a request, and nobody closes them; what speaks it stands before this.
            let is_spoken = !this.head.is_http_2();
            return Poll::Ready(if is_spoken { outcome } else { this.give_up() });
        }
        let Some(since) = this.head.since() else { return Poll::Pending };
        if this.stopping.is_over(cx).is_ready() {
            return Poll::Ready(this.give_up());
        }
        this.reading.rings_at(since + this.limits.head, cx).map(|()| this.give_up())
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, buf, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        let first = bufs.iter().find(|buf| !buf.is_empty()).map(|buf| &**buf);
        self.written(cx, first.unwrap_or_default(), outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Tells the client that nothing more comes, then passes over what it still sends: closed with something unread,
    /// the connection would be reset, and the client might never read its answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.is_given_up {
            return Pin::new(&mut this.stream).poll_shutdown(cx);
        }
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            let now = Instant::now();
            let end = now + this.limits.linger;
            this.lingering = Some(Lingering { end, last_byte: now, alarm: Alarm::default(), passed_over: 0 });
        }
        this.pass_over(cx).map(Ok)
    }
}

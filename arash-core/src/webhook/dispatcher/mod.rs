//! Delivers events: claims what is due, sends it, and writes down what came of it.

mod claims;
mod load;
mod queues;
mod settings;
mod settling;

pub use load::DispatcherLoad;
pub(crate) use load::Gauge;
pub use settings::WebhookSettings;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::fail_point::fail_point;
use crate::metrics;
use crate::webhook::courier::{Courier, LONGEST_ATTEMPT};
use crate::webhook::{Attempt, ClaimedEvent, EventClaim, EventFeed, NextStep, OutboxStore};
use claims::Claims;
use queues::{Leased, Limits, Next, Pace, Queues};
use settling::Settling;

/// For how long a claimed event is this node's: an attempt fits in, and some time to wait for its turn.
const LEASE: Duration = Duration::from_secs(30);
/// Most events of one claim.
const MAX_CLAIM: usize = 256;
/// Most events of one endpoint that are claimed at a time, and the share of what there is room for that one may have: so
/// many endpoints that take nothing leave room for another.
const MAX_CLAIM_PER_ENDPOINT: usize = 32;
const SHARE: usize = 128;
/// Whoever asked for less would have the store do nothing else.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);
/// Who takes an event within this time is quick.
const QUICK: Duration = Duration::from_secs(1);
/// At shutdown, how long attempts that run may go on, and how long it may then take to write what came of them.
const LAST_ATTEMPTS: Duration = Duration::from_secs(3);
const LAST_WRITES: Duration = Duration::from_millis(1_500);

/// What a [`Dispatcher`] is made of.
pub(crate) struct DispatcherParts {
    pub(crate) store: Arc<dyn OutboxStore>,
    pub(crate) courier: Courier,
    pub(crate) feed: EventFeed,
    pub(crate) settings: WebhookSettings,
    pub(crate) gauge: Gauge,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// The task that delivers. One loop holds all that it knows; attempts run on tasks of their own.
pub(crate) struct Dispatcher {
    parts: DispatcherParts,
    queues: Queues,
    settling: Settling,
    claiming: Option<BoxFuture<'static, Claimed>>,
    claims: Claims,
    ended: mpsc::UnboundedSender<Ended>,
    /// Ends the attempts that run.
    abort: CancellationToken,
}

/// What a claim gave, and until when.
struct Claimed {
    events: Result<Vec<ClaimedEvent>>,
    until: Timestamp,
}

/// An attempt that ended.
struct Ended {
    claimed: Box<ClaimedEvent>,
    attempt: Attempt,
}

impl Dispatcher {
    /// Starts to deliver, until the token is cancelled.
    pub(crate) fn start(parts: DispatcherParts) {
        let (ended, results) = mpsc::unbounded_channel();
        let settings = parts.settings;
        let limits = Limits {
            running: settings.max_attempts.max(1),
            per_endpoint: settings.max_attempts_per_endpoint.max(1),
            held: settings.max_held.max(1),
            held_bytes: settings.max_held_bytes.max(1),
        };
        let dispatcher = Self {
            queues: Queues::new(limits),
            settling: Settling::new(Arc::clone(&parts.store)),
            claiming: None,
            claims: Claims::new(settings.poll_interval.max(SHORTEST_INTERVAL)),
            ended,
            abort: CancellationToken::new(),
            parts,
        };
        let tasks = dispatcher.parts.tasks.clone();
        tasks.spawn(dispatcher.run(results));
    }

    async fn run(mut self, mut results: mpsc::UnboundedReceiver<Ended>) {
        let (stop, feed) = (self.parts.stop.clone(), self.parts.feed.clone());
        loop {
            self.send_what_may_be();
            self.claim_if_due();
            self.note_load();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = results.recv() => self.note_ended(&ended),
                claimed = finished(&mut self.claiming) => self.note_claimed(claimed),
                // What was written may have been in the way of others, be it by its order key or at its endpoint.
                is_written = self.settling.step() => if is_written { self.claims.hurry() },
                () = feed.committed() => self.claims.hurry(),
                () = sleep_until(self.claims.next()), if self.may_claim() => {}
            }
        }
        self.end(&mut results).await;
        self.note_load();
    }

    /// Starts an attempt for each event that there is a place for.
    fn send_what_may_be(&mut self) {
        while let Some(next) = self.queues.next(self.parts.courier.now()) {
            match next {
                Next::Send(claimed) => self.send(claimed),
                Next::GiveBack(claimed) => self.give_back(&claimed),
            }
        }
    }

    fn send(&self, claimed: Box<ClaimedEvent>) {
        let (courier, abort, ended) = (self.parts.courier.clone(), self.abort.clone(), self.ended.clone());
        self.parts.tasks.spawn(async move {
            fail_point("before sending an event");
            let attempt = tokio::select! {
                biased;
                attempt = courier.deliver(&claimed) => attempt,
                () = abort.cancelled() => Attempt::of(&claimed, courier.now(), NextStep::GiveBack),
            };
            fail_point("after sending an event");
            // Nobody is there any more when the program ends: the lease runs out.
            drop(ended.send(Ended { claimed, attempt }));
        });
    }

    fn give_back(&mut self, claimed: &ClaimedEvent) {
        self.settling.add(Attempt::of(claimed, self.parts.courier.now(), NextStep::GiveBack));
    }

    fn note_ended(&mut self, Ended { claimed, attempt }: &Ended) {
        let pace = match attempt.next {
            NextStep::Delivered if attempt.response_time < QUICK => Pace::Quick,
            NextStep::Delivered => Pace::Slow,
            _ => Pace::Failed,
        };
        if attempt.is_delivered() && attempt.attempt == 1 {
            metrics::event_delivered(self.parts.courier.now().since(claimed.created_at));
        }
        for waiting in self.queues.ended(claimed, pace) {
            self.give_back(&waiting);
        }
        self.settling.add(attempt.clone());
    }

    fn may_claim(&self) -> bool {
        self.claiming.is_none() && self.settling.has_room() && self.queues.room() > 0
    }

    fn claim_if_due(&mut self) {
        if !self.may_claim() || Instant::now() < self.claims.next() {
            return;
        }
        let (now, room) = (self.parts.courier.now(), self.queues.room());
        let claim = EventClaim {
            now,
            lease_until: now.plus(LEASE),
            limit: room.min(MAX_CLAIM) as u32,
            per_endpoint: (room / SHARE).clamp(1, MAX_CLAIM_PER_ENDPOINT) as u32,
            per_failing_endpoint: 1,
            failing: self.queues.has_room_for_failing(),
        };
        self.claims.begin();
        let store = Arc::clone(&self.parts.store);
        self.claiming = Some(Box::pin(async move {
            let events = AssertUnwindSafe(store.claim_events(&claim)).catch_unwind().await;
            let events = events.unwrap_or_else(|_| Err(Error::internal("the store broke")));
            Claimed { events, until: claim.lease_until }
        }));
    }

    fn note_claimed(&mut self, Claimed { events, until }: Claimed) {
        self.claims.end(events.as_ref().map(Vec::len));
        for claimed in events.into_iter().flatten() {
            self.queues.add(Leased { claimed, until });
        }
    }

    fn note_load(&self) {
        self.parts.gauge.set(DispatcherLoad { running: self.queues.running(), waiting: self.queues.waiting() });
    }

    /// Sends nothing more: lets attempts end, gives the rest back and writes down what there is.
    async fn end(&mut self, results: &mut mpsc::UnboundedReceiver<Ended>) {
        let last_attempts = Instant::now() + LAST_ATTEMPTS;
        // What is being claimed right now is this node's; it would be nobody's until the end of its lease.
        if let Ok(Some(claimed)) = timeout(LAST_ATTEMPTS, finished_or(&mut self.claiming)).await {
            self.note_claimed(claimed);
        }
        for claimed in self.queues.empty() {
            self.give_back(&claimed);
        }
        while self.queues.running() > 0 {
            tokio::select! {
                Some(ended) = results.recv() => self.note_ended(&ended),
                _ = self.settling.step() => {}
                () = sleep_until(last_attempts), if !self.abort.is_cancelled() => self.abort.cancel(),
            }
        }
        self.settling.hurry();
        let writes = async {
            while !self.settling.is_done() {
                self.settling.step().await;
            }
        };
        if timeout(LAST_WRITES, writes).await.is_err() {
            tracing::warn!("what came of some webhook events could not be written; they are sent again");
        }
    }
}

/// What the work gives when it ends; waits for ever while there is none. May be dropped at any time.
async fn finished<T>(work: &mut Option<BoxFuture<'static, T>>) -> T {
    match finished_or(work).await {
        Some(result) => result,
        None => std::future::pending().await,
    }
}

/// What the work gives when it ends; `None` if there is none.
async fn finished_or<T>(work: &mut Option<BoxFuture<'static, T>>) -> Option<T> {
    let result = work.as_mut()?.await;
    *work = None;
    Some(result)
}

const _: () = assert!(LEASE.as_secs() > LONGEST_ATTEMPT.as_secs(), "an attempt ends before its lease");

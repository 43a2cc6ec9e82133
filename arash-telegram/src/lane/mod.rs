//! Order: one task a chat and topic, which answers what comes there one after another. Chats do not wait for each other.

mod queue;
mod rights;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arash_core::clock::{Clock, SystemClock};
use futures_util::FutureExt;
use teloxide::types::ChatId;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::{Progress, Unanswered};
use crate::bot::Bot;
use crate::inbox::Held;
use crate::incoming::{HostCall, HostCommand, Incoming, Lane};
use queue::{Next, Queue};
use rights::Rights;

pub(crate) use queue::{Job, Task};

/// Takes every update where it belongs: into its lane, or at once to what does not wait for a lane.
pub(crate) struct Lanes {
    bot: Arc<Bot>,
    waiting: Mutex<HashMap<Lane, Arc<Waiting>>>,
    tasks: TaskTracker,
    rights: Rights,
    /// Ends the tasks amid what they do.
    cut: CancellationToken,
}

/// What waits in one lane. Its task ends when nothing does.
#[derive(Default)]
struct Waiting {
    queue: Mutex<Queue>,
    arrived: Notify,
}

impl Waiting {
    fn with<R>(&self, act: impl FnOnce(&mut Queue) -> R) -> R {
        act(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Lanes {
    pub(crate) fn new(bot: Arc<Bot>) -> Arc<Self> {
        Arc::new(Self {
            bot,
            waiting: Mutex::default(),
            tasks: TaskTracker::new(),
            rights: Rights::new(),
            cut: CancellationToken::new(),
        })
    }

    /// Takes an update. Returns at once.
    pub(crate) fn take(self: &Arc<Self>, held: Held) {
        let incoming = Incoming::parse(&held.payload, &self.bot.info);
        let held = match incoming.waits_in() {
            Some(lane) => self.bot.intake.seat(lane.chat, held),
            None => Some(held),
        };
        let Some(held) = held else { return };
        match incoming {
            Incoming::Ask(ask) | Incoming::Aside(ask) => {
                self.wait(ask.origin.lane, |queue, now| queue.ask(*ask, held, now));
            }
            Incoming::Edit(edit) => {
                let place = edit.origin.lane;
                let lane = self.with(|lanes| lanes.get(&place).cloned());
                // Too late, if it waits no more: what it has become then means nothing.
                let late = match lane {
                    Some(lane) => lane.with(|queue| queue.edit(*edit, held)),
                    None => Some(held),
                };
                if let Some(late) = late {
                    self.beside(late, |_| async {});
                }
            }
            Incoming::Command(call @ HostCall { command: HostCommand::Retry, .. }) => {
                self.wait(call.origin.lane, |queue, now| queue.retry(call, held, now));
            }
            Incoming::Command(call) => {
                let progress = Progress::parse(held.progress.as_deref());
                self.beside(held, |bot| async move { bot.command(&call, &progress).await });
            }
            Incoming::Button(button) => self.beside(held, |bot| async move { bot.pressed(&button).await }),
            Incoming::Membership(membership) => {
                self.beside(held, |bot| async move { bot.membership(&membership).await });
            }
            Incoming::Migrated { from, to } => {
                self.beside(held, move |bot| async move { bot.migrate(ChatId(from), ChatId(to)).await });
            }
            Incoming::Topic { .. } => self.beside(held, |_| async {}),
            Incoming::Ignored(reason) => {
                tracing::trace!(?reason, "an update means nothing");
                self.beside(held, |_| async {});
            }
        }
    }

    /// Lets running answers end, for `time` at most; those that have not ended then are cut off, and answered by whoever
    /// takes up their updates.
    pub(crate) async fn end(&self, time: Duration) {
        self.tasks.close();
        self.bot.reports.close();
        let ending = async {
            self.tasks.wait().await;
            self.bot.reports.wait().await;
        };
        if timeout(time, ending).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "not all was answered in time; the rest is after the next start");
            self.cut.cancel();
            self.tasks.wait().await;
        }
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.cut.clone().run_until_cancelled_owned(work));
    }

    /// Does what waits for no lane.
    fn beside<F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        held: Held,
        act: impl FnOnce(Arc<Bot>) -> F + Send + 'static,
    ) {
        let bot = Arc::clone(&self.bot);
        self.spawn(async move {
            let acting = AssertUnwindSafe(Box::pin(act(Arc::clone(&bot)))).catch_unwind();
            if acting.await.is_err() {
                tracing::error!(update_id = held.id.0, "handling an update panicked; it is left out");
                drop(bot.running.take_broken(held.id));
            }
            bot.intake.finish(&[held.id]).await;
            drop(held);
        });
    }

    /// Puts something into a lane, whose task begins if it is the first.
    fn wait(self: &Arc<Self>, place: Lane, put: impl FnOnce(&mut Queue, arash_core::clock::Timestamp)) {
        let now = SystemClock.now();
        self.with(|lanes| {
            let lane = lanes.entry(place).or_insert_with(|| {
                let lane = Arc::<Waiting>::default();
                let (lanes, waiting) = (Arc::clone(self), Arc::clone(&lane));
                self.spawn(async move { lanes.work(place, &waiting).await });
                lane
            });
            lane.with(|queue| put(queue, now));
            lane.arrived.notify_one();
        });
    }

    /// Answers what waits in a lane until nothing does.
    async fn work(&self, place: Lane, lane: &Waiting) {
        while !self.bot.is_stopping() {
            // Before anything is taken out: what waits for the right can still be changed.
            let right = tokio::select! {
                right = self.rights.one(place.chat) => right,
                () = self.bot.stopping() => return,
            };
            match lane.with(|queue| queue.next(SystemClock.now())) {
                // Most lanes wait, and need no room for what they do then.
                Next::Job(job) => Box::pin(self.perform(*job)).await,
                Next::Nothing(done) => self.finish(&done).await,
                Next::Later(pause) => {
                    drop(right);
                    tokio::select! {
                        () = lane.arrived.notified() => {}
                        () = tokio::time::sleep(pause) => {}
                        () = self.bot.stopping() => {}
                    }
                }
                // Whoever puts something in holds the same lock, so nothing is put into a lane that ends.
                Next::Idle => {
                    let has_ended = self.with(|lanes| {
                        let is_idle = lane.with(|queue| queue.is_empty());
                        if is_idle {
                            lanes.remove(&place);
                        }
                        is_idle
                    });
                    if has_ended {
                        return;
                    }
                }
            }
        }
    }

    /// Answers one turn. A panic costs that turn, and whoever asked is told.
    async fn perform(&self, job: Job) {
        let origin = job.origin().clone();
        let work = AssertUnwindSafe(self.bot.perform(&job)).catch_unwind();
        match work.await {
            Ok(Ok(()) | Err(Unanswered::Refused)) => {}
            Ok(Err(Unanswered::Closed)) => self.bot.close(self.bot.moved.place(origin.lane)).await,
            Ok(Err(Unanswered::Later)) => {
                self.bot.intake.forget(&job.ids());
                return;
            }
            Err(_) => {
                tracing::error!(update_id = origin.update_id, "answering a message panicked");
                let telling = AssertUnwindSafe(self.bot.tell_of_defect(&origin, &job.progress));
                if telling.catch_unwind().await.is_err() {
                    tracing::error!(update_id = origin.update_id, "nor could that be told");
                }
            }
        }
        self.bot.intake.finish(&job.ids()).await;
    }

    async fn finish(&self, done: &[Held]) {
        let ids: Vec<_> = done.iter().map(|held| held.id).collect();
        self.bot.intake.finish(&ids).await;
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<Lane, Arc<Waiting>>) -> R) -> R {
        act(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::ai::AiProvider;
use crate::clock::{Clock, Timestamp};
use crate::command::{CommandRegistry, Texts};
use crate::error::Result;
use crate::platform::{ModelCatalogue, Platform};
use crate::quota::{QuotaKeeper, RateLimiter};
use crate::session::SessionManager;
use crate::turn::admit::{Admission, Turn};
use crate::turn::buffer::{FinishGuard, ReplyBuffer};
use crate::turn::idempotency::RunningKeys;
use crate::turn::running::RunningTurns;
use crate::turn::{Recorder, Reply, ReplyEvent, ReplyStream, TurnRequest, TurnStore};
use crate::usage::TurnKind;

/// What a [`MessageProcessor`] is made of.
#[expect(missing_docs, reason = "each part is named for its type, which is documented")]
pub struct ProcessorParts {
    pub platforms: HashMap<String, Arc<Platform>>,
    pub catalogue: Arc<ModelCatalogue>,
    pub commands: Arc<CommandRegistry>,
    pub texts: Arc<dyn Texts>,
    pub provider: Arc<dyn AiProvider>,
    pub sessions: SessionManager,
    pub quotas: QuotaKeeper,
    pub limiter: Arc<dyn RateLimiter>,
    pub recorder: Recorder,
    pub turns: Arc<dyn TurnStore>,
    pub clock: Arc<dyn Clock>,
    /// Turns run here, so that shutdown can wait for them.
    pub tasks: TaskTracker,
    /// Cancelled when running turns have to end now.
    pub interrupt: CancellationToken,
    /// How the provider did lately.
    pub provider_record: ProviderRecord,
    /// What is answered here and was written as begun.
    pub running: RunningTurns,
}

/// How the provider did lately: unwell after a few failures in a row, until it answers or some time has passed.
#[derive(Debug, Default)]
pub struct ProviderRecord {
    failures: AtomicU32,
    last_failure: AtomicI64,
}

impl ProviderRecord {
    const TOLERATED: u32 = 3;
    const MEMORY: Duration = Duration::from_secs(60);

    pub(super) fn note(&self, succeeded: bool, now: Timestamp) {
        if succeeded {
            self.failures.store(0, Ordering::Relaxed);
        } else {
            self.failures.fetch_add(1, Ordering::Relaxed);
            self.last_failure.store(now.as_millis(), Ordering::Relaxed);
        }
    }

    /// Whether the provider seems to work.
    pub fn is_healthy(&self, now: Timestamp) -> bool {
        let last = Timestamp::from_millis(self.last_failure.load(Ordering::Relaxed));
        self.failures.load(Ordering::Relaxed) < Self::TOLERATED || now.since(last) > Self::MEMORY
    }
}

impl fmt::Debug for ProcessorParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessorParts").field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// Takes messages from their arrival to their recorded answer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MessageProcessor {
    pub(super) parts: Arc<ProcessorParts>,
    pub(super) running_keys: RunningKeys,
    pub(super) closed: CancellationToken,
}

/// Whether the caller wants the answer as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Streamed,
}

impl MessageProcessor {
    /// A processor of these parts.
    pub fn new(parts: ProcessorParts) -> Self {
        Self { parts: Arc::new(parts), running_keys: RunningKeys::default(), closed: CancellationToken::new() }
    }

    /// Answers whole.
    ///
    /// # Errors
    /// Why the message was refused, or why there is no answer; see [`ErrorKind`](crate::ErrorKind).
    pub async fn process(&self, request: TurnRequest) -> Result<Reply> {
        match self.admit(request, Delivery::Whole).await? {
            Admission::Replay(reply) => Ok(*reply),
            Admission::Turn(turn) => self.start(*turn).result().await,
        }
    }

    /// Answers as the answer is written. Returns once the message is admitted.
    ///
    /// # Errors
    /// Why the message was refused; what happens later is told by the stream.
    pub async fn stream(&self, request: TurnRequest) -> Result<ReplyStream> {
        match self.admit(request, Delivery::Streamed).await? {
            Admission::Replay(reply) => {
                let buffer = Arc::new(ReplyBuffer::default());
                let (turn_id, session_id) = (reply.receipt.turn_id, reply.receipt.session_id.clone());
                buffer.push(ReplyEvent::Delta(reply.text.as_str().into()));
                buffer.finish(Ok(*reply));
                Ok(ReplyStream::new(turn_id, session_id, buffer))
            }
            Admission::Turn(turn) => {
                let (turn_id, session_id) = (turn.facts.id, turn.facts.key.as_str().to_owned());
                let is_keyed = turn.facts.idempotency.is_some() && turn.facts.kind == TurnKind::Stream;
                let buffer = self.start(*turn);
                if is_keyed {
                    // Another node may be working on it, or may be done with it.
                    buffer.opened().await?;
                }
                Ok(ReplyStream::new(turn_id, session_id, buffer))
            }
        }
    }

    /// All commands.
    pub fn commands(&self) -> &CommandRegistry {
        &self.parts.commands
    }

    /// Whether the provider seems to work, from the answers it gave lately.
    pub fn is_provider_healthy(&self) -> bool {
        self.parts.provider_record.is_healthy(self.parts.clock.now())
    }

    /// Admits nothing more; what was admitted goes on.
    pub fn close(&self) {
        self.closed.cancel();
    }

    /// Runs an admitted turn on a task that nobody cancels; callers only read its buffer.
    fn start(&self, turn: Turn) -> Arc<ReplyBuffer> {
        let buffer = Arc::new(ReplyBuffer::default());
        // Made here, so that a task that is never run ends the answer too.
        let (parts, guard) = (Arc::clone(&self.parts), FinishGuard(Arc::clone(&buffer)));
        let span = turn.facts.span();
        let running = async move {
            let result = parts.run(turn, &guard.0).await;
            guard.0.finish(result);
        };
        self.parts.tasks.spawn(running.instrument(span));
        buffer
    }
}

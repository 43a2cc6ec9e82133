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
use crate::error::{Error, ErrorKind, Result};
use crate::id::TurnId;
use crate::platform::{ModelCatalogue, Platform};
use crate::quota::{QuotaKeeper, RateLimiter};
use crate::session::{SessionKey, SessionManager};
use crate::team::{Authenticator, Principal};
use crate::tool::{ToolLimits, Toolbox};
use crate::turn::admit::{Admission, Turn};
use crate::turn::answer::Answer;
use crate::turn::answers::Answers;
use crate::turn::idempotency::RunningKeys;
use crate::turn::running::RunningTurns;
use crate::turn::{
    Completion, CompletionRequest, CompletionStream, Recorder, Reply, ReplyStream, TurnRequest, TurnStore,
};

/// What a [`MessageProcessor`] is made of.
#[expect(missing_docs, reason = "each part is named for its type, which is documented")]
pub struct ProcessorParts {
    pub platforms: HashMap<String, Arc<Platform>>,
    pub catalogue: Arc<ModelCatalogue>,
    pub commands: Arc<CommandRegistry>,
    /// The tools that models may call, by platform.
    pub toolboxes: HashMap<String, Toolbox>,
    pub tool_limits: ToolLimits,
    pub texts: Arc<dyn Texts>,
    pub provider: Arc<dyn AiProvider>,
    pub sessions: SessionManager,
    pub quotas: QuotaKeeper,
    pub limiter: Arc<dyn RateLimiter>,
    pub recorder: Recorder,
    pub turns: Arc<dyn TurnStore>,
    pub authenticator: Arc<Authenticator>,
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
    pub(super) answers: Answers,
    pub(super) closed: CancellationToken,
}

/// Whether the caller wants the answer as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Streamed,
}

/// What becomes of a request for a stream.
enum Streamed {
    /// It was answered before.
    Replay(Box<Reply>),
    /// It is being answered.
    Answer(Arc<Answer>),
}

impl MessageProcessor {
    /// A processor of these parts.
    pub fn new(parts: ProcessorParts) -> Self {
        Self {
            running_keys: RunningKeys::default(),
            answers: Answers::new(Arc::clone(&parts.clock)),
            closed: CancellationToken::new(),
            parts: Arc::new(parts),
        }
    }

    /// Answers whole.
    ///
    /// # Errors
    /// Why the message was refused, or why there is no answer; see [`ErrorKind`](crate::ErrorKind).
    pub async fn process(&self, request: TurnRequest) -> Result<Reply> {
        match self.admit(request, Delivery::Whole).await? {
            Admission::Replay(reply) => Ok(*reply),
            Admission::Turn(turn) => self.start(*turn, Delivery::Whole).buffer.result().await,
        }
    }

    /// Answers a client's own request whole.
    ///
    /// # Errors
    /// As of [`MessageProcessor::process`]; [`NotFound`](ErrorKind::NotFound) when there is no such model.
    pub async fn complete(&self, request: CompletionRequest) -> Result<Completion> {
        Completion::of(&self.process(request.into()).await?)
    }

    /// Answers as the answer is written. Returns once the message is admitted.
    ///
    /// # Errors
    /// Why the message was refused; what happens later is told by the stream.
    pub async fn stream(&self, request: TurnRequest) -> Result<ReplyStream> {
        match self.begin_stream(request).await? {
            Streamed::Replay(reply) => Ok(self.replay(*reply).await),
            Streamed::Answer(answer) => Ok(ReplyStream::new(answer, 0)),
        }
    }

    /// Answers a client's own request as the answer is written. Returns once it is admitted.
    ///
    /// # Errors
    /// As of [`MessageProcessor::stream`]; [`NotFound`](ErrorKind::NotFound) when there is no such model.
    pub async fn stream_completion(&self, request: CompletionRequest) -> Result<CompletionStream> {
        match self.begin_stream(request.into()).await? {
            Streamed::Replay(reply) => CompletionStream::replay(*reply),
            Streamed::Answer(answer) => Ok(CompletionStream::new(answer)),
        }
    }

    async fn begin_stream(&self, request: TurnRequest) -> Result<Streamed> {
        let turn = match self.admit(request, Delivery::Streamed).await? {
            Admission::Replay(reply) => return Ok(Streamed::Replay(reply)),
            Admission::Turn(turn) => turn,
        };
        let is_keyed = turn.facts.idempotency.is_some() && turn.facts.is_streamed;
        let answer = self.start(*turn, Delivery::Streamed);
        // Another node may be working on it, or may be done with it.
        if is_keyed && let Some(earlier) = answer.buffer.opened().await? {
            return Ok(Streamed::Replay(Box::new(earlier.as_ref().clone())));
        }
        Ok(Streamed::Answer(answer))
    }

    /// What was answered before, in one piece.
    async fn replay(&self, reply: Reply) -> ReplyStream {
        let first = self.answers.find(reply.receipt.turn_id);
        let told = match &first {
            Some(answer) => {
                // It is recorded, so its end is told at once if it is not yet.
                drop(answer.buffer.result().await);
                Some(answer.buffer.len())
            }
            None => None,
        };
        ReplyStream::replay(reply, told)
    }

    /// Follows the answer of a turn of a session that is being answered here, or was streamed and ended within the last five minutes;
    /// from the event after `after` on, or all of it. Any number may follow. `principal` is who asks, if it is not the
    /// host program itself, which may follow every turn.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when there is no such turn, or it is another team's;
    /// [`InvalidInput`](ErrorKind::InvalidInput) when `after` is the position of no event that was told.
    pub fn resume(&self, turn_id: TurnId, principal: Option<&Principal>, after: Option<usize>) -> Result<ReplyStream> {
        let answer = self.answer(turn_id, principal, |answer| answer.session_id.is_some())?;
        match after {
            None => Ok(ReplyStream::new(answer, 0)),
            Some(position) if position < answer.buffer.len() => Ok(ReplyStream::new(answer, position + 1)),
            Some(position) => Err(Error::invalid("after", format!("{position} is the position of no event so far"))),
        }
    }

    /// Stops a running answer: it ends with what has come so far. One that is whole and being recorded runs no longer,
    /// and one that waits for its session does not run yet. `principal` is as for [`MessageProcessor::resume`].
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when no such turn is running here, or it is another team's.
    pub fn stop(&self, turn_id: TurnId, principal: Option<&Principal>) -> Result<()> {
        let answer = self.answer(turn_id, principal, |_| true)?;
        if answer.switch.stop() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotFound, format!("no turn {turn_id} is running here")))
    }

    fn answer(
        &self,
        turn_id: TurnId,
        principal: Option<&Principal>,
        is_meant: impl FnOnce(&Answer) -> bool,
    ) -> Result<Arc<Answer>> {
        let answer = self.answers.find(turn_id).filter(|answer| is_meant(answer));
        let answer = answer.filter(|answer| principal.is_none_or(|principal| answer.is_open_to(principal)));
        let text = || format!("there is no answer of a turn {turn_id} here, written now or in the last five minutes");
        answer.ok_or_else(|| Error::new(ErrorKind::NotFound, text()))
    }

    /// Forgets the answers of a session that was deleted, which could still be read for a while.
    pub fn forget_session(&self, key: &SessionKey) {
        self.answers.forget_session(key.as_str());
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

    /// Runs an admitted turn on a task that nobody cancels; callers only read its answer.
    fn start(&self, turn: Turn, delivery: Delivery) -> Arc<Answer> {
        // Made here, so that a task that is never run ends the answer too.
        let running = self.answers.begin(Answer::of(&turn.facts, delivery));
        let (parts, answer) = (Arc::clone(&self.parts), Arc::clone(&running.answer));
        let span = turn.facts.span();
        let answering = async move {
            let result = parts.run(turn, &running.answer).await;
            running.finish(result);
        };
        self.parts.tasks.spawn(answering.instrument(span));
        answer
    }
}

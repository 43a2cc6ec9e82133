use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::FusedFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use tracing::Instrument;

use crate::ai::{AiError, AiErrorKind, ChatDelta, ChatReply, ChatRequest};
use crate::command::{CommandContext, Parsed, SessionEffect, parse};
use crate::error::{Error, Result};
use crate::message::{Attachment, Message, Role};
use crate::metrics::ProviderCall;
use crate::platform::ModelInfo;
use crate::turn::admit::Turn;
use crate::turn::answer::Answer;
use crate::turn::begin::{Beginning, Refusal};
use crate::turn::buffer::ReplyBuffer;
use crate::turn::processor::ProcessorParts;
use crate::turn::{ReplyEvent, TurnState};
use crate::usage::{TokenUsage, TurnKind};

/// The longest answer that is taken, in bytes; what comes after is left out.
const MAX_REPLY_BYTES: usize = 1 << 20;

/// After so many pieces of an answer, small ones are put together before they are given out, so that the pieces
/// that are kept of one answer are bounded in number as their text is in length.
const SMALL_PIECES: usize = 4_096;
/// Pieces are put together up to this length, in bytes.
const PIECE_BYTES: usize = 256;

/// What came of answering, before anything is written.
pub(super) struct Outcome {
    /// What was said, as far as it came.
    pub(super) text: String,
    /// How it ended.
    pub(super) state: TurnState,
    /// Why there is no whole answer.
    pub(super) error: Option<Error>,
    /// The command's name, and what it changes.
    pub(super) command: Option<(String, Option<SessionEffect>)>,
    /// The messages that were sent upstream; the last one is the user's.
    pub(super) prompt: Vec<Arc<Message>>,
    /// The provider's count of the tokens.
    pub(super) usage: Option<TokenUsage>,
    /// The model that answered.
    pub(super) model: Arc<ModelInfo>,
    /// What storage was told of the turn so far.
    pub(super) beginning: Beginning,
    /// Why the turn may not go on, if it may not.
    pub(super) refusal: Option<Refusal>,
}

/// An answer in the making. It outlives whatever breaks while it is made, so that what was said is counted.
#[derive(Default)]
struct Draft {
    reply: ChatReply,
    prompt: Vec<Arc<Message>>,
    command: Option<(String, Option<SessionEffect>)>,
    beginning: Beginning,
}

/// Why an answer is not whole.
enum Broken {
    Failed(Error),
    Provider(AiError),
    Refused(Refusal),
}

impl Broken {
    /// How a call of the provider ended, in figures.
    fn name(&self) -> &'static str {
        match self {
            Self::Failed(_) => "broken",
            Self::Provider(failure) => failure.kind().as_str(),
            Self::Refused(_) => "refused_here",
        }
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<AiError> for Broken {
    fn from(failure: AiError) -> Self {
        Self::Provider(failure)
    }
}

impl From<Refusal> for Broken {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl ProcessorParts {
    /// Answers by a command or by the model. Never fails as such: a fault, a panic, an interruption or being stopped is
    /// an outcome too.
    pub(super) async fn respond(&self, turn: &Turn, answer: &Answer) -> Outcome {
        let mut draft = Draft::default();
        let end = {
            let answering = async {
                if turn.facts.kind == TurnKind::Command {
                    self.run_command(turn, &mut draft).await
                } else {
                    self.ask_model(turn, &mut draft, &answer.buffer).await
                }
            };
            tokio::select! {
                end = AssertUnwindSafe(answering).catch_unwind() => end.unwrap_or_else(|_| Err(broke().into())),
                () = self.interrupt.cancelled() => Err(interrupted().into()),
                () = answer.switch.stopped() => Ok(()),
            }
        };
        let is_stopped = !answer.switch.end();
        let (error, refusal) = match end {
            Err(Broken::Refused(refusal)) => (None, Some(refusal)),
            // Whoever stopped it was told so, whatever else came at the same moment.
            _ if is_stopped => (None, None),
            Ok(()) => (None, None),
            Err(Broken::Failed(error)) => (Some(error), None),
            Err(Broken::Provider(failure)) => (Some(failure.into()), None),
        };
        let state = match &error {
            None if is_stopped => TurnState::Stopped,
            None => TurnState::Completed,
            Some(_) if self.interrupt.is_cancelled() => TurnState::Interrupted,
            Some(_) => TurnState::Failed,
        };
        // A name that only the provider knows has no price here: what was asked for is what is charged.
        let answered = draft.reply.model.and_then(|model| self.catalogue.find(&model));
        let chosen = match &draft.command {
            Some((_, Some(SessionEffect::UseModel(model)))) => Some(self.catalogue.get(model)),
            _ => answered,
        };
        Outcome {
            text: draft.reply.text,
            state,
            error,
            command: draft.command,
            prompt: draft.prompt,
            usage: draft.reply.usage,
            model: chosen.unwrap_or_else(|| Arc::clone(&turn.model)),
            beginning: draft.beginning,
            refusal,
        }
    }

    async fn run_command(&self, turn: &Turn, draft: &mut Draft) -> Result<(), Broken> {
        let session = turn.lane.session().ok_or_else(|| Error::internal("a turn lost its session"))?;
        let Ok(Parsed::Command(call)) = parse(&turn.facts.message.text) else {
            return Err(Error::internal("a command is no command any more").into());
        };
        let context = CommandContext {
            session,
            platform: &turn.facts.platform,
            user_id: &turn.facts.message.user_id,
            principal: turn.facts.principal.as_ref(),
            catalogue: &self.catalogue,
            commands: &self.commands,
            texts: self.texts.as_ref(),
            locale: turn.facts.message.locale.as_deref(),
        };
        let name = call.name.to_ascii_lowercase();
        draft.command = Some((name.clone(), None));
        let reply = self.commands.run(call, context).await?;
        draft.reply.text = reply.text;
        draft.command = Some((name, reply.effect));
        Ok(())
    }

    async fn ask_model(&self, turn: &Turn, draft: &mut Draft, buffer: &ReplyBuffer) -> Result<(), Broken> {
        let session = turn.lane.session().ok_or_else(|| Error::internal("a turn lost its session"))?;
        let question = Message {
            attachments: turn.facts.message.attachments.iter().map(Attachment::to_record).collect(),
            ..Message::new(Role::User, turn.facts.message.text.as_str(), self.clock.now())
        };
        let Draft { reply, prompt, beginning, .. } = draft;
        *prompt = session.history.context(Arc::new(question), turn.facts.platform.history_limit());
        let request = ChatRequest {
            turn_id: turn.facts.id,
            attachments: turn.facts.message.attachments.clone(),
            message_count: session.message_count + 1,
            ..ChatRequest::new(turn.model.id.clone(), prompt.clone())
        };
        beginning.before_asking(self, turn, prompt).await?;
        buffer.open();
        let is_read = turn.facts.kind == TurnKind::Stream;
        let mut pieces = Pieces { buffer, is_read, is_open: false, given: 0, waiting: String::new() };
        let opening = beginning.before_telling(self, turn, prompt);
        let mut call = ProviderCall::begin(turn.model.id.as_str());
        let span =
            tracing::debug_span!("provider call", provider = self.provider.name(), model = turn.model.id.as_str());
        let end = self.receive(request, reply, &mut pieces, opening, beginning, &mut call).instrument(span).await;
        call.end(end.as_ref().err().map_or("ok", Broken::name));
        pieces.flush();
        if let Err(Broken::Provider(failure)) = &end {
            let (turn_id, provider) = (turn.facts.id, self.provider.name());
            tracing::warn!(%turn_id, provider, error = ?failure, "the AI provider failed");
        }
        if !matches!(end, Err(Broken::Refused(_))) {
            self.provider_record.note(end.is_ok(), self.clock.now());
        }
        end
    }

    /// Receives the answer into `reply`, and into `pieces`, which are told from when `opening` is done.
    async fn receive(
        &self,
        request: ChatRequest,
        reply: &mut ChatReply,
        pieces: &mut Pieces<'_>,
        opening: impl Future<Output = Result<(), Refusal>>,
        beginning: &Beginning,
        call: &mut ProviderCall,
    ) -> Result<(), Broken> {
        let mut deltas = pin!(stream::once(self.provider.stream(request)).try_flatten());
        let mut opening = pin!(opening.fuse());
        let end = loop {
            // A provider that never has to wait must not keep an interruption from being noticed.
            tokio::task::coop::consume_budget().await;
            let mut delta = tokio::select! {
                biased;
                opened = &mut opening => {
                    opened?;
                    pieces.open();
                    continue;
                }
                delta = AssertUnwindSafe(deltas.next()).catch_unwind() => match delta {
                    Ok(Some(Ok(delta))) => delta,
                    Ok(Some(Err(failure))) => break Err(failure.into()),
                    Ok(None) => break Ok(()),
                    // What came before it is told all the same.
                    Err(_) => break Err(Broken::from(broke())),
                },
            };
            let mut is_full = false;
            if let ChatDelta::Text(text) = &mut delta {
                call.note_text();
                without_nul(text);
                is_full = reply.text.len() + text.len() > MAX_REPLY_BYTES;
                cut(text, MAX_REPLY_BYTES - reply.text.len());
                pieces.push(text);
            }
            reply.push(delta);
            beginning.note(&reply.text);
            if is_full {
                break Ok(());
            }
        };
        if pieces.is_read && !opening.is_terminated() {
            opening.await?;
            pieces.open();
        }
        end?;
        if reply.text.is_empty() {
            return Err(AiError::new(AiErrorKind::Malformed).with_source("an empty answer").into());
        }
        Ok(())
    }
}

/// The pieces of an answer on their way to its readers. They are gathered until they may be told.
struct Pieces<'a> {
    buffer: &'a ReplyBuffer,
    is_read: bool,
    is_open: bool,
    given: usize,
    waiting: String,
}

impl Pieces<'_> {
    fn open(&mut self) {
        self.is_open = true;
        self.flush();
    }

    fn push(&mut self, text: &str) {
        if !self.is_read {
            return;
        }
        self.waiting.push_str(text);
        if self.given < SMALL_PIECES || self.waiting.len() >= PIECE_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.is_open && !self.waiting.is_empty() {
            self.buffer.push(ReplyEvent::Delta(self.waiting.as_str().into()));
            self.waiting.clear();
            self.given += 1;
        }
    }
}

fn broke() -> Error {
    Error::internal("the answer could not be made: a part of the program broke")
}

/// What becomes of a turn that nobody ends.
pub(super) fn interrupted() -> Error {
    Error::unavailable("the engine is shutting down")
}

fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
    }
}

/// Takes out the one character that not every database can keep.
fn without_nul(text: &mut String) {
    if text.contains('\0') {
        text.retain(|c| c != '\0');
    }
}

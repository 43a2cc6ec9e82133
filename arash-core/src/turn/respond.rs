use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};

use crate::ai::{AiError, AiErrorKind, ChatDelta, ChatReply, ChatRequest};
use crate::command::{CommandContext, Parsed, SessionEffect, parse};
use crate::error::{Error, Result};
use crate::message::{Attachment, Message, Role};
use crate::platform::ModelInfo;
use crate::turn::admit::Turn;
use crate::turn::buffer::ReplyBuffer;
use crate::turn::processor::ProcessorParts;
use crate::turn::{ReplyEvent, TurnState};
use crate::usage::{TokenUsage, TurnKind};

/// The longest answer that is taken, in bytes; what comes after is left out.
const MAX_REPLY_BYTES: usize = 1 << 20;

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
}

impl Outcome {
    fn failed(turn: &Turn, error: Error) -> Self {
        Self {
            text: String::new(),
            state: TurnState::Failed,
            error: Some(error),
            command: None,
            prompt: Vec::new(),
            usage: None,
            model: Arc::clone(&turn.model),
        }
    }
}

impl ProcessorParts {
    /// Answers by a command or by the model. Never fails as such: a fault or a panic is an outcome too.
    pub(super) async fn respond(&self, turn: &Turn, buffer: &ReplyBuffer) -> Outcome {
        let answering = async {
            if turn.facts.kind == TurnKind::Command {
                self.run_command(turn, buffer).await.unwrap_or_else(|error| Outcome::failed(turn, error))
            } else {
                self.ask_model(turn, buffer).await
            }
        };
        match AssertUnwindSafe(answering).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(_) => {
                Outcome::failed(turn, Error::internal("the answer could not be made: a part of the program broke"))
            }
        }
    }

    async fn run_command(&self, turn: &Turn, buffer: &ReplyBuffer) -> Result<Outcome> {
        let session = turn.lane.session().ok_or_else(|| Error::internal("a turn lost its session"))?;
        let Ok(Parsed::Command(call)) = parse(&turn.facts.message.text) else {
            return Err(Error::internal("a command is no command any more"));
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
        let reply = self.commands.run(call, context).await?;
        buffer.push(ReplyEvent::Delta(reply.text.as_str().into()));
        let model = match &reply.effect {
            Some(SessionEffect::UseModel(model)) => self.catalogue.get(model),
            _ => Arc::clone(&turn.model),
        };
        Ok(Outcome {
            text: reply.text,
            state: TurnState::Completed,
            error: None,
            command: Some((call.name.to_ascii_lowercase(), reply.effect)),
            prompt: Vec::new(),
            usage: None,
            model,
        })
    }

    async fn ask_model(&self, turn: &Turn, buffer: &ReplyBuffer) -> Outcome {
        let Some(session) = turn.lane.session() else {
            return Outcome::failed(turn, Error::internal("a turn lost its session"));
        };
        let now = self.clock.now();
        let question = Message {
            attachments: turn.facts.message.attachments.iter().map(Attachment::to_record).collect(),
            ..Message::new(Role::User, turn.facts.message.text.as_str(), now)
        };
        let prompt = session.history.context(Arc::new(question), turn.facts.platform.history_limit());
        let request = ChatRequest {
            turn_id: turn.facts.id,
            model: turn.model.id.clone(),
            messages: prompt.clone(),
            attachments: turn.facts.message.attachments.clone(),
            message_count: session.message_count + 1,
        };
        let mut reply = ChatReply::default();
        let end = tokio::select! {
            end = self.receive(turn.facts.kind, request, &mut reply, buffer) => end.map_err(Some),
            () = self.interrupt.cancelled() => Err(None),
        };
        if !matches!(end, Err(None)) {
            self.provider_record.note(end.is_ok(), self.clock.now());
        }
        let (state, error) = match end {
            Ok(()) => (TurnState::Completed, None),
            Err(Some(failure)) => {
                tracing::warn!(turn_id = %turn.facts.id, provider = self.provider.name(), error = ?failure, "the AI provider failed");
                (TurnState::Failed, Some(Error::from(failure)))
            }
            Err(None) => (TurnState::Interrupted, Some(Error::unavailable("the engine is shutting down"))),
        };
        // A name that only the provider knows has no price here: what was asked for is what is charged.
        let answered = reply.model.and_then(|model| self.catalogue.find(&model));
        let model = answered.unwrap_or_else(|| Arc::clone(&turn.model));
        Outcome { text: reply.text, state, error, command: None, prompt, usage: reply.usage, model }
    }

    /// Receives the answer into `reply`, and into `buffer` as it comes.
    async fn receive(
        &self,
        kind: TurnKind,
        request: ChatRequest,
        reply: &mut ChatReply,
        buffer: &ReplyBuffer,
    ) -> Result<(), AiError> {
        if kind == TurnKind::Chat {
            *reply = self.provider.complete(request).await?;
            cut(&mut reply.text);
            without_nul(&mut reply.text);
        } else {
            let mut deltas = self.provider.stream(request).await?;
            while let Some(delta) = deltas.next().await {
                let mut delta = delta?;
                if let ChatDelta::Text(text) = &mut delta {
                    without_nul(text);
                    if reply.text.len() + text.len() > MAX_REPLY_BYTES {
                        break;
                    }
                    buffer.push(ReplyEvent::Delta(text.as_str().into()));
                }
                reply.push(delta);
            }
        }
        if reply.text.is_empty() {
            Err(AiError::new(AiErrorKind::Malformed).with_source("an empty answer"))
        } else {
            Ok(())
        }
    }
}

fn cut(text: &mut String) {
    if text.len() > MAX_REPLY_BYTES {
        let end = (0..=MAX_REPLY_BYTES).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
    }
}

/// Takes out the one character that not every database can keep.
fn without_nul(text: &mut String) {
    if text.contains('\0') {
        text.retain(|c| c != '\0');
    }
}

use std::sync::Arc;

use crate::ai::{AiError, ChatReply};
use crate::command::{CommandContext, Parsed, SessionEffect, parse};
use crate::error::{Error, Result};
use crate::message::{Attachment, Message, Role};
use crate::platform::{ModelId, ModelInfo};
use crate::tool::Contained;
use crate::turn::TurnState;
use crate::turn::admit::Turn;
use crate::turn::answer::Answer;
use crate::turn::begin::{Beginning, Refusal};
use crate::turn::exchange::Exchange;
use crate::turn::facts::{Spent, TurnFacts};
use crate::turn::processor::ProcessorParts;
use crate::usage::TurnKind;

/// The result of a call that was on its way when its answer was stopped.
const STOPPED_CALL: &str = "Error: the answer was stopped before the result came";
/// What is remembered as the answer where one was stopped before it said anything, but after it called tools.
const STOPPED_ANSWER: &str = "(stopped)";

/// What came of answering, before anything is written.
pub(super) struct Outcome {
    /// What was said, as far as it came: the last text of the model.
    pub(super) text: String,
    /// How it ended.
    pub(super) state: TurnState,
    /// Why there is no whole answer.
    pub(super) error: Option<Error>,
    /// The command's name, and what it changes.
    pub(super) command: Option<(String, Option<SessionEffect>)>,
    /// What the session remembers of it: the new message, calls of tools with their results, the answer.
    pub(super) messages: Vec<Arc<Message>>,
    /// The answer as the provider gave it, of a completion.
    pub(super) completion: Option<Arc<ChatReply>>,
    /// What was used of each model.
    pub(super) spent: Vec<Spent>,
    /// Whether the turn counts: it was answered, or began to be.
    pub(super) is_metered: bool,
    /// Whether it was stopped before anything was said: nothing is left to be remembered.
    pub(super) is_silent: bool,
    /// The model that answered.
    pub(super) model: Arc<ModelInfo>,
    /// What storage was told of the turn so far.
    pub(super) beginning: Beginning,
    /// Why the turn may not go on, if it may not.
    pub(super) refusal: Option<Refusal>,
}

/// An answer in the making. It outlives whatever breaks while it is made.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) exchange: Exchange,
    pub(super) beginning: Beginning,
    command: Option<(String, Option<SessionEffect>)>,
}

/// Why an answer is not whole.
pub(super) enum Broken {
    Failed(Error),
    Provider(AiError),
    Refused(Refusal),
}

impl Broken {
    /// How a call of the provider ended, in figures.
    pub(super) fn name(&self) -> &'static str {
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
        let exchange = Exchange::of(self.new_message(&turn.facts));
        let mut draft = Draft { exchange, ..Draft::default() };
        let end = {
            let answering = async {
                if turn.facts.kind == TurnKind::Command {
                    self.run_command(turn, &mut draft).await
                } else {
                    self.ask_model(turn, &mut draft, &answer.buffer).await
                }
            };
            tokio::select! {
                // What is asked is counted, even if it is stopped at once.
                biased;
                end = Contained::new(answering) => end.unwrap_or_else(|_| Err(broke().into())),
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
        Outcome { refusal, ..self.outcome(turn, draft, state, error) }
    }

    fn outcome(&self, turn: &Turn, draft: Draft, state: TurnState, error: Option<Error>) -> Outcome {
        let Draft { mut exchange, beginning, command } = draft;
        let now = self.clock.now();
        exchange.end_calls(STOPPED_CALL, now);
        // A name that only the provider knows has no price here: what was asked for is what is charged.
        let known = |model: Option<&ModelId>| model.and_then(|model| self.catalogue.find(model));
        let answered = known(exchange.model());
        let chosen = match &command {
            Some((_, Some(SessionEffect::UseModel(model)))) => Some(self.catalogue.get(model)),
            _ => answered,
        };
        let is_answered = exchange.is_answered() || !exchange.reply.text.is_empty();
        let messages = exchange.conversation(STOPPED_ANSWER, now);
        let spent = exchange.spent(error.is_none()).into_iter().map(|(model, tokens)| Spent {
            model: known(model.as_ref()).unwrap_or_else(|| Arc::clone(&turn.model)),
            tokens,
        });
        let spent = if command.is_some() { Vec::new() } else { spent.collect() };
        let reply = exchange.reply;
        Outcome {
            text: reply.text.clone(),
            is_metered: error.is_none() || is_answered,
            is_silent: state == TurnState::Stopped && !is_answered,
            state,
            error,
            command,
            messages,
            completion: turn.facts.completion.is_some().then(|| Arc::new(reply)),
            spent,
            model: chosen.unwrap_or_else(|| Arc::clone(&turn.model)),
            beginning,
            refusal: None,
        }
    }

    /// The user's message, as it is remembered.
    fn new_message(&self, facts: &TurnFacts) -> Message {
        let message = &facts.message;
        Message {
            attachments: message.attachments.iter().map(Attachment::to_record).collect(),
            ..Message::new(Role::User, message.text.as_str(), self.clock.now())
        }
    }

    async fn run_command(&self, turn: &Turn, draft: &mut Draft) -> Result<(), Broken> {
        let session = turn.session()?;
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
        draft.exchange.reply.text = reply.text;
        draft.command = Some((name, reply.effect));
        Ok(())
    }
}

pub(super) fn broke() -> Error {
    Error::internal("the answer could not be made: a part of the program broke")
}

/// What becomes of a turn that nobody ends.
pub(super) fn interrupted() -> Error {
    Error::unavailable("the engine is shutting down")
}

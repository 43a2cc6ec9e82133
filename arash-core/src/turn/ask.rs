use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::FusedFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value};
use tracing::Instrument;

use crate::ai::{AiError, AiErrorKind, ChatDelta, ChatRequest, FinishReason, estimate_message};
use crate::error::{Error, ErrorKind};
use crate::message::{MessageKind, Role};
use crate::metrics::ProviderCall;
use crate::turn::admit::Turn;
use crate::turn::begin::{Beginning, Refusal};
use crate::turn::buffer::ReplyBuffer;
use crate::turn::exchange::Exchange;
use crate::turn::processor::ProcessorParts;
use crate::turn::respond::{Broken, Draft, broke};
use crate::turn::telling::{Audience, Telling};
use crate::turn::window::{bare_request, context_window};

/// The longest answer that is kept, in bytes. What comes after is left out; on the wire it is counted and passed on.
const MAX_REPLY_BYTES: usize = 1 << 20;
/// The longest answer to a client's own request, in bytes as they come: a token takes some hundred of them on its way.
const MAX_WIRE_BYTES: usize = 64 << 20;
/// The longest streamed one that is kept for a repeated request as it came; of a longer one only what it says is.
const MAX_KEPT_WIRE_BYTES: usize = 4 << 20;

impl ProcessorParts {
    /// Asks the model, and again with the results as long as it calls tools.
    pub(super) async fn ask_model(&self, turn: &Turn, draft: &mut Draft, buffer: &ReplyBuffer) -> Result<(), Broken> {
        let Draft { exchange, beginning, .. } = draft;
        let mut request = self.request(turn, exchange)?;
        let prompt_tokens = request.estimate_tokens();
        exchange.ask(prompt_tokens);
        exchange.count_transcripts(&request.transcripts);
        beginning.before_asking(self, turn, prompt_tokens).await?;
        buffer.open();
        let audience = match &turn.facts.completion {
            _ if !turn.facts.is_streamed => Audience::Nobody,
            Some(_) => Audience::Client,
            None => Audience::Reader,
        };
        let opening = pin!(beginning.before_telling(self, turn, prompt_tokens).fuse());
        let mut telling = Telling::new(buffer, audience, opening);
        loop {
            self.ask_once(turn, request, exchange, &mut telling, beginning).await?;
            // The tools of a client's own request are the client's.
            if turn.facts.completion.is_some() || exchange.reply.tool_calls.is_empty() {
                return Ok(());
            }
            if exchange.rounds() >= self.tool_limits.max_rounds {
                exchange.leave_out_calls();
                return if exchange.reply.text.is_empty() { Err(endless(exchange.rounds()).into()) } else { Ok(()) };
            }
            self.run_calls(turn, exchange, &mut telling).await?;
            request = self.request(turn, exchange)?;
            exchange.ask(request.estimate_tokens());
        }
    }

    /// What the provider is asked.
    fn request(&self, turn: &Turn, exchange: &Exchange) -> Result<ChatRequest, Error> {
        if let Some(asked) = &turn.facts.completion {
            let said = asked.messages.iter().filter(|message| message.role == Role::User);
            return Ok(ChatRequest {
                message_count: said.count() as u64,
                messages: asked.messages.clone(),
                tools: Arc::clone(&asked.tools),
                wire: Some(Arc::clone(&asked.wire)),
                ..bare_request(&turn.facts, &turn.model)
            });
        }
        let session = turn.session()?;
        let mut request = self.empty_request(&turn.facts, &turn.model);
        request.message_count = session.message_count + 1;
        if exchange.has_heard() {
            request.attachments.retain(|attached| attached.kind != MessageKind::Audio);
        }
        let window = context_window(&turn.facts.platform, &turn.model, &request);
        let context = window.context(&session.history, exchange.said(), estimate_message);
        // That the message itself fits was seen at the door.
        let too_long = |_| AiError::new(AiErrorKind::ContextLength).with_source("the calls of tools and their results");
        request.messages = context.map_err(too_long)?;
        // The last time the model has to do without.
        if exchange.rounds() >= self.tool_limits.max_rounds && !request.tools.is_empty() {
            let none = ("tool_choice".to_owned(), Value::from("none"));
            request.parameters = Arc::new(Map::from_iter([none]));
        }
        Ok(request)
    }

    /// Asks the provider once; the answer is in `exchange`.
    async fn ask_once<F: FusedFuture<Output = Result<(), Refusal>>>(
        &self,
        turn: &Turn,
        request: ChatRequest,
        exchange: &mut Exchange,
        telling: &mut Telling<'_, F>,
        beginning: &Beginning,
    ) -> Result<(), Broken> {
        let model = turn.model.id.as_str();
        let mut call = ProviderCall::begin(model);
        let span = tracing::debug_span!("provider call", provider = self.provider.name(), model);
        // Only what is given again later, or as one, is kept in one piece.
        let is_streamed = turn.facts.is_streamed;
        let keeps_wire = !is_streamed || turn.facts.idempotency.is_some();
        let mut receiving =
            Receiving { exchange, is_streamed, keeps_wire, wire_bytes: 0, is_cut: false, beginning, call: &mut call };
        let end = receiving.receive(self, request, telling).instrument(span).await;
        call.end(end.as_ref().err().map_or("ok", Broken::name));
        telling.flush();
        if let Err(Broken::Provider(failure)) = &end {
            let (turn_id, provider) = (turn.facts.id, self.provider.name());
            tracing::warn!(%turn_id, provider, error = ?failure, "the AI provider failed");
        }
        if !matches!(end, Err(Broken::Refused(_))) {
            self.provider_record.note(end.is_ok(), self.clock.now());
        }
        end
    }
}

/// An answer while it comes.
struct Receiving<'a> {
    exchange: &'a mut Exchange,
    is_streamed: bool,
    keeps_wire: bool,
    wire_bytes: usize,
    /// Whether there was more text than is kept.
    is_cut: bool,
    beginning: &'a Beginning,
    call: &'a mut ProviderCall,
}

impl Receiving<'_> {
    async fn receive<F: FusedFuture<Output = Result<(), Refusal>>>(
        &mut self,
        parts: &ProcessorParts,
        request: ChatRequest,
        telling: &mut Telling<'_, F>,
    ) -> Result<(), Broken> {
        let mut deltas = pin!(stream::once(parts.provider.stream(request)).try_flatten());
        let end = loop {
            // A provider that never has to wait must not keep an interruption from being noticed.
            tokio::task::coop::consume_budget().await;
            let next = AssertUnwindSafe(deltas.next()).catch_unwind();
            let delta = match telling.beside(next).await? {
                Ok(Some(Ok(delta))) => delta,
                Ok(Some(Err(failure))) => break Err(failure.into()),
                Ok(None) => break Ok(()),
                // What came before it is told all the same.
                Err(_) => break Err(Broken::from(broke())),
            };
            if let Some(end) = self.take(delta, telling) {
                break end.map_err(Broken::from);
            }
        };
        telling.opened().await?;
        end?;
        if self.exchange.has_come() {
            return Ok(());
        }
        Err(AiError::new(AiErrorKind::Malformed).with_source("an empty answer").into())
    }

    /// Takes a piece; tells how the answer ends if no more is taken.
    fn take<F: FusedFuture<Output = Result<(), Refusal>>>(
        &mut self,
        mut delta: ChatDelta,
        telling: &mut Telling<'_, F>,
    ) -> Option<Result<(), AiError>> {
        let mut end = None;
        match &mut delta {
            ChatDelta::Heard(text) => without_nul(text),
            ChatDelta::Text(text) => {
                self.call.note_text();
                without_nul(text);
                self.cut(text);
                // On the wire the client gets all of it, so all of it is counted.
                end = (self.is_cut && self.wire_bytes == 0).then_some(Ok(()));
            }
            // Of the text that is kept that is true, whatever the model says.
            ChatDelta::Finish(reason) if self.is_cut => *reason = FinishReason::Length,
            ChatDelta::Wire(json) => {
                self.wire_bytes += json.len();
                if self.is_streamed && self.wire_bytes > MAX_KEPT_WIRE_BYTES {
                    self.keeps_wire = false;
                    self.exchange.reply.wire = Vec::new();
                }
                if self.wire_bytes > MAX_WIRE_BYTES {
                    let fault = format!("the answer is over {MAX_WIRE_BYTES} bytes");
                    return Some(Err(AiError::new(AiErrorKind::Malformed).with_source(fault)));
                }
            }
            _ => {}
        }
        let cut = end.is_some().then_some(ChatDelta::Finish(FinishReason::Length));
        for delta in [delta].into_iter().chain(cut) {
            telling.push(&delta);
            self.exchange.take(delta, self.keeps_wire);
        }
        self.beginning.note(self.exchange.tokens_so_far());
        end
    }

    /// Leaves out of the next piece of text what is more than is kept of an answer.
    fn cut(&mut self, text: &mut String) {
        let room = if self.is_cut { 0 } else { MAX_REPLY_BYTES - self.exchange.reply.text.len() };
        if text.len() > room {
            self.exchange.leave_out(&text.split_off(text.floor_char_boundary(room)));
            self.is_cut = true;
        }
    }
}

fn endless(rounds: usize) -> Error {
    let text = format!("the model called tools in {rounds} answers and then once more, and said nothing");
    Error::new(ErrorKind::AiService, text)
}

/// Takes out the one character that not every database can keep.
fn without_nul(text: &mut String) {
    if text.contains('\0') {
        text.retain(|c| c != '\0');
    }
}

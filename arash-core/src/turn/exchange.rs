use std::collections::HashSet;
use std::ops::Add;
use std::sync::Arc;

use crate::ai::{ChatDelta, ChatReply, Transcripts, estimate_message, estimate_tokens};
use crate::clock::Timestamp;
use crate::message::{MAX_TEXT_BYTES, Message, Role, ToolCall};
use crate::platform::ModelId;
use crate::tool::sound_call;
use crate::usage::TokenUsage;

/// Most calls of one answer that are taken; what comes after is left out.
const MAX_CALLS: usize = 128;

/// What was said in a turn so far, and what that cost. It outlives whatever breaks while the turn is answered, so that
/// what was used is counted and what was stopped is kept.
#[derive(Default)]
pub(super) struct Exchange {
    /// The new message; the tools that the model called since then, and the results.
    said: Vec<Arc<Message>>,
    /// The calls whose results are coming, and those that have come.
    running: Option<(Message, Vec<Option<Message>>)>,
    /// The answer that is coming.
    pub(super) reply: ChatReply,
    /// Whether anything of that answer has come.
    has_come: bool,
    /// Whether the sound of the new message was written down.
    has_heard: bool,
    /// About how many tokens the question and the answer have that are on their way.
    coming: TokenUsage,
    /// About how many tokens of the answer are in text that is not kept.
    left_out: u64,
    /// What earlier answers of this turn used, and who gave them, where it was not the model that was asked.
    used: Vec<(Option<ModelId>, TokenUsage)>,
    /// What was heard, and what that used.
    transcripts: Transcripts,
    rounds: usize,
    calls: usize,
}

impl Exchange {
    /// Begins with the new message.
    pub(super) fn of(message: Message) -> Self {
        Self { said: vec![Arc::new(message)], ..Self::default() }
    }

    /// The new message, the calls since then and their results.
    pub(super) fn said(&self) -> &[Arc<Message>] {
        &self.said
    }

    /// How often the model has called tools.
    pub(super) fn rounds(&self) -> usize {
        self.rounds
    }

    /// How many calls there were.
    pub(super) fn calls(&self) -> usize {
        self.calls
    }

    /// Counts what is used to write down the sound of the new message.
    pub(super) fn count_transcripts(&mut self, transcripts: &Transcripts) {
        self.transcripts = transcripts.clone();
    }

    /// The model is asked, with a prompt of about so many tokens.
    pub(super) fn ask(&mut self, prompt_tokens: u64) {
        self.coming = TokenUsage { prompt_tokens, completion_tokens: 0, estimated: true };
        (self.left_out, self.has_come) = (0, false);
    }

    /// A piece of the answer has come. What was on the wire is kept only if that is asked for.
    pub(super) fn take(&mut self, delta: ChatDelta, keeps_wire: bool) {
        // Counted piece by piece: to count all of it with every piece takes time that grows with its square.
        match &delta {
            ChatDelta::Heard(text) => return self.hear(text),
            ChatDelta::Text(text) => self.coming.completion_tokens += estimate_tokens(text),
            ChatDelta::ToolCall(_) if self.reply.tool_calls.len() >= MAX_CALLS => return,
            ChatDelta::ToolCall(call) => {
                self.coming.completion_tokens += estimate_tokens(&call.name) + estimate_tokens(&call.arguments);
            }
            _ => {}
        }
        self.has_come |= match &delta {
            ChatDelta::Text(text) => !text.is_empty(),
            ChatDelta::ToolCall(_) | ChatDelta::Wire(_) => true,
            _ => false,
        };
        if keeps_wire || !matches!(delta, ChatDelta::Wire(_)) {
            self.reply.push(delta);
        }
    }

    /// A further text of the answer has come, which is counted but not kept.
    pub(super) fn leave_out(&mut self, text: &str) {
        self.left_out += estimate_tokens(text);
    }

    /// What was said in the sound of the new message belongs to what it says.
    fn hear(&mut self, text: &str) {
        self.has_heard = true;
        self.coming.prompt_tokens += estimate_tokens(text);
        let Some(message) = self.said.first_mut() else { return };
        let parts = [&*message.text, text].into_iter().filter(|part| !part.trim().is_empty());
        let mut text = parts.collect::<Vec<_>>().join("\n\n");
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        Arc::make_mut(message).text = text.into();
    }

    /// Whether the sound of the new message was written down.
    pub(super) fn has_heard(&self) -> bool {
        self.has_heard
    }

    /// Whether anything of the answer that was asked for last has come.
    pub(super) fn has_come(&self) -> bool {
        self.has_come
    }

    /// Whether the model has answered at all: something came, now or before it called tools.
    pub(super) fn is_answered(&self) -> bool {
        self.has_come || self.rounds > 0
    }

    /// The tokens of the turn so far, by estimate where the provider did not tell them yet.
    pub(super) fn tokens_so_far(&self) -> TokenUsage {
        let used = self.used.iter().map(|(_, tokens)| *tokens);
        let mut coming = self.coming;
        coming.completion_tokens += self.reply.unsaid + self.left_out;
        used.fold(self.transcripts.usage() + self.reply.usage.unwrap_or(coming), Add::add)
    }

    /// The tokens of the turn, answer by answer, and who gave them, where it was not the model that was asked.
    /// `is_whole` is whether what was asked last counts although nothing of it has come.
    pub(super) fn spent(&self, is_whole: bool) -> Vec<(Option<ModelId>, TokenUsage)> {
        let mut spent = self.used.clone();
        spent.push((self.reply.model.clone(), self.tokens_of_reply(is_whole)));
        if let Some((_, tokens)) = spent.first_mut() {
            *tokens = *tokens + self.transcripts.usage();
        }
        spent
    }

    /// Who answered last, where it was not the model that was asked.
    pub(super) fn model(&self) -> Option<&ModelId> {
        let before = self.used.last().filter(|_| !self.has_come);
        before.map_or(self.reply.model.as_ref(), |(model, _)| model.as_ref())
    }

    fn tokens_of_reply(&self, is_whole: bool) -> TokenUsage {
        if let Some(told) = self.reply.usage {
            return told;
        }
        if self.coming.prompt_tokens == 0 || !(is_whole || self.has_come) {
            return TokenUsage::default();
        }
        let calls = Message::calling("", self.reply.tool_calls.clone(), Timestamp::default());
        let calls = if calls.tool_calls.is_empty() { 0 } else { estimate_message(&calls) };
        let said = estimate_tokens(&self.reply.text) + calls;
        TokenUsage { completion_tokens: said + self.reply.unsaid + self.left_out, ..self.coming }
    }

    /// The calls of the answer are not run, though they are paid for.
    pub(super) fn leave_out_calls(&mut self) {
        let tokens = self.tokens_of_reply(true);
        self.reply.usage.get_or_insert(tokens);
        self.reply.tool_calls.clear();
    }

    /// The answer was calls: they are on their way from here on. Gives them as the model wrote them, each with the id
    /// by which its result is known.
    pub(super) fn begin_calls(&mut self, now: Timestamp) -> Vec<(String, ToolCall)> {
        let tokens = self.tokens_of_reply(true);
        let reply = std::mem::take(&mut self.reply);
        self.used.push((reply.model, tokens));
        (self.coming, self.left_out, self.has_come) = (TokenUsage::default(), 0, false);
        let mut ids = HashSet::new();
        let sound: Vec<_> = reply.tool_calls.iter().map(|call| sound_call(call, &mut ids)).collect();
        let calls = sound.iter().map(|call| call.id.clone()).zip(reply.tool_calls).collect::<Vec<_>>();
        self.running = Some((Message::calling(reply.text, sound, now), vec![None; calls.len()]));
        self.rounds += 1;
        self.calls += calls.len();
        calls
    }

    /// The message with the calls that are on their way.
    pub(super) fn calling(&self) -> Option<&Message> {
        self.running.as_ref().map(|(calling, _)| calling)
    }

    /// The result of the call at `place` has come.
    pub(super) fn take_result(&mut self, place: usize, text: &str, now: Timestamp) {
        let Some((calling, results)) = &mut self.running else { return };
        if let (Some(call), Some(result)) = (calling.tool_calls.get(place), results.get_mut(place)) {
            *result = Some(Message::tool_result(call.id.as_str(), text, now));
        }
    }

    /// No more results come; `missing` stands for those that did not.
    pub(super) fn end_calls(&mut self, missing: &str, now: Timestamp) {
        let Some((calling, results)) = self.running.take() else { return };
        let ids: Vec<_> = calling.tool_calls.iter().map(|call| call.id.clone()).collect();
        self.said.push(Arc::new(calling));
        let results = results.into_iter().zip(ids);
        let results =
            results.map(|(result, id)| Arc::new(result.unwrap_or_else(|| Message::tool_result(id, missing, now))));
        self.said.extend(results);
    }

    /// All that was said, with the answer as far as it came. Services refuse a question that follows a result: where no
    /// answer came, `instead` takes its place.
    pub(super) fn conversation(&self, instead: &str, now: Timestamp) -> Vec<Arc<Message>> {
        let text = if self.reply.text.is_empty() { instead } else { &self.reply.text };
        let answer = Arc::new(Message::new(Role::Assistant, text, now));
        self.said.iter().map(Arc::clone).chain([answer]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str, name: &str, arguments: &str) -> ChatDelta {
        ChatDelta::ToolCall(ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() })
    }

    fn tokens(exchange: &Exchange, is_whole: bool) -> TokenUsage {
        exchange.spent(is_whole).into_iter().map(|(_, tokens)| tokens).fold(TokenUsage::default(), Add::add)
    }

    fn exchange() -> Exchange {
        Exchange::of(Message::new(Role::User, "what time is it?", Timestamp::default()))
    }

    #[test]
    fn calls_are_kept_in_a_form_that_services_take() {
        let (mut exchange, now) = (exchange(), Timestamp::default());
        exchange.ask(10);
        let written = [
            call("same", "clock", r#"{"zone": "UTC"}"#),
            call("same", "no such tool!", "[1]"),
            call("", "", "{\"cut"),
            call(&"x".repeat(300), &"ط".repeat(100), ""),
        ];
        for delta in written {
            exchange.take(delta, true);
        }
        let calls = exchange.begin_calls(now);
        assert_eq!(calls[1].1.name, "no such tool!", "they are run as the model wrote them");
        exchange.take_result(1, "Error", now);
        exchange.end_calls("missing", now);
        let said = exchange.said();
        let sound = &said[1].tool_calls;
        let ids: HashSet<_> = sound.iter().map(|call| call.id.as_str()).collect();
        assert!(
            ids.len() == 4 && ids.contains("same") && ids.iter().all(|id| (1..=256).contains(&id.len())),
            "{ids:?}"
        );
        let names: Vec<_> = sound.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["clock", "no_such_tool_", "_", &*"_".repeat(64)]);
        let arguments: Vec<_> = sound.iter().map(|call| call.arguments.as_str()).collect();
        assert_eq!(arguments, [r#"{"zone": "UTC"}"#, "{}", "{}", "{}"]);
        let results = said[2..].iter().map(|result| (result.tool_call_id.as_deref().unwrap(), &*result.text));
        let expected = sound.iter().map(|call| call.id.as_str()).zip(["missing", "Error", "missing", "missing"]);
        assert!(results.eq(expected));
    }

    #[test]
    fn the_tokens_of_all_answers_are_summed() {
        let (mut exchange, now) = (exchange(), Timestamp::default());
        let told = TokenUsage { prompt_tokens: 100, completion_tokens: 7, estimated: false };
        exchange.ask(40);
        assert_eq!(tokens(&exchange, false), TokenUsage::default(), "nothing has come");
        assert_eq!(tokens(&exchange, true).prompt_tokens, 40);
        exchange.take(call("1", "clock", "{}"), true);
        exchange.take(ChatDelta::Usage(told), true);
        exchange.begin_calls(now);
        exchange.end_calls("", now);
        assert_eq!(tokens(&exchange, true), told, "nothing more was asked yet");
        exchange.ask(60);
        assert_eq!(tokens(&exchange, false), told);
        assert_eq!(exchange.tokens_so_far().prompt_tokens, 160);
        exchange.take(ChatDelta::Text("noon".to_owned()), true);
        let both = TokenUsage { prompt_tokens: 160, completion_tokens: 7 + estimate_tokens("noon"), estimated: true };
        assert_eq!((tokens(&exchange, false), exchange.tokens_so_far()), (both, both));
    }

    #[test]
    fn more_calls_than_anyone_makes_are_left_out() {
        let mut exchange = exchange();
        for number in 0..=MAX_CALLS {
            exchange.take(call(&number.to_string(), "clock", "{}"), true);
        }
        assert_eq!(exchange.begin_calls(Timestamp::default()).len(), MAX_CALLS);
    }
}

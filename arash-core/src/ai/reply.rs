use serde::{Deserialize, Serialize};

use crate::message::ToolCall;
use crate::platform::ModelId;
use crate::usage::TokenUsage;

/// Why the model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// It has said all.
    Stop,
    /// It ran into a limit of tokens.
    Length,
    /// It waits for the results of the tools that it called.
    ToolCalls,
    /// A filter of its provider stopped it.
    ContentFilter,
    /// Whatever else the provider says.
    Other(String),
}

impl FinishReason {
    /// Its name in the OpenAI protocol.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other(name) => name,
        }
    }

    /// The reason of this name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "stop" => Self::Stop,
            "length" => Self::Length,
            "tool_calls" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            _ => Self::Other(name.to_owned()),
        }
    }
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatDelta {
    /// What was said in sound that is attached to the new message, one for each in its order; before any text. It is
    /// remembered with the message, and the sound is not given again in the same turn.
    Heard(String),
    /// More text.
    Text(String),
    /// A tool that the model calls; always whole.
    ToolCall(ToolCall),
    /// Why the model stopped.
    Finish(FinishReason),
    /// About how many tokens of the answer no other piece holds: what the model thought, and, of a
    /// [`WireRequest`](crate::ai::WireRequest), further answers and calls that are not whole yet. A later count replaces
    /// an earlier one. Nobody is told of it; it is what is paid for where the provider does not count.
    Unsaid(u64),
    /// The provider's count of the tokens; a later one replaces an earlier one.
    Usage(TokenUsage),
    /// The model that really answered, where it is not the one that was asked.
    Model(ModelId),
    /// What a [`WireRequest`](crate::ai::WireRequest) was answered, as it came: JSON text, a chunk of a stream or the
    /// one object of a whole answer. What it means comes as other pieces beside it.
    Wire(String),
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatReply {
    /// What was said in sound that is attached to the new message.
    #[serde(default)]
    pub heard: Vec<String>,
    /// The text.
    pub text: String,
    /// The tools that the model calls, in its order.
    pub tool_calls: Vec<ToolCall>,
    /// Why the model stopped, if that was told.
    pub finish: Option<FinishReason>,
    /// About how many tokens of it nothing else here holds: what the model thought, say.
    #[serde(default)]
    pub unsaid: u64,
    /// The provider's count of the tokens, if it told one.
    pub usage: Option<TokenUsage>,
    /// The model that really answered, where it is not the one that was asked.
    pub model: Option<ModelId>,
    /// What a [`WireRequest`](crate::ai::WireRequest) was answered, as it came: the chunks of a stream, or the one
    /// object of a whole answer.
    pub wire: Vec<String>,
}

impl ChatReply {
    /// Adds a piece.
    pub fn push(&mut self, delta: ChatDelta) {
        match delta {
            ChatDelta::Heard(text) => self.heard.push(text),
            ChatDelta::Text(text) => self.text.push_str(&text),
            ChatDelta::ToolCall(call) => self.tool_calls.push(call),
            ChatDelta::Finish(reason) => self.finish = Some(reason),
            ChatDelta::Unsaid(tokens) => self.unsaid = tokens,
            ChatDelta::Usage(usage) => self.usage = Some(usage),
            ChatDelta::Model(model) => self.model = Some(model),
            ChatDelta::Wire(json) => self.wire.push(json),
        }
    }

    /// The pieces that make it up: what was on the wire first.
    pub fn into_deltas(self) -> impl Iterator<Item = ChatDelta> {
        let wire = self.wire.into_iter().map(ChatDelta::Wire);
        let heard = self.heard.into_iter().map(ChatDelta::Heard);
        let model = self.model.map(ChatDelta::Model);
        let text = Some(self.text).filter(|text| !text.is_empty()).map(ChatDelta::Text);
        let calls = self.tool_calls.into_iter().map(ChatDelta::ToolCall);
        let unsaid = Some(self.unsaid).filter(|tokens| *tokens > 0).map(ChatDelta::Unsaid);
        let end = self.finish.map(ChatDelta::Finish).into_iter().chain(self.usage.map(ChatDelta::Usage));
        wire.chain(heard).chain(model).chain(text).chain(calls).chain(unsaid).chain(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_names_and_unknown_ones_keep_theirs() {
        for name in ["stop", "length", "tool_calls", "content_filter", "eos", ""] {
            assert_eq!(FinishReason::from_name(name).as_str(), name);
        }
    }

    #[test]
    fn a_reply_is_the_sum_of_its_pieces() {
        let call = ToolCall { id: "1".to_owned(), name: "clock".to_owned(), arguments: "{}".to_owned() };
        let reply = ChatReply {
            heard: vec!["I am Sara".to_owned()],
            text: "Let me look.".to_owned(),
            tool_calls: vec![call],
            finish: Some(FinishReason::ToolCalls),
            unsaid: 7,
            usage: Some(TokenUsage { prompt_tokens: 3, completion_tokens: 0, estimated: false }),
            model: Some("m".into()),
            wire: vec!["{}".to_owned()],
        };
        let mut again = ChatReply::default();
        reply.clone().into_deltas().for_each(|delta| again.push(delta));
        assert_eq!(again, reply);
    }
}

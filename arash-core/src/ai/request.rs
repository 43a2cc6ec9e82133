use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ai::{Transcripts, WireRequest};
use crate::id::TurnId;
use crate::message::{Attachment, Message, Role};
use crate::platform::ModelId;

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// What a provider is asked. A clone shares what is large.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChatRequest {
    /// The turn it is for; a provider may use it to recognise a repeated request.
    pub turn_id: TurnId,
    /// The model that is to answer.
    pub model: ModelId,
    /// The conversation, oldest first. The last message of the user is the new one; what the model called since then
    /// and the results of that may come after it.
    pub messages: Vec<Arc<Message>>,
    /// What is attached to the new message.
    pub attachments: Vec<Attachment>,
    /// What was said in the attached sound, as far as it is written down: whoever does that adds it.
    pub transcripts: Transcripts,
    /// The user's messages in the session so far, the new one included; may be more than are in `messages`.
    pub message_count: u64,
    /// The only models that may answer, if not all may: what stands in for `model` is held to it.
    pub allowed_models: Option<Arc<[ModelId]>>,
    /// The tools that the model may call.
    pub tools: Arc<[ToolSpec]>,
    /// Further fields of the request upstream, such as `temperature`; none of those that are made from the rest.
    pub parameters: Arc<Map<String, Value>>,
    /// The client's own request, for providers that speak its protocol: sent as it is, in place of the messages, tools
    /// and parameters. Other providers answer from these.
    pub wire: Option<Arc<WireRequest>>,
}

impl ChatRequest {
    /// Asks `model` to go on with `messages`.
    pub fn new(model: ModelId, messages: Vec<Arc<Message>>) -> Self {
        let message_count = messages.iter().filter(|message| message.role == Role::User).count() as u64;
        Self {
            turn_id: TurnId::new(),
            model,
            messages,
            attachments: Vec::new(),
            transcripts: Transcripts::default(),
            message_count,
            allowed_models: None,
            tools: Arc::default(),
            parameters: Arc::default(),
            wire: None,
        }
    }

    /// The new message.
    pub fn newest(&self) -> Option<&Message> {
        let newest = self.newest_index().or(self.messages.len().checked_sub(1))?;
        self.messages.get(newest).map(AsRef::as_ref)
    }

    /// Where the new message is: the last one of the user.
    pub(crate) fn newest_index(&self) -> Option<usize> {
        self.messages.iter().rposition(|message| message.role == Role::User)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::message::ToolCall;

    #[test]
    fn the_new_message_stays_the_users_while_tools_are_called() {
        let now = Timestamp::default();
        let call = ToolCall { id: "1".to_owned(), name: "clock".to_owned(), arguments: "{}".to_owned() };
        let messages = [
            Message::new(Role::User, "what time is it?", now),
            Message::calling("", vec![call], now),
            Message::tool_result("1", "noon", now),
        ];
        let request = ChatRequest::new("m".into(), messages.into_iter().map(Arc::new).collect());
        assert_eq!(&*request.newest().unwrap().text, "what time is it?");
        assert_eq!(request.message_count, 1);
        assert!(ChatRequest::new("m".into(), Vec::new()).newest().is_none());
    }
}

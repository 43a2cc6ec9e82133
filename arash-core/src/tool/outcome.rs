use std::collections::HashSet;

use serde_json::Value;
use uuid::Uuid;

use crate::message::ToolCall;
use crate::tool::nesting::{MAX_LEVELS, is_within};
use crate::tool::registry::sound_name;

/// Longest id of a call that is kept, in bytes.
const MAX_ID_BYTES: usize = 256;
/// Longest arguments of a call, in bytes.
pub(super) const MAX_ARGUMENT_BYTES: usize = 64 << 10;

/// What came of a call, as the model is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToolOutcome {
    /// The result, or what is wrong.
    pub(crate) text: String,
    /// How it went, in figures: `ok`, or why there is no result.
    pub(crate) state: &'static str,
}

impl ToolOutcome {
    /// There is no result, because of `fault`.
    pub(crate) fn failed(state: &'static str, fault: &str) -> Self {
        Self { text: format!("Error: {fault}"), state }
    }

    /// The same outcome, cut to at most `max_bytes`. It says so if it was cut.
    pub(super) fn within(mut self, max_bytes: usize) -> Self {
        // Not every database can keep it.
        self.text.retain(|letter| letter != '\0');
        if self.text.len() > max_bytes {
            let whole = self.text.len();
            let note = format!("\n[cut off: the result has {whole} bytes]");
            let kept = max_bytes.saturating_sub(note.len());
            self.text.truncate(self.text.floor_char_boundary(kept));
            self.text.push_str(&note);
        }
        self
    }
}

/// The call as it is remembered and sent upstream: services refuse a conversation with a name, an id or arguments of
/// another form, and would refuse it again with every further message. What the model wrote instead is told to it with
/// the result. `ids` are those of the calls before it in the same answer.
pub(crate) fn sound_call(call: &ToolCall, ids: &mut HashSet<String>) -> ToolCall {
    let is_sound = (1..=MAX_ID_BYTES).contains(&call.id.len()) && !call.id.contains(char::is_control);
    let mut id = call.id.clone();
    if !is_sound || !ids.insert(id.clone()) {
        id = format!("call_{}", Uuid::now_v7().simple());
        ids.insert(id.clone());
    }
    let arguments = if read_arguments(&call.arguments).is_ok() { call.arguments.clone() } else { "{}".to_owned() };
    ToolCall { id, name: sound_name(&call.name), arguments }
}

/// The arguments that a model wrote; else what is wrong with them.
pub(super) fn read_arguments(written: &str) -> Result<Value, String> {
    if written.len() > MAX_ARGUMENT_BYTES {
        return Err(format!("the arguments have {} bytes; at most {MAX_ARGUMENT_BYTES} are accepted", written.len()));
    }
    match serde_json::from_str::<Value>(written) {
        Ok(arguments) if !arguments.is_object() => Err("the arguments must be a JSON object".to_owned()),
        Ok(arguments) if is_within(&arguments, MAX_LEVELS) => Ok(arguments),
        Ok(_) => Err(format!("the arguments are nested too deep; at most {MAX_LEVELS} levels are accepted")),
        Err(fault) => Err(format!("the arguments are not JSON: {fault}")),
    }
}

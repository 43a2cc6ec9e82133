use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::id::TurnId;
use crate::platform::Platform;
use crate::team::Principal;
use crate::tool::ToolSpec;

/// What a tool may know of who calls it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ToolContext {
    /// The turn in which it is called.
    pub turn_id: TurnId,
    /// The call's own id, unique in its turn only.
    pub call_id: String,
    /// The platform that the user's message came from.
    pub platform: Arc<Platform>,
    /// The key that was shown, and its team; `None` where the host vouches for the user.
    pub principal: Option<Arc<Principal>>,
    /// Who sent the message.
    pub user_id: Arc<str>,
    /// The conversation that it belongs to.
    pub chat_id: Arc<str>,
    /// The user's language as a BCP 47 tag.
    pub locale: Option<Arc<str>>,
    /// Cancelled when the call is over, however it ended. The tool's own future is dropped then; this is for what it
    /// has running elsewhere.
    pub cancellation: CancellationToken,
}

/// Why a tool has no result, in words for the model, which may try again or do something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ToolError(String);

impl ToolError {
    /// The tool failed, as `text` tells. The model reads it, and may tell the user: it must hold no secret.
    pub fn new(text: impl fmt::Display) -> Self {
        Self(text.to_string())
    }
}

impl From<&str> for ToolError {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for ToolError {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// A tool: something that the model may ask the program to do while it answers.
///
/// Calls of one answer run at the same time, on the task of their turn, so a tool must not block: what does goes to
/// [`spawn_blocking`](tokio::task::spawn_blocking). It is dropped at its next `await` when its time is over, when the
/// answer is stopped and at shutdown. A panic costs one call, nothing more.
///
/// ```
/// use arash_core::tool::{Tool, ToolContext, ToolError, ToolSpec};
/// use serde_json::{Value, json};
///
/// struct Add;
///
/// #[async_trait::async_trait]
/// impl Tool for Add {
///     fn spec(&self) -> ToolSpec {
///         let number = json!({"type": "integer"});
///         ToolSpec {
///             name: "add".to_owned(),
///             description: "Adds two numbers.".to_owned(),
///             parameters: json!({"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]}),
///         }
///     }
///
///     async fn run(&self, arguments: Value, _context: ToolContext) -> Result<String, ToolError> {
///         // They were checked: both are there, and are whole numbers.
///         let number = |name: &str| arguments[name].as_i64().ok_or(ToolError::from("the number is too large"));
///         let sum = number("a")?.checked_add(number("b")?).ok_or(ToolError::from("the sum is too large"))?;
///         Ok(sum.to_string())
///     }
/// }
/// ```
#[async_trait]
pub trait Tool: Send + Sync + 'static {
    /// Its name, its description and the schema of its arguments, asked once when it is registered.
    fn spec(&self) -> ToolSpec;

    /// Runs it with arguments that are as the schema says. What it gives is told to the model as it is.
    ///
    /// # Errors
    /// Why there is no result, for the model.
    async fn run(&self, arguments: Value, context: ToolContext) -> Result<String, ToolError>;
}

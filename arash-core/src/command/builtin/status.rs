use async_trait::async_trait;

use crate::command::{CommandCall, CommandContext, CommandHandler, CommandReply, CommandSpec, Text};
use crate::error::Result;

/// `/status`: tells how the conversation stands.
pub(super) struct Status;

#[async_trait]
impl CommandHandler for Status {
    fn spec(&self) -> CommandSpec {
        CommandSpec::new("status", "Show how this conversation stands")
    }

    async fn run(&self, _call: CommandCall<'_>, context: CommandContext<'_>) -> Result<CommandReply> {
        let text = context.say(&Text::Status {
            session_id: context.session.key.as_str(),
            model: context.current_model().as_deref(),
            message_count: context.session.message_count,
            history_length: context.session.history.len(),
            max_history: context.platform.history_limit(),
        });
        Ok(CommandReply::text(text))
    }
}

use async_trait::async_trait;

use crate::command::{CommandCall, CommandContext, CommandHandler, CommandReply, CommandSpec, SessionEffect, Text};
use crate::error::Result;

/// `/clear`: forgets the conversation; the chosen model stays.
pub(super) struct Clear;

#[async_trait]
impl CommandHandler for Clear {
    fn spec(&self) -> CommandSpec {
        CommandSpec::new("clear", "Forget this conversation")
    }

    async fn run(&self, _call: CommandCall<'_>, context: CommandContext<'_>) -> Result<CommandReply> {
        Ok(CommandReply::text(context.say(&Text::Cleared)).with_effect(SessionEffect::Clear))
    }
}

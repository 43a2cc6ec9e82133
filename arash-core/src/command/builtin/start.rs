use async_trait::async_trait;

use crate::command::{CommandCall, CommandContext, CommandHandler, CommandReply, CommandSpec, Text};
use crate::error::Result;

/// `/start`: welcomes the user.
pub(super) struct Start;

#[async_trait]
impl CommandHandler for Start {
    fn spec(&self) -> CommandSpec {
        CommandSpec::new("start", "Say hello")
    }

    async fn run(&self, _call: CommandCall<'_>, context: CommandContext<'_>) -> Result<CommandReply> {
        let commands = context.commands.specs_for(context.platform, context.texts, context.locale);
        Ok(CommandReply::text(context.say(&Text::Welcome { commands: &commands })))
    }
}

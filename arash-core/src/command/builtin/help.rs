use async_trait::async_trait;

use crate::command::{CommandCall, CommandContext, CommandHandler, CommandReply, CommandSpec, Text};
use crate::error::Result;

/// `/help`: lists the commands that work on the platform.
pub(super) struct Help;

#[async_trait]
impl CommandHandler for Help {
    fn spec(&self) -> CommandSpec {
        CommandSpec::new("help", "List the commands")
    }

    async fn run(&self, _call: CommandCall<'_>, context: CommandContext<'_>) -> Result<CommandReply> {
        let commands = context.commands.specs_for(context.platform, context.texts, context.locale);
        Ok(CommandReply::text(context.say(&Text::Help { commands: &commands })))
    }
}

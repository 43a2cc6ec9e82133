use async_trait::async_trait;

use crate::command::{CommandCall, CommandContext, CommandHandler, CommandReply, CommandSpec, Text};
use crate::error::Result;

/// `/models`: lists the models that the user may use here.
pub(super) struct Models;

#[async_trait]
impl CommandHandler for Models {
    fn spec(&self) -> CommandSpec {
        CommandSpec::new("models", "List the models")
    }

    async fn run(&self, _call: CommandCall<'_>, context: CommandContext<'_>) -> Result<CommandReply> {
        let text = context.say(&Text::Models {
            current: context.current_model().as_deref(),
            available: &context.models(),
            can_choose: context.commands.find("model").is_some() && context.platform.allows_command("model"),
        });
        Ok(CommandReply::text(text))
    }
}

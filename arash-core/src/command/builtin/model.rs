use std::sync::Arc;

use async_trait::async_trait;

use crate::command::{CommandCall, CommandContext, CommandHandler, CommandReply, CommandSpec, SessionEffect, Text};
use crate::error::Result;
use crate::platform::ModelInfo;

/// Most characters that an answer repeats of a model's name that does not exist.
const SHOWN_CHARS: usize = 80;

/// `/model [name]`: tells which model answers, or lets another one answer.
pub(super) struct Model;

#[async_trait]
impl CommandHandler for Model {
    fn spec(&self) -> CommandSpec {
        CommandSpec::new("model", "Show or change the model").arguments("[name]")
    }

    async fn run(&self, call: CommandCall<'_>, context: CommandContext<'_>) -> Result<CommandReply> {
        let available = context.models();
        let available = available.as_slice();
        if call.rest.is_empty() {
            let current = context.current_model();
            let text = context.say(&Text::CurrentModel { current: current.as_deref(), available });
            return Ok(CommandReply::text(text));
        }
        let Some(model) = find(call, context) else {
            let text = context.say(&Text::ModelUnknown { given: shortened(call.rest), available });
            return Ok(CommandReply::text(text));
        };
        if !context.may_use(&model.id) {
            return Ok(CommandReply::text(context.say(&Text::ModelNotAllowed { model: &model, available })));
        }
        let text = context.say(&Text::ModelChanged { model: &model });
        Ok(CommandReply::text(text).with_effect(SessionEffect::UseModel(model.id.clone())))
    }
}

/// The model that was named, with spaces as they are in `GPT-5 Chat`, or as a whole in quotes.
fn find(call: CommandCall<'_>, context: CommandContext<'_>) -> Option<Arc<ModelInfo>> {
    let by_name = |name: &str| context.platform.find_model(name, context.catalogue);
    by_name(call.rest).or_else(|| {
        let mut arguments = call.arguments();
        let only = arguments.next()?;
        if arguments.next().is_none() { by_name(&only) } else { None }
    })
}

fn shortened(name: &str) -> &str {
    name.char_indices().nth(SHOWN_CHARS).and_then(|(end, _)| name.get(..end)).unwrap_or(name)
}

use arash_core::command::{CommandCall, Parsed, parse};

use super::{BotInfo, Origin};

/// A command that the host answers without the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum HostCommand {
    /// Ends the answer that is being written.
    Stop,
    /// Asks the last question again.
    Retry,
    /// Tells how the bot is used.
    Stats,
    /// Shows the models to choose from: `/model` without a name.
    ChooseModel,
}

/// A command of the host's own. What follows it is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostCall {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// Which it is.
    pub(crate) command: HostCommand,
}

/// What a text is, without the mentions of the bot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// A text for the model, as it is.
    Text,
    /// A command.
    Command(Command),
    /// A command for another bot.
    ForAnotherBot,
}

/// A command for this bot, or for anyone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// Its text without the bot's name.
    pub(super) text: String,
    /// Which of the host's it is, if it is one.
    pub(super) of_host: Option<HostCommand>,
    /// Whether it names the bot, or is one that it has.
    pub(super) is_for_bot: bool,
}

impl Typed {
    pub(super) fn read(text: &str, bot: &BotInfo) -> Self {
        match parse(text) {
            Ok(Parsed::Command(call)) => Self::call(&call, bot),
            // Too long for a command, which is the engine's to say.
            Err(_) => Self::Command(Command { text: text.to_owned(), of_host: None, is_for_bot: false }),
            Ok(_) => Self::Text,
        }
    }

    fn call(call: &CommandCall<'_>, bot: &BotInfo) -> Self {
        if call.mention.is_some_and(|name| !name.eq_ignore_ascii_case(&bot.username)) {
            return Self::ForAnotherBot;
        }
        let named = HostCommand::of(call);
        let is_own = named == Some(HostCommand::Stop)
            || bot.commands.iter().any(|command| command.eq_ignore_ascii_case(call.name));
        // That one of the host's does not work here is the engine's to say, as it is of its own.
        let of_host = named.filter(|_| is_own);
        let text = format!("/{} {}", call.name, call.rest).trim_end().to_owned();
        Self::Command(Command { text, of_host, is_for_bot: is_own || call.mention.is_some() })
    }
}

impl HostCommand {
    fn of(call: &CommandCall<'_>) -> Option<Self> {
        match call.name.to_ascii_lowercase().as_str() {
            "stop" => Some(Self::Stop),
            "retry" => Some(Self::Retry),
            "stats" => Some(Self::Stats),
            "model" if call.rest.is_empty() => Some(Self::ChooseModel),
            _ => None,
        }
    }
}

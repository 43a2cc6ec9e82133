use std::fmt::{Display, Write};
use std::sync::Arc;

use crate::command::CommandSpec;
use crate::platform::ModelInfo;

/// Something that the engine itself has to say to a user, with the facts that belong to it.
///
/// Lists of commands hold only those that work on the user's platform, with their summaries in the user's language.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Text<'a> {
    /// The first thing that a user reads.
    Welcome {
        /// The commands that work here.
        commands: &'a [CommandSpec],
    },
    /// What the commands are.
    Help {
        /// The commands that work here.
        commands: &'a [CommandSpec],
    },
    /// What one command does, in one line; asked for each command before it is listed.
    CommandSummary {
        /// The command, with the summary that it gives of itself.
        command: &'a CommandSpec,
    },
    /// How the conversation stands.
    Status {
        /// Its name, as clients see it.
        session_id: &'a str,
        /// The model that answers in it; `None` if the user may use none.
        model: Option<&'a ModelInfo>,
        /// The user's messages in it.
        message_count: u64,
        /// Messages of both sides that the model is shown.
        history_length: usize,
        /// Most messages that the model is shown, a new one included.
        max_history: usize,
    },
    /// The conversation was forgotten.
    Cleared,
    /// Which model answers, told by the command that changes it.
    CurrentModel {
        /// That model; `None` if the user may use none.
        current: Option<&'a ModelInfo>,
        /// The models that the user may use here, the default first.
        available: &'a [Arc<ModelInfo>],
    },
    /// From now on another model answers.
    ModelChanged {
        /// That model.
        model: &'a ModelInfo,
    },
    /// There is no such model here.
    ModelUnknown {
        /// What was asked for, cut if it was very long.
        given: &'a str,
        /// The models that the user may use here, the default first.
        available: &'a [Arc<ModelInfo>],
    },
    /// The model exists, but not for the user's team.
    ModelNotAllowed {
        /// That model.
        model: &'a ModelInfo,
        /// The models that the user may use here, the default first.
        available: &'a [Arc<ModelInfo>],
    },
    /// Which models there are.
    Models {
        /// The model that answers; `None` if the user may use none.
        current: Option<&'a ModelInfo>,
        /// The models that the user may use here, the default first.
        available: &'a [Arc<ModelInfo>],
        /// Whether `/model` works here, to choose another.
        can_choose: bool,
    },
    /// The model has called a tool, which runs now.
    ToolRuns {
        /// The tool's name.
        name: &'a str,
    },
    /// There is no such command.
    UnknownCommand {
        /// Its name as typed, without the slash.
        name: &'a str,
        /// The commands that work here.
        commands: &'a [CommandSpec],
    },
    /// There is such a command, but not on this platform.
    CommandNotAvailable {
        /// Its name, without the slash.
        name: &'a str,
        /// The commands that work here.
        commands: &'a [CommandSpec],
    },
}

/// The words for a [`Text`]. A host that speaks other languages, or another tone, brings its own.
///
/// Answer what you translate and leave the rest to [`EnglishTexts`]: what the engine learns to say later is
/// then said in English, too.
///
/// ```
/// use arash_core::command::{EnglishTexts, Text, Texts};
///
/// struct Persian;
///
/// impl Texts for Persian {
///     fn say(&self, text: &Text<'_>, locale: Option<&str>) -> String {
///         match text {
///             _ if !locale.is_some_and(|tag| tag.starts_with("fa")) => EnglishTexts.say(text, locale),
///             Text::Cleared => "گفتگو پاک شد.".to_owned(),
///             Text::ModelChanged { model } => format!("از این پس {} پاسخ می‌دهد.", model.name),
///             Text::CommandSummary { command } if command.name == "clear" => "پاک کردن گفتگو".to_owned(),
///             other => EnglishTexts.say(other, locale),
///         }
///     }
/// }
///
/// assert_eq!(Persian.say(&Text::Cleared, Some("fa-IR")), "گفتگو پاک شد.");
/// assert!(Persian.say(&Text::Cleared, Some("en")).starts_with("The conversation"));
/// ```
pub trait Texts: Send + Sync + 'static {
    /// `text` for a user whose language is `locale`, a BCP 47 tag such as `fa` or `en-GB`; plain text, no markup.
    fn say(&self, text: &Text<'_>, locale: Option<&str>) -> String;
}

/// English, whatever the user's language.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnglishTexts;

impl Texts for EnglishTexts {
    fn say(&self, text: &Text<'_>, _locale: Option<&str>) -> String {
        match *text {
            Text::Welcome { commands } => {
                format!(
                    "Hello! Write me a message and I will answer.{}",
                    listed("\n\nI also know:", described(commands))
                )
            }
            Text::Help { commands } => {
                format!("Write me a message and I will answer.{}", listed("\n\nCommands:", described(commands)))
            }
            Text::CommandSummary { command } => command.summary.clone(),
            Text::Status { session_id, model, message_count, history_length, max_history } => format!(
                "Session: {session_id}\nModel: {}\nYour messages: {message_count}\nIn memory: {history_length} of {max_history}",
                model.map_or("none", |model| &model.name)
            ),
            Text::Cleared => "The conversation is cleared. I remember nothing of it.".to_owned(),
            Text::CurrentModel { current, available } => current_model(current, available),
            Text::ModelChanged { model } => format!("From now on {} answers.", model.name),
            Text::ModelUnknown { given, available } => {
                format!("There is no model \"{given}\" here.{}", listed("\n\nYou can choose:", named(None, available)))
            }
            Text::ModelNotAllowed { model, available } => {
                let others = listed("\n\nYou can choose:", named(None, available));
                format!("Your team may not use {}.{others}", model.name)
            }
            Text::Models { current, available, can_choose } => models(current, available, can_choose),
            Text::ToolRuns { name } => format!("Using {name} …"),
            Text::UnknownCommand { name, commands } => {
                let known = listed("\n\nThese commands work:", described(commands));
                format!("There is no command /{name}.{known}\n\nTo begin a message with a slash, write two: //")
            }
            Text::CommandNotAvailable { name, commands } => {
                format!("/{name} does not work here.{}", listed("\n\nThese commands work:", described(commands)))
            }
        }
    }
}

fn current_model(current: Option<&ModelInfo>, available: &[Arc<ModelInfo>]) -> String {
    let Some(current) = current else { return NO_MODEL.to_owned() };
    if available.len() < 2 {
        return format!("{} answers. It is the only model that you can use here.", current.name);
    }
    let models = listed("\n\nYou can choose:", named(Some(current), available));
    format!("{} answers.{models}\n\nTo choose one, write its name after /model.", current.name)
}

fn models(current: Option<&ModelInfo>, available: &[Arc<ModelInfo>], can_choose: bool) -> String {
    if available.is_empty() {
        return NO_MODEL.to_owned();
    }
    let hint = if can_choose && available.len() > 1 { "\n\nTo choose one, write its name after /model." } else { "" };
    format!("{}{hint}", listed("Models:", named(current, available)))
}

const NO_MODEL: &str = "There is no model here that you can use.";

/// A heading with one line below it for each of `lines`; nothing at all if there is none.
fn listed<L: Display>(heading: &str, lines: impl Iterator<Item = L>) -> String {
    let mut text = String::new();
    for line in lines {
        if text.is_empty() {
            text.push_str(heading);
        }
        // Writing to a `String` does not fail.
        let _ = write!(text, "\n{line}");
    }
    text
}

fn described(commands: &[CommandSpec]) -> impl Iterator<Item = String> {
    commands.iter().map(|command| {
        let space = if command.arguments.is_empty() { "" } else { " " };
        format!("/{}{space}{} - {}", command.name, command.arguments, command.summary)
    })
}

fn named(current: Option<&ModelInfo>, models: &[Arc<ModelInfo>]) -> impl Iterator<Item = String> {
    models.iter().map(move |model| {
        let mark = if current.is_some_and(|current| current.id == model.id) { " (current)" } else { "" };
        format!("{} - {}{mark}", model.name, model.id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(text: &Text<'_>) -> String {
        EnglishTexts.say(text, None)
    }

    #[test]
    fn commands_are_listed_with_their_arguments() {
        let commands =
            [CommandSpec::new("model", "Change the model").arguments("[name]"), CommandSpec::new("a", "Do a")];
        assert_eq!(
            say(&Text::Help { commands: &commands }),
            "Write me a message and I will answer.\n\nCommands:\n/model [name] - Change the model\n/a - Do a"
        );
    }

    #[test]
    fn a_list_of_nothing_has_no_heading() {
        assert_eq!(say(&Text::Help { commands: &[] }), "Write me a message and I will answer.");
        assert_eq!(say(&Text::ModelUnknown { given: "x", available: &[] }), "There is no model \"x\" here.");
        assert_eq!(say(&Text::CurrentModel { current: None, available: &[] }), NO_MODEL);
        assert_eq!(say(&Text::Models { current: None, available: &[], can_choose: true }), NO_MODEL);
    }

    #[test]
    fn where_there_is_no_choice_none_is_offered() {
        let one = [Arc::new(ModelInfo::new("a/one"))];
        let two = [Arc::clone(&one[0]), Arc::new(ModelInfo::new("a/two"))];
        let models = |available, can_choose| say(&Text::Models { current: Some(&one[0]), available, can_choose });
        assert_eq!(models(&one, true), "Models:\nOne - a/one (current)");
        assert_eq!(models(&two, false), "Models:\nOne - a/one (current)\nTwo - a/two");
        assert!(models(&two, true).ends_with("To choose one, write its name after /model."));
        let told = say(&Text::CurrentModel { current: Some(&one[0]), available: &one });
        assert_eq!(told, "One answers. It is the only model that you can use here.");
    }
}

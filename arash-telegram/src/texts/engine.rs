use std::sync::{Arc, LazyLock};

use arash_core::command::{CommandRegistry, CommandSpec, EnglishTexts, Text, Texts};
use arash_core::platform::ModelInfo;

use super::language::Language;
use super::sentence::{Sentence, words};

/// What the engine says, in the user's language: English, Persian or Russian, and English to all others.
///
/// Where no language is told, as on platforms without one, [`EnglishTexts`] speaks. Commands that are not the engine's or
/// the Telegram host's, or take the place of one of the engine's, speak for themselves.
///
/// ```
/// use arash_core::command::{Text, Texts};
/// use arash_telegram::FluentTexts;
///
/// assert_eq!(FluentTexts.say(&Text::Cleared, Some("ru")), "Диалог очищен. Я ничего из него не помню.");
/// assert_eq!(FluentTexts.say(&Text::Cleared, Some("pt-BR")), FluentTexts.say(&Text::Cleared, Some("en")));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct FluentTexts;

impl Texts for FluentTexts {
    fn say(&self, text: &Text<'_>, locale: Option<&str>) -> String {
        if locale.is_none() {
            return EnglishTexts.say(text, locale);
        }
        let language = Language::of(locale);
        let sentence = |id| Sentence::new(id, language);
        match *text {
            Text::Welcome { commands } => paragraphs([
                Some(sentence("welcome").finish()),
                listed("welcome-commands", described(commands, language), language),
            ]),
            Text::Help { commands } => paragraphs([
                Some(sentence("help").finish()),
                listed("help-commands", described(commands, language), language),
            ]),
            Text::CommandSummary { command } => {
                of_command(command, None, language).unwrap_or_else(|| command.summary.clone())
            }
            Text::Status { session_id, model, message_count, history_length, max_history } => {
                let none = sentence("status-no-model").finish();
                let status = sentence("status").name("session", session_id).number("messages", message_count);
                let status = status.number("remembered", history_length as u64).number("limit", max_history as u64);
                match model {
                    Some(model) => status.name("model", &model.name).finish(),
                    None => status.part("model", none).finish(),
                }
            }
            Text::Cleared => sentence("cleared").finish(),
            Text::CurrentModel { current, available } => current_model(current, available, language),
            Text::ModelChanged { model } => sentence("model-changed").name("model", &model.name).finish(),
            Text::ModelUnknown { given, available } => {
                let unknown = sentence("model-unknown").name("model", given).finish();
                paragraphs([Some(unknown), listed("models-to-choose", named(None, available, language), language)])
            }
            Text::ModelNotAllowed { model, available } => {
                let refused = sentence("model-not-allowed").name("model", &model.name).finish();
                paragraphs([Some(refused), listed("models-to-choose", named(None, available, language), language)])
            }
            Text::Models { current, available, can_choose } => models(current, available, can_choose, language),
            Text::ToolRuns { name } => sentence("tool-runs").name("tool", name).finish(),
            Text::UnknownCommand { name, commands } => paragraphs([
                Some(sentence("no-such-command").name("command", name).finish()),
                listed("commands-that-work", described(commands, language), language),
                Some(sentence("two-slashes").finish()),
            ]),
            Text::CommandNotAvailable { name, commands } => paragraphs([
                Some(sentence("command-not-available").name("command", name).finish()),
                listed("commands-that-work", described(commands, language), language),
            ]),
            // What the engine learns to say later.
            _ => EnglishTexts.say(text, locale),
        }
    }
}

fn current_model(current: Option<&ModelInfo>, available: &[Arc<ModelInfo>], language: Language) -> String {
    let Some(current) = current else { return Sentence::new("no-model", language).finish() };
    if available.len() < 2 {
        return Sentence::new("only-model", language).name("model", &current.name).finish();
    }
    paragraphs([
        Some(Sentence::new("current-model", language).name("model", &current.name).finish()),
        listed("models-to-choose", named(Some(current), available, language), language),
        Some(Sentence::new("how-to-choose", language).finish()),
    ])
}

fn models(current: Option<&ModelInfo>, available: &[Arc<ModelInfo>], can_choose: bool, language: Language) -> String {
    if available.is_empty() {
        return Sentence::new("no-model", language).finish();
    }
    let hint = (can_choose && available.len() > 1).then(|| Sentence::new("how-to-choose", language).finish());
    paragraphs([listed("models", named(current, available, language), language), hint])
}

/// Those that there are, with an empty line between them.
fn paragraphs<const N: usize>(texts: [Option<String>; N]) -> String {
    texts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

/// A heading with one line below it for each of `lines`; nothing at all if there is none.
fn listed(heading: &str, lines: impl Iterator<Item = String>, language: Language) -> Option<String> {
    let lines: Vec<_> = lines.collect();
    let heading = || Sentence::new(heading, language).finish();
    (!lines.is_empty()).then(|| format!("{}\n{}", heading(), lines.join("\n")))
}

/// A line for each command, which it begins: so the line runs from left to right in any language, and the slash is shown
/// where it belongs.
fn described(commands: &[CommandSpec], language: Language) -> impl Iterator<Item = String> {
    commands.iter().map(move |command| {
        let arguments = of_command(command, Some("arguments"), language);
        let arguments = arguments.as_deref().unwrap_or(&command.arguments);
        let space = if arguments.is_empty() { "" } else { " " };
        format!("/{}{space}{arguments} - {}", command.name, command.summary)
    })
}

/// What the language has of `command`: its summary, or its `attribute`. Nothing where it is not the command that we know
/// by this name; a summary may be translated already, as those of listed commands are.
fn of_command(command: &CommandSpec, attribute: Option<&str>, language: Language) -> Option<String> {
    static BUILT_IN: LazyLock<CommandRegistry> = LazyLock::new(CommandRegistry::built_in);
    let id = format!("command-{}", command.name);
    let translated = words(&id, None, language)?;
    let known = BUILT_IN.specs().find(|spec| spec.name == command.name);
    let is_known = known.is_none_or(|known| {
        known.arguments == command.arguments && (known.summary == command.summary || translated == command.summary)
    });
    if !is_known {
        return None;
    }
    match attribute {
        Some(attribute) => words(&id, Some(attribute), language),
        None => Some(translated),
    }
}

fn named(current: Option<&ModelInfo>, models: &[Arc<ModelInfo>], language: Language) -> impl Iterator<Item = String> {
    models.iter().map(move |model| {
        let is_current = current.is_some_and(|current| current.id == model.id);
        let line = Sentence::new(if is_current { "model-line-current" } else { "model-line" }, language);
        line.name("name", &model.name).name("id", model.id.as_str()).finish()
    })
}

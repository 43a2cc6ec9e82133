//! Everything that is said, once or more.

use std::sync::Arc;
use std::time::Duration;

use arash_core::ErrorKind;
use arash_core::command::{CommandRegistry, CommandSpec, Text, Texts};
use arash_core::platform::{ModelInfo, Platform};

use crate::texts::{FluentTexts, Said, UnsupportedKind, say};

/// All of it in the language `locale`, each with what it is.
pub(super) fn everything(locale: &str) -> Vec<(String, String)> {
    let mut said = engine_texts(locale);
    said.extend(all_said().into_iter().map(|sample| (format!("{sample:?}"), say(&sample, Some(locale)))));
    said
}

pub(super) fn models() -> [Arc<ModelInfo>; 3] {
    let named = |id: &str, name: &str| Arc::new(ModelInfo::new(id).named(name));
    [named("openai/gpt-5-chat", "GPT-5 Chat"), named("anthropic/claude", "Claude (beta)"), named("4o", "4o")]
}

/// The commands of the host and the engine as they are listed in a language.
pub(super) fn commands(locale: &str) -> Vec<CommandSpec> {
    let mut commands = CommandRegistry::built_in().specs_for(&Platform::public("telegram"), &FluentTexts, Some(locale));
    for name in ["stop", "retry", "stats"] {
        let command = CommandSpec::new(name, "What the host says of it");
        let summary = FluentTexts.say(&Text::CommandSummary { command: &command }, Some(locale));
        commands.push(CommandSpec { summary, ..command });
    }
    commands
}

fn engine_texts(locale: &str) -> Vec<(String, String)> {
    let (available, commands) = (models(), commands(locale));
    let (one, current) = (&available[..1], Some(&*available[0]));
    let status = |model, message_count| Text::Status {
        session_id: "telegram_public_-1001:7",
        model,
        message_count,
        history_length: 10,
        max_history: 12,
    };
    let (available, commands) = (available.as_slice(), commands.as_slice());
    let texts = [
        ("Welcome", Text::Welcome { commands }),
        ("Welcome, no commands", Text::Welcome { commands: &[] }),
        ("Help", Text::Help { commands }),
        ("Status", status(current, 12_345)),
        ("Status, no model", status(None, 1)),
        ("Cleared", Text::Cleared),
        ("CurrentModel", Text::CurrentModel { current, available }),
        ("CurrentModel, the only one", Text::CurrentModel { current, available: one }),
        ("CurrentModel, none", Text::CurrentModel { current: None, available: &[] }),
        ("ModelChanged", Text::ModelChanged { model: &available[1] }),
        ("ModelUnknown", Text::ModelUnknown { given: "gpt 6", available }),
        ("ModelNotAllowed", Text::ModelNotAllowed { model: &available[0], available: one }),
        ("Models", Text::Models { current, available, can_choose: true }),
        ("Models, no choice", Text::Models { current, available: one, can_choose: true }),
        ("Models, none", Text::Models { current: None, available: &[], can_choose: true }),
        ("ToolRuns", Text::ToolRuns { name: "weather" }),
        ("UnknownCommand", Text::UnknownCommand { name: "Weather", commands: &commands[1..2] }),
        ("CommandNotAvailable", Text::CommandNotAvailable { name: "clear", commands: &commands[1..2] }),
    ];
    texts.map(|(what, text)| (what.to_owned(), FluentTexts.say(&text, Some(locale)))).to_vec()
}

/// Each sentence of the host.
pub(super) fn all_said() -> Vec<Said<'static>> {
    let mut said = vec![
        Said::RateLimited { wait: Duration::from_secs(21) },
        Said::RateLimited { wait: Duration::from_secs(120) },
        Said::QuotaExceeded { wait: Some(Duration::from_secs(5 * 3_600)) },
        Said::QuotaExceeded { wait: None },
        Said::AiFailed,
        Said::AiTimedOut,
        Said::ConversationTooLong,
        Said::Unavailable,
        Said::Defect,
        Said::ModelNotUsable,
        Said::TooManyWaiting,
        Said::BrokeOff,
        Said::Stopped,
        Said::NothingToStop,
        Said::NothingToRetry,
        Said::WholeAnswerInFile,
        Said::PhotoTooLarge { megabytes: 5 },
        Said::FileTooLarge { megabytes: 20 },
        Said::UnreadableDocument,
        Said::VoiceNotUnderstood,
        Said::ImagesNotSeen,
        Said::AttachmentUnavailable,
        Said::ChooseModel { page: 1, pages: 1 },
        Said::ChooseModel { page: 2, pages: 12 },
        Said::ModelChosen { model: "GPT-5 Chat" },
        Said::NextButton,
        Said::PreviousButton,
        Said::StopButton,
        Said::OutdatedButton,
        Said::PrivacyMode,
        Said::Stats { sessions: 1_234, messages: 56_789, uptime: Duration::from_secs(273_600) },
        Said::UnknownCommand,
    ];
    said.extend(KINDS.map(|kind| Said::Unsupported { kind }));
    said.extend(FAULTS.map(|(kind, count)| Said::Failures { kind, count }));
    said
}

const KINDS: [UnsupportedKind; 10] = [
    UnsupportedKind::Sticker,
    UnsupportedKind::Poll,
    UnsupportedKind::Contact,
    UnsupportedKind::Video,
    UnsupportedKind::VideoMessage,
    UnsupportedKind::Animation,
    UnsupportedKind::Location,
    UnsupportedKind::Dice,
    UnsupportedKind::Story,
    UnsupportedKind::Other,
];

const FAULTS: [(ErrorKind, u64); 7] = [
    (ErrorKind::AiService, 1),
    (ErrorKind::AiRefused, 2),
    (ErrorKind::AiTimeout, 5),
    (ErrorKind::QuotaExceeded, 11),
    (ErrorKind::Unavailable, 21),
    (ErrorKind::Internal, 22),
    (ErrorKind::Conflict, u64::MAX),
];

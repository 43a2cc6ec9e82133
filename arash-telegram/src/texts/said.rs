use std::time::Duration;

use arash_core::ErrorKind;

use super::language::Language;
use super::sentence::Sentence;
use super::wait::{elapsed_time, waiting_time};

/// Something that the host itself has to say, with the facts that belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// The user writes too much at a time.
    RateLimited {
        /// When there is room for one message more.
        wait: Duration,
    },
    /// The quota is used up.
    QuotaExceeded {
        /// When there is some again, if that is known.
        wait: Option<Duration>,
    },
    /// The AI service failed.
    AiFailed,
    /// The AI service did not answer in time.
    AiTimedOut,
    /// The conversation is longer than the model can take.
    ConversationTooLong,
    /// Storage is away, or there is too much to do.
    Unavailable,
    /// A defect of this program.
    Defect,
    /// The model is not there, or not for this user.
    ModelNotUsable,
    /// Too many messages of this chat are waiting.
    TooManyWaiting,

    /// Follows an answer of which the rest did not come.
    BrokeOff,
    /// Follows an answer that was stopped; also shown to whoever pressed the button.
    Stopped,
    /// No answer is being written.
    NothingToStop,
    /// There is no message that could be answered again.
    NothingToRetry,
    /// Goes with the document that holds an answer too long for messages.
    WholeAnswerInFile,

    /// A message of a kind that is not taken.
    Unsupported {
        /// That kind.
        kind: UnsupportedKind,
    },
    /// A photo of too many bytes.
    PhotoTooLarge {
        /// How large it may be.
        megabytes: u64,
    },
    /// A file of too many bytes.
    FileTooLarge {
        /// How large it may be.
        megabytes: u64,
    },
    /// A document that is neither text nor PDF.
    UnreadableDocument,
    /// The model cannot hear.
    VoiceNotUnderstood,
    /// The model cannot see.
    ImagesNotSeen,
    /// What is attached could not be fetched from Telegram.
    AttachmentUnavailable,

    /// Stands above the keyboard of models.
    ChooseModel {
        /// The page that is shown, the first being 1.
        page: u64,
        /// How many there are.
        pages: u64,
    },
    /// From now on another model answers.
    ModelChosen {
        /// Its name.
        model: &'a str,
    },
    /// On the button that leads to the next page.
    NextButton,
    /// On the button that leads to the page before.
    PreviousButton,
    /// On the button that stops an answer.
    StopButton,
    /// A button was pressed that means nothing any more.
    OutdatedButton,

    /// The bot does not see all messages of a group.
    PrivacyMode,
    /// How the bot is doing.
    Stats {
        /// Conversations that there are.
        sessions: u64,
        /// Messages in them.
        messages: u64,
        /// Since when the program runs.
        uptime: Duration,
    },
    /// Tells administrators that messages could not be answered.
    Failures {
        /// Why.
        kind: ErrorKind,
        /// How many messages.
        count: u64,
    },
    /// There is no such command.
    UnknownCommand,
}

/// A kind of message that the bot makes nothing of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnsupportedKind {
    Sticker,
    Poll,
    Contact,
    Video,
    /// A round one.
    VideoMessage,
    /// A GIF.
    Animation,
    /// A place or a venue.
    Location,
    Dice,
    Story,
    Other,
}

impl UnsupportedKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sticker => "sticker",
            Self::Poll => "poll",
            Self::Contact => "contact",
            Self::Video => "video",
            Self::VideoMessage => "video-message",
            Self::Animation => "animation",
            Self::Location => "location",
            Self::Dice => "dice",
            Self::Story => "story",
            Self::Other => "other",
        }
    }
}

/// `said` for a user whose language is `locale`, as Telegram's `language_code` tells it; plain text, no markup.
///
/// Texts of buttons and of answers to their presses are short enough for the Bot API (200 characters).
pub(crate) fn say(said: &Said<'_>, locale: Option<&str>) -> String {
    let language = Language::of(locale);
    let sentence = Sentence::new(id_of(said), language);
    let sentence = match *said {
        Said::RateLimited { wait } | Said::QuotaExceeded { wait: Some(wait) } => {
            sentence.part("wait", waiting_time(wait, language))
        }
        Said::Unsupported { kind } => sentence.choice("kind", kind.as_str()),
        Said::PhotoTooLarge { megabytes } | Said::FileTooLarge { megabytes } => sentence.number("megabytes", megabytes),
        Said::ChooseModel { page, pages } => sentence.number("page", page).number("pages", pages),
        Said::ModelChosen { model } => sentence.name("model", model),
        Said::Stats { sessions, messages, uptime } => {
            let sentence = sentence.number("sessions", sessions).number("messages", messages);
            sentence.part("uptime", elapsed_time(uptime, language))
        }
        Said::Failures { kind, count } => sentence.choice("kind", kind.code()).number("count", count),
        _ => sentence,
    };
    sentence.finish()
}

/// The sentence's id in `locales/`.
fn id_of(said: &Said<'_>) -> &'static str {
    match said {
        Said::RateLimited { .. } => "rate-limited",
        Said::QuotaExceeded { wait: Some(_) } => "quota-exceeded",
        Said::QuotaExceeded { wait: None } => "quota-exceeded-later",
        Said::AiFailed => "ai-failed",
        Said::AiTimedOut => "ai-timed-out",
        Said::ConversationTooLong => "conversation-too-long",
        Said::Unavailable => "unavailable",
        Said::Defect => "defect",
        Said::ModelNotUsable => "model-not-usable",
        Said::TooManyWaiting => "too-many-waiting",
        Said::BrokeOff => "broke-off",
        Said::Stopped => "stopped",
        Said::NothingToStop => "nothing-to-stop",
        Said::NothingToRetry => "nothing-to-retry",
        Said::WholeAnswerInFile => "whole-answer-in-file",
        Said::Unsupported { .. } => "unsupported",
        Said::PhotoTooLarge { .. } => "photo-too-large",
        Said::FileTooLarge { .. } => "file-too-large",
        Said::UnreadableDocument => "document-unreadable",
        Said::VoiceNotUnderstood => "voice-not-understood",
        Said::ImagesNotSeen => "images-not-seen",
        Said::AttachmentUnavailable => "attachment-unavailable",
        Said::ChooseModel { pages: 0..=1, .. } => "choose-model",
        Said::ChooseModel { .. } => "choose-model-page",
        Said::ModelChosen { .. } => "model-changed",
        Said::NextButton => "button-next",
        Said::PreviousButton => "button-previous",
        Said::StopButton => "button-stop",
        Said::OutdatedButton => "outdated-button",
        Said::PrivacyMode => "privacy-mode",
        Said::Stats { .. } => "stats",
        Said::Failures { .. } => "failures",
        Said::UnknownCommand => "unknown-command",
    }
}

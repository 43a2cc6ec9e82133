use serde::{Deserialize, Serialize};

/// A text and its formatting, as the Bot API takes them in `text` and `entities`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formatted {
    /// The text as it is read, without any marks.
    pub text: String,
    /// What is formatted in it: by where it begins, the outer before the inner.
    pub entities: Vec<Entity>,
}

impl Formatted {
    /// A text that has no formatting.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), entities: Vec::new() }
    }

    /// The length of the text in UTF-16 code units, which is how Telegram counts.
    pub fn utf16_len(&self) -> usize {
        self.text.chars().map(char::len_utf16).sum()
    }
}

/// A part of a text that is formatted in one way. In JSON it is the Bot API's `MessageEntity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// How it is formatted.
    #[serde(flatten)]
    pub kind: EntityKind,
    /// Where it begins, in UTF-16 code units.
    pub offset: usize,
    /// How long it is, in UTF-16 code units.
    pub length: usize,
}

/// How a part of a text is formatted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntityKind {
    /// A quotation.
    Blockquote,
    /// A long quotation, of which Telegram shows the first lines until somebody asks for the rest.
    ExpandableBlockquote,
    /// A block of code.
    Pre {
        /// The language that it is coloured as.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// Code within a line.
    Code,
    /// A text that leads somewhere.
    TextLink {
        /// Where to.
        url: String,
    },
    /// Bold text.
    Bold,
    /// Text in italics.
    Italic,
    /// Text that is struck through.
    Strikethrough,
    /// Text that is hidden until somebody taps on it.
    Spoiler,
}

impl EntityKind {
    /// Which of two entities of the same extent is the outer one: the one with the lower number.
    pub(super) fn order(&self) -> u8 {
        match self {
            Self::Blockquote | Self::ExpandableBlockquote => 0,
            Self::Pre { .. } => 1,
            Self::Code => 2,
            Self::TextLink { .. } => 3,
            Self::Bold => 4,
            Self::Italic => 5,
            Self::Strikethrough => 6,
            Self::Spoiler => 7,
        }
    }

    /// How much is lost without it: of too many entities those with the highest number go first.
    pub(super) fn dispensability(&self) -> u8 {
        match self {
            Self::Pre { .. } => 0,
            Self::Spoiler => 1,
            Self::TextLink { .. } => 2,
            Self::Blockquote | Self::ExpandableBlockquote => 3,
            Self::Strikethrough => 4,
            Self::Code => 5,
            Self::Bold => 6,
            Self::Italic => 7,
        }
    }

    /// Whether nothing else may be formatted within it.
    pub(super) fn is_code(&self) -> bool {
        matches!(self, Self::Code | Self::Pre { .. })
    }

    /// Whether it is a quotation.
    pub(super) fn is_quote(&self) -> bool {
        matches!(self, Self::Blockquote | Self::ExpandableBlockquote)
    }
}

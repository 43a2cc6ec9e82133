//! Formatted texts: a text and the entities that lie over it, measured in UTF-16 units.

mod detect;
mod entities;
mod html;
mod markdown;
mod rich;
#[cfg(test)]
mod tests;

pub(crate) use entities::checked_link;
pub(crate) use rich::read as read_rich;
use serde_json::{Map, Value, json};

use crate::transport::{Parameters, Refusal};

/// The longest message text, in characters after parsing.
pub(crate) const MAX_TEXT: usize = 4096;
/// The longest caption.
pub(crate) const MAX_CAPTION: usize = 1024;
/// The longest text that is parsed at all, in bytes.
const MAX_INPUT_BYTES: usize = 1 << 15;

/// A part of a text that is formatted or means something.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// `type`, as `bold` or `bot_command`.
    pub kind: String,
    /// Where it begins, in UTF-16 units.
    pub offset: usize,
    /// How long it is, in UTF-16 units.
    pub length: usize,
    /// Further fields, as `url` or `language`.
    pub details: Map<String, Value>,
}

impl Entity {
    pub(crate) fn new(kind: &str, offset: usize, length: usize) -> Self {
        Self { kind: kind.to_owned(), offset, length, details: Map::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn end(&self) -> usize {
        self.offset + self.length
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut entity = self.details.clone();
        entity.insert("type".into(), json!(self.kind));
        entity.insert("offset".into(), json!(self.offset));
        entity.insert("length".into(), json!(self.length));
        Value::Object(entity)
    }
}

/// A text and its entities.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FormattedText {
    /// The text, without any markup.
    pub text: String,
    /// What lies over it, by offset; of those at one place the longest first.
    pub entities: Vec<Entity>,
}

impl FormattedText {
    /// A text as somebody types it: with the mentions, commands and links that Telegram finds in it.
    pub(crate) fn typed(text: &str) -> Self {
        let mut typed = Self { text: text.to_owned(), entities: Vec::new() };
        detect::add_found(&mut typed);
        typed
    }

    /// Reads the text of a call from the parameter `name`, formatted by its parse mode or by the parameter `entities`.
    pub(crate) fn read(parameters: &Parameters, name: &str, entities: &str) -> Result<Self, Refusal> {
        let text = parameters.text(name).unwrap_or_default();
        let mode = parameters.text("parse_mode").unwrap_or_default();
        let entities = parameters.json(entities, "entities").ok().flatten();
        Self::parse(text, &mode, entities.as_ref())
    }

    /// Formats `text` as a call says.
    pub(crate) fn parse(text: String, mode: &str, entities: Option<&Value>) -> Result<Self, Refusal> {
        if text.len() > MAX_INPUT_BYTES {
            return Err(Refusal::bad_request("text is too long"));
        }
        let parsed = match mode.to_ascii_lowercase().as_str() {
            _ if text.is_empty() => Self::default(),
            "" | "none" => {
                let given = entities::read(entities)?;
                entities::check(&text, &given)?;
                Self { text, entities: given }
            }
            "html" => html::parse(&text).map_err(cannot_parse)?,
            "markdownv2" => markdown::parse(&text).map_err(cannot_parse)?,
            _ => return Err(Refusal::bad_request("unsupported parse_mode")),
        };
        let mut fixed = entities::fix(parsed);
        detect::add_found(&mut fixed);
        Ok(fixed)
    }

    /// Its length as Telegram's limits count it.
    pub(crate) fn length(&self) -> usize {
        self.text.chars().count()
    }

    pub(crate) fn entities_json(&self) -> Value {
        self.entities.iter().map(Entity::to_json).collect()
    }
}

/// The length of a text in UTF-16 units.
pub(crate) fn utf16_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

fn cannot_parse(fault: impl AsRef<str>) -> Refusal {
    Refusal::bad_request(format!("can't parse entities: {}", fault.as_ref()))
}

//! An answer cut into messages.

use teloxide::types::{InlineKeyboardButton, InlineKeyboardMarkup};

use crate::api::Upload;
use crate::incoming::ButtonPress;
use crate::markdown::{self, Entity, EntityKind, Formatted, MAX_MESSAGE_LEN};
use crate::outgoing::Content;

/// Most messages of one answer; a longer one is a document.
const MAX_PARTS: usize = 5;

/// All that is to be seen of an answer in the end.
pub(super) struct Whole {
    text: Formatted,
    /// As the model wrote it.
    source: String,
}

impl Whole {
    /// An answer of a model, in Markdown.
    pub(super) fn of(source: &str) -> Self {
        Self { text: markdown::convert(source), source: source.to_owned() }
    }

    /// An answer of a model whose end is missing, as it was seen while it was written.
    pub(super) fn of_part(source: &str) -> Self {
        Self { text: markdown::preview(source), source: source.to_owned() }
    }

    /// A text that is not formatted.
    pub(super) fn plain(text: &str) -> Self {
        Self { text: Formatted::plain(text), source: text.to_owned() }
    }

    /// Whether there is nothing to be seen.
    pub(super) fn is_empty(&self) -> bool {
        self.text.text.is_empty()
    }

    /// The same with a short note below it.
    pub(super) fn with_note(mut self, note: &str) -> Self {
        for text in [&mut self.text.text, &mut self.source] {
            text.truncate(text.trim_end().len());
            text.push_str(if text.is_empty() { "" } else { "\n\n" });
        }
        let offset = self.text.utf16_len();
        self.text.text.push_str(note);
        self.source.push_str(note);
        let length = self.text.utf16_len() - offset;
        self.text.entities.push(Entity { kind: EntityKind::Italic, offset, length });
        self
    }

    /// The messages; of an answer that is too long for them the first one, which ends with `hint`, and all of it as a
    /// document.
    pub(super) fn into_parts(self, hint: impl FnOnce() -> String) -> (Vec<Content>, Option<Upload>) {
        let parts = markdown::split(&self.text, MAX_MESSAGE_LEN);
        if parts.len() <= MAX_PARTS {
            return (parts.into_iter().map(Content::from).collect(), None);
        }
        let hint = hint();
        let room = MAX_MESSAGE_LEN.saturating_sub(Formatted::plain(&*hint).utf16_len() + 2);
        let first = markdown::split(&self.text, room).into_iter().next().unwrap_or_default();
        let first = Self { text: first, source: String::new() }.with_note(&hint).text;
        let document = Upload { name: "answer.md".to_owned(), media_type: "text/markdown", bytes: self.source.into() };
        (vec![first.into()], Some(document))
    }
}

/// What is shown of an answer that is being written: as many messages as may be, the last one with a button.
pub(super) fn preview(text: &str, stop: &InlineKeyboardMarkup) -> Vec<Content> {
    let mut parts: Vec<Content> = markdown::split(&markdown::preview(text), MAX_MESSAGE_LEN)
        .into_iter()
        .take(MAX_PARTS)
        .map(Content::from)
        .collect();
    if let Some(last) = parts.last_mut() {
        last.keyboard = Some(stop.clone());
    }
    parts
}

/// A keyboard of one button, which stops the answer.
pub(super) fn stop_button(text: &str) -> InlineKeyboardMarkup {
    InlineKeyboardMarkup::new([[InlineKeyboardButton::callback(text, ButtonPress::Stop.data())]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_stands_below_what_came() {
        let noted = Whole::of("Some **words** \n\n").with_note("It broke off.").text;
        assert_eq!(noted.text, "Some words\n\nIt broke off.");
        let italic = Entity { kind: EntityKind::Italic, offset: 12, length: 13 };
        assert_eq!(noted.entities.last(), Some(&italic));
        assert_eq!(Whole::of("").with_note("Stopped.").text.text, "Stopped.");
    }

    #[test]
    fn a_long_answer_is_some_messages_and_a_very_long_one_a_document() {
        let words =
            |count: usize| Whole::of(&"word ".repeat(count)).into_parts(|| "All of it is in the file.".to_owned());
        let (parts, document) = words(4_000);
        assert_eq!((parts.len(), document.is_none()), (5, true));
        let (parts, document) = words(5_000);
        let document = document.unwrap();
        assert_eq!((parts.len(), document.bytes.len()), (1, 25_000));
        assert!(parts[0].text.text.ends_with("word\n\nAll of it is in the file."));
        assert!(parts[0].text.utf16_len() <= MAX_MESSAGE_LEN);
    }

    #[test]
    fn only_the_last_message_has_the_button() {
        let stop = stop_button("Stop");
        let parts = preview(&"word ".repeat(1_500), &stop);
        let buttons: Vec<_> = parts.iter().map(|part| part.keyboard.is_some()).collect();
        assert_eq!(buttons, [false, true]);
    }
}

//! Markdown as models write it, made into text with entities as Telegram's Bot API takes them.
//!
//! Telegram refuses a message whose `MarkdownV2` or HTML has one mistake in it, and models make mistakes. Entities cannot
//! go wrong that way: the text is plain, and what is formatted is told beside it. Nothing has to be escaped, and no
//! formatting costs any of the 4096 units that a message may have.
//!
//! ```
//! use arash_telegram::markdown::{EntityKind, MAX_MESSAGE_LEN, convert, split};
//!
//! let answer = convert("# Greeting\n\nSay *hello*:\n\n```rust\nprintln!(\"hello\");\n```");
//! assert_eq!(answer.text, "Greeting\n\nSay hello:\n\nprintln!(\"hello\");");
//! let rust = EntityKind::Pre { language: Some("rust".into()) };
//! assert_eq!(answer.entities.last().map(|entity| &entity.kind), Some(&rust));
//!
//! for message in split(&answer, MAX_MESSAGE_LEN) {
//!     let body = serde_json::json!({ "chat_id": 42, "text": message.text, "entities": message.entities });
//!     // sendMessage
//!     # assert_eq!(body["entities"][0], serde_json::json!({ "type": "bold", "offset": 0, "length": 8 }));
//! }
//! ```
//!
//! - [`convert`] makes a whole answer into text with entities.
//! - [`preview`] does the same while the answer is being written: what is half open at its end is closed or held back,
//!   so that the text does not flicker.
//! - [`split`] cuts either into messages. What it gives can be sent as it is.
//!
//! # What becomes of what
//!
//! | Markdown | Telegram |
//! |---|---|
//! | `**bold**`, `*italic*`, `~~struck~~`, `\|\|hidden\|\|`, `` `code` `` | the same |
//! | block of code | the same, with its language; nothing in it is formatted |
//! | heading | bold |
//! | list | `•`, `1.`, `☐` and `☑`, indented by depth |
//! | quotation | the same; one in another is part of it, a long one is folded |
//! | table | aligned in a fixed width if it is narrow, otherwise entry by entry, as are tables with links or in scripts written from right to left |
//! | link, image | a link; plain text, if Telegram would not open it |
//! | formula: `$x$`, `$$x$$`, `\(x\)`, `\[x\]` | code |
//! | rule | `———` |
//! | footnote | `[1]`, and its text where it stands |
//! | HTML | as it is written; only `<br>` ends the line |
//! | end of a line | end of a line |
//!
//! Lines that are mostly in a script written from right to left but begin with a Latin word get a mark that turns them.
//!
//! # Bounds
//!
//! Time grows with the length of the Markdown and not faster, whatever is in it. Markdown of more than
//! [`MAX_MARKDOWN_BYTES`] is not formatted. A text that has something to be seen never becomes an empty one.

mod direction;
mod entity;
mod fence;
mod inline;
mod letters;
mod limit;
mod link;
mod links;
mod list;
mod marks;
mod math;
mod position;
mod preview;
mod render;
mod rich;
mod rich_message;
mod source;
mod split;
mod table;
mod tail;
#[cfg(feature = "testing")]
pub mod testing;
mod writer;

pub(crate) use direction::is_right_to_left;
pub use entity::{Entity, EntityKind, Formatted};
pub use limit::{MAX_ENTITIES, MAX_MESSAGE_LEN};
pub use preview::preview;
pub(crate) use rich_message::{RichMessage, rich_message};
pub use split::split;

use rich::Rich;

/// Longest Markdown that is formatted, in bytes. What is longer is given as plain text.
pub const MAX_MARKDOWN_BYTES: usize = 256 * 1024;

/// Makes Markdown into text with entities.
///
/// The text is as long as it has to be and may have more entities than a message: send what [`split`] makes of it.
/// It is empty only where the Markdown has nothing to be seen. Where only its marks can be seen, as in `**`, it is
/// the Markdown itself.
///
/// ```
/// use arash_telegram::markdown::convert;
/// let answer = convert("1. **سلام**\n2. [docs](https://example.org)");
/// assert_eq!(answer.text, "1. سلام\n2. docs");
/// assert_eq!(serde_json::to_value(&answer.entities).unwrap(), serde_json::json!([
///     { "type": "bold", "offset": 3, "length": 4 },
///     { "type": "text_link", "url": "https://example.org", "offset": 11, "length": 4 },
/// ]));
/// ```
pub fn convert(markdown: &str) -> Formatted {
    let answer = rendered(markdown);
    if answer.is_blank() { plain(markdown) } else { answer.formatted() }
}

/// Markdown as text with formatting; blank where it has nothing but marks.
fn rendered(markdown: &str) -> Rich {
    if markdown.len() > MAX_MARKDOWN_BYTES {
        return Rich::default();
    }
    render::render(&source::bounded(markdown)).lawful().directed()
}

/// The text as it is, for what cannot or need not be formatted.
fn plain(text: &str) -> Formatted {
    let text: String = text.chars().filter_map(letters::as_sent).collect();
    let plain = Rich { text, spans: Vec::new() };
    if plain.is_blank() { Formatted::default() } else { plain.lawful().formatted() }
}

//! Markdown as Telegram's text and entities, through the public interface.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails here")]

mod answers;
mod bounds;
mod conversions;
mod previews;
mod properties;
mod splitting;

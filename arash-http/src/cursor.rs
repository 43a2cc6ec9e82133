//! Where the next page of a list begins, as a text that clients hand back unread.

use arash_core::clock::Timestamp;
use arash_core::id::{AuditId, SessionId, TurnId};
use arash_core::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Something that a list can go on after.
pub(crate) trait Position: Sized {
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;
}

impl Position for i64 {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Position for AuditId {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Position for TurnId {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Position for (Timestamp, SessionId) {
    fn write(&self) -> String {
        format!("{}_{}", self.0.as_millis(), self.1)
    }

    fn read(text: &str) -> Option<Self> {
        let (millis, id) = text.split_once('_')?;
        Some((Timestamp::from_millis(millis.parse().ok()?), id.parse().ok()?))
    }
}

/// The cursor for what comes after `position`.
pub(crate) fn encode(position: &impl Position) -> String {
    URL_SAFE_NO_PAD.encode(position.write())
}

/// The position that a cursor stands for; `None` for the first page.
///
/// # Errors
/// `InvalidInput` for a text that is no cursor of this list.
pub(crate) fn decode<P: Position>(cursor: Option<&str>) -> Result<Option<P>> {
    let Some(cursor) = cursor else { return Ok(None) };
    let text = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let position = text.and_then(|text| P::read(&text));
    position.map(Some).ok_or_else(|| Error::invalid("cursor", "is not the next_cursor of a page"))
}

/// Cuts `entries`, which were asked for with one more than `limit`, to a page; the cursor leads to the next one.
pub(crate) fn page<T, P: Position>(entries: &mut Vec<T>, limit: u32, position: impl FnOnce(&T) -> P) -> Option<String> {
    let has_more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    entries.last().filter(|_| has_more).map(|last| encode(&position(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_position() {
        let position = (Timestamp::from_millis(1_762_000_000_250), SessionId::new());
        assert_eq!(decode(Some(&encode(&position))).unwrap(), Some(position));
        let turn = TurnId::new();
        assert_eq!(decode(Some(&encode(&turn))).unwrap(), Some(turn));
        assert_eq!(decode::<i64>(Some(&encode(&42_i64))).unwrap(), Some(42));
        assert_eq!(decode::<i64>(None).unwrap(), None);
        for text in ["", "!", "NDI=", "eA"] {
            assert!(decode::<i64>(Some(text)).is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_a_full_page_has_a_next_one() {
        let mut entries = vec![1_i64, 2, 3];
        assert_eq!(page(&mut entries, 2, |&last| last), Some(encode(&2_i64)));
        assert_eq!(entries, [1, 2]);
        assert_eq!(page(&mut entries, 2, |&last| last), None);
    }
}

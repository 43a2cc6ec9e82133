//! Where the next page of a list begins, as a text that clients hand back unread.
//!
//! It is written in hexadecimal digits, of each list so many: the document tells that, and every text of this form is
//! a position.

use std::borrow::Cow;

use arash_core::clock::Timestamp;
use arash_core::id::{AuditId, EventId, SessionId, TurnId};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, ToJSON, Type};
use serde_json::Value;
use uuid::Uuid;

use crate::scalar::scalar;

/// Something that a list can go on after.
pub(crate) trait Position: Sized + Send + Sync {
    /// How many hexadecimal digits it takes.
    const DIGITS: usize;

    fn write(&self) -> String;

    /// The position that so many digits, none of them a capital, stand for.
    fn read(digits: &str) -> Option<Self>;
}

impl Position for i64 {
    const DIGITS: usize = 16;

    fn write(&self) -> String {
        format!("{self:016x}")
    }

    fn read(digits: &str) -> Option<Self> {
        u64::from_str_radix(digits, 16).ok().map(u64::cast_signed)
    }
}

/// The positions of lists that are ordered by a UUID.
macro_rules! by_uuid {
    ($($id:ident),*) => {$(
        impl Position for $id {
            const DIGITS: usize = 32;

            fn write(&self) -> String {
                self.as_uuid().simple().to_string()
            }

            fn read(digits: &str) -> Option<Self> {
                Uuid::try_parse(digits).ok().map(Self::from_uuid)
            }
        }
    )*};
}
by_uuid!(AuditId, EventId, SessionId, TurnId);

impl<I: Position> Position for (Timestamp, I) {
    const DIGITS: usize = i64::DIGITS + I::DIGITS;

    fn write(&self) -> String {
        self.0.as_millis().write() + &self.1.write()
    }

    fn read(digits: &str) -> Option<Self> {
        let (millis, id) = digits.split_at_checked(i64::DIGITS)?;
        Some((Timestamp::from_millis(i64::read(millis)?), I::read(id)?))
    }
}

/// The query parameter `cursor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor<P>(pub(crate) P);

impl<P: Position> Type for Cursor<P> {
    scalar!();

    fn name() -> Cow<'static, str> {
        format!("cursor_{}", P::DIGITS).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let pattern = Some(format!("^[0-9a-f]{{{}}}$", P::DIGITS));
        MetaSchemaRef::Inline(Box::new(MetaSchema { pattern, ..MetaSchema::new("string") }))
    }
}

impl<P: Position> ParseFromParameter for Cursor<P> {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let digits = Some(value).filter(|text| text.len() == P::DIGITS && text.bytes().all(is_digit));
        let position = digits.and_then(P::read);
        position.map(Self).ok_or_else(|| ParseError::custom("is not the next_cursor of a page"))
    }
}

/// As parameters are shown that have a default; this one has none.
impl<P: Position> ToJSON for Cursor<P> {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.write()))
    }
}

/// Cuts `entries`, which were asked for with one more than `limit`, to a page; the cursor leads to the next one.
pub(crate) fn page<T, P: Position>(entries: &mut Vec<T>, limit: u32, position: impl FnOnce(&T) -> P) -> Option<String> {
    let has_more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    entries.last().filter(|_| has_more).map(|last| position(last).write())
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    fn assert_leads_back<P: Position + Copy + PartialEq + Debug>(position: P) {
        let text = position.write();
        assert_eq!(text.len(), P::DIGITS);
        assert_eq!(Cursor::parse_from_parameter(&text).unwrap(), Cursor(position));
    }

    #[test]
    fn a_cursor_leads_back_to_its_position() {
        assert_leads_back((Timestamp::from_millis(1_762_000_000_250), SessionId::new()));
        assert_leads_back(TurnId::new());
        assert_leads_back(AuditId::new());
        for number in [0, 42, -1, i64::MAX, i64::MIN] {
            assert_leads_back(number);
        }
    }

    #[test]
    fn what_no_page_gives_is_refused() {
        for text in ["", "!", "2a", "+00000000000002a", "000000000000002A", "00000000000000002a", "آآآآآآآآ"] {
            assert!(Cursor::<i64>::parse_from_parameter(text).is_err(), "{text:?}");
        }
        let hyphenated = TurnId::new().to_string();
        assert!(Cursor::<TurnId>::parse_from_parameter(&hyphenated).is_err());
    }

    #[test]
    fn only_a_full_page_has_a_next_one() {
        let mut entries = vec![1_i64, 2, 3];
        assert_eq!(page(&mut entries, 2, |&last| last), Some(2_i64.write()));
        assert_eq!(entries, [1, 2]);
        assert_eq!(page(&mut entries, 2, |&last| last), None);
    }
}

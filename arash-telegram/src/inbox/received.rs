use arash_core::id::UpdateId;
use arash_core::inbox::{MAX_JSON_BYTES, NewUpdate};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Numbered {
    update_id: u32,
}

/// The number of an update: one that Telegram may have given it, and that another may follow. With a number below zero
/// Telegram would be told to forget what it has, and with one that is far above all others to send nothing any more.
pub(crate) fn number(raw: &RawValue) -> Option<i64> {
    let number = serde_json::from_str::<Numbered>(raw.get()).ok()?.update_id;
    (number < u32::MAX).then_some(number.into())
}

/// The update, if it can be stored. Telegram would send one that cannot again and again for a day, and what comes after it
/// would wait so long: it is left out, and nobody gets an answer to it.
pub(super) fn storable(raw: &RawValue) -> Option<NewUpdate> {
    let (number, size_bytes) = (number(raw), raw.get().len());
    let Some(id) = number else {
        tracing::warn!(size_bytes, "an update without a number of Telegram's is left out");
        return None;
    };
    if size_bytes > MAX_JSON_BYTES {
        tracing::warn!(update_id = id, size_bytes, "an update is too long to be stored and is left out");
        return None;
    }
    Some(NewUpdate::new(UpdateId(id), raw.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn a_number_is_one_that_telegram_gives() {
        assert_eq!(number(&raw(r#"{"message":{"update_id":1},"update_id":7}"#)), Some(7));
        for last in [2_147_483_646, 2_147_483_647, 4_294_967_294_i64] {
            assert_eq!(number(&raw(&format!(r#"{{"update_id":{last},"a_kind_that_is_new":[]}}"#))), Some(last));
        }
        let nested = format!(r#"{{"update_id":7,"message":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(number(&raw(&nested)), Some(7), "however deep it is");
        for none in ["-5", "4294967295", "5000000000", "9223372036854775808", "1e30", "7.0", "\"7\"", "null", "[7]"] {
            assert_eq!(number(&raw(&format!(r#"{{"update_id":{none}}}"#))), None, "{none}");
        }
        for none in ["7", "null", "\"update_id\"", "[]", "{}", "[8,9]", r#"{"update_id":1,"update_id":2}"#] {
            assert_eq!(number(&raw(none)), None, "{none}");
        }
    }

    #[test]
    fn an_update_that_is_too_long_is_left_out() {
        let of = |bytes: usize| raw(&format!(r#"{{"update_id":7,"m":"{}"}}"#, "x".repeat(bytes - 22)));
        assert!(storable(&of(MAX_JSON_BYTES)).is_some_and(|update| update.payload.len() == MAX_JSON_BYTES));
        assert_eq!(storable(&of(MAX_JSON_BYTES + 1)), None);
    }
}

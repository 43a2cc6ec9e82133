use std::time::Duration;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use teloxide::requests::Payload;
use teloxide::types::AllowedUpdate;

use super::{ApiError, BotApi, MAX_ANSWER_BYTES, read_or_begin};

/// `getUpdates` with an offset of any length, where teloxide's has 32 bits.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct GetUpdates {
    /// The number of the first update that is wanted; all before it are confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<i64>,
    /// Most updates that are wanted, 1 to 100.
    pub(crate) limit: u8,
    /// How long the server waits for one, in seconds.
    pub(crate) timeout: u32,
    pub(crate) allowed_updates: &'static [AllowedUpdate],
}

impl Payload for GetUpdates {
    type Output = IgnoredAny;
    const NAME: &'static str = "GetUpdates";

    fn timeout_hint(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.timeout.into()))
    }
}

/// What the server has for a bot.
#[derive(Debug)]
pub(crate) enum Fetched {
    Updates(Vec<Box<RawValue>>),
    /// More than is read of an answer; and the number of the first update, if it can be told.
    TooLong(Option<i64>),
}

impl BotApi {
    /// Asks for updates.
    pub(crate) async fn updates(&self, ask: &GetUpdates) -> Result<Fetched, ApiError> {
        const METHOD: &str = GetUpdates::NAME;
        let response = self.send(METHOD, self.request(ask)?).await?;
        let status = response.status().as_u16();
        match read_or_begin(response, MAX_ANSWER_BYTES).await {
            Ok(Ok(body)) => self.understand(METHOD, status, &body).map(Fetched::Updates),
            Ok(Err(beginning)) if status == 200 => Ok(Fetched::TooLong(first_number(&beginning))),
            Ok(Err(_)) | Err(()) => Err(ApiError::Unknown { method: METHOD }),
        }
    }
}

/// The number of the first update in the beginning of an answer: Telegram writes it before all that may be long.
fn first_number(beginning: &[u8]) -> Option<i64> {
    const NAME: &[u8] = b"\"update_id\":";
    const NEAR: usize = 200;
    let near = beginning.get(..NEAR).unwrap_or(beginning);
    let at = near.windows(NAME.len()).position(|bytes| bytes == NAME)?;
    let rest = near.get(at + NAME.len()..)?.trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_first_update_is_where_telegram_writes_it() {
        let number = |text: &str| first_number(text.as_bytes());
        assert_eq!(number(r#"{"ok":true,"result":[{"update_id":7,"message":{"text":"xxx"#), Some(7));
        assert_eq!(number(r#"{"ok":true,"result":[{"update_id": 3000000000,"#), Some(3_000_000_000));
        let late = format!(r#"{{"ok":true,"result":[{{"message":"{}","update_id":7"#, "x".repeat(200));
        for none in ["", "{", r#"{"ok":true,"result":[{"update_id":"7""#, r#"[{"update_id":-7"#, &late] {
            assert_eq!(number(none), None, "{none}");
        }
    }
}

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::{Instant, timeout_at};

use crate::clock::{Clock, SystemClock};
use crate::retry_after;
use crate::webhook::Sent;

/// How much of an answer is read: to its end, so that the connection can be used again, or until here.
const MAX_BYTES: usize = 16 * 1024;
/// How much of it is kept.
const MAX_EXCERPT_BYTES: usize = 1_024;
/// How long the rest of an answer may take after its status, which is what counts.
const BODY_TIME: Duration = Duration::from_secs(2);

/// What an endpoint answered, as far as it came before `end`.
pub(super) async fn read(mut response: Response, end: Instant) -> Sent {
    let mut sent = Sent::answered(response.status().as_u16());
    sent.retry_after = sent.error.and_then(|_| asked_wait(response.headers()));
    let mut body = Vec::new();
    let reading = async {
        while body.len() < MAX_BYTES
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.extend_from_slice(chunk.get(..MAX_BYTES - body.len()).unwrap_or(&chunk));
        }
    };
    // A body that stalls or breaks takes nothing from the status.
    drop(timeout_at(end.min(Instant::now() + BODY_TIME), reading).await);
    sent.response_excerpt = excerpt(&body);
    sent
}

fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    retry_after::parse(text(RETRY_AFTER)?, text(DATE), SystemClock.now())
}

/// The beginning of a body as text that can be shown and stored: of what is no text, or would change how the rest is
/// shown, a mark is left.
fn excerpt(body: &[u8]) -> Option<String> {
    let shown = body.get(..MAX_EXCERPT_BYTES).unwrap_or(body);
    let text = String::from_utf8_lossy(shown);
    let is_cut = shown.len() < body.len();
    let text = if is_cut { text.trim_end_matches(char::REPLACEMENT_CHARACTER) } else { &text };
    let safe = |letter: char| match letter {
        '\n' | '\t' => letter,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        letter if letter.is_control() => char::REPLACEMENT_CHARACTER,
        letter => letter,
    };
    let text: String = text.replace("\r\n", "\n").chars().map(safe).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_safe() {
        let shown = |body: &[u8]| excerpt(body).unwrap_or_default();
        assert_eq!(excerpt(b""), None);
        assert_eq!(shown("درست\r\n\tgood".as_bytes()), "درست\n\tgood");
        assert_eq!(shown(b"a\0b\x1b[31mc\x7f\xff\r"), "a\u{fffd}b\u{fffd}[31mc\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(shown("\u{202e}evil\u{2028}".as_bytes()), "\u{fffd}evil\u{fffd}");
        assert_eq!(shown(&[b'x'; 2_000]).len(), 1_024);
        let cut = format!("x{}", "ش".repeat(1_000));
        assert_eq!(shown(cut.as_bytes()).chars().count(), 1 + 511, "no half letter at the end");
    }
}

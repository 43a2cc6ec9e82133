//! `Retry-After` as services write it (RFC 9110).

use std::time::Duration;

use chrono::DateTime;

use crate::clock::Timestamp;

/// Longest wait that a service may ask for.
const MAX: Duration = Duration::from_hours(24);

/// The wait that the header `retry_after` asks for, in seconds or as a date, which counts from the service's own time
/// where the header `date` tells that, else from `now`; a day at most.
pub(crate) fn parse(retry_after: &str, date: Option<&str>, now: Timestamp) -> Option<Duration> {
    let text = retry_after.trim();
    let moment = |text: &str| DateTime::parse_from_rfc2822(text).ok().map(|date| date.timestamp_millis());
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let delay = if is_number {
        // More than can be counted is long, not nothing.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let now = date.and_then(moment).unwrap_or(now.as_millis());
        Duration::from_millis(u64::try_from(moment(text)?.saturating_sub(now)).unwrap_or(0))
    };
    Some(delay.min(MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delay(retry_after: &str, date: Option<&str>) -> Option<u64> {
        // 2026-10-21, 07:28:00.
        parse(retry_after, date, Timestamp::from_millis(1_792_567_680_000)).map(|delay| delay.as_secs())
    }

    #[test]
    fn a_wait_is_told_in_seconds_or_as_a_date() {
        let now = Some("Wed, 21 Oct 2026 07:28:20 GMT");
        assert_eq!(delay("7", now), Some(7));
        assert_eq!(delay(" 7 ", None), Some(7));
        assert_eq!(delay("Wed, 21 Oct 2026 07:28:40 GMT", now), Some(20));
        assert_eq!(delay("Wed, 21 Oct 2026 07:28:40 GMT", None), Some(40), "by the clock of this machine");
        assert_eq!(delay("Wed, 21 Oct 2026 07:28:40 GMT", Some("canary")), Some(40));
        assert_eq!(delay("Wed, 21 Oct 2026 07:27:00 GMT", now), Some(0), "it is over");
        assert_eq!(delay("Wed, 21 Oct 2099 07:28:00 GMT", now), Some(86_400));
        assert_eq!(delay("18446744073709551616", now), Some(86_400), "more than can be counted");
        for text in ["", "soon", "-1", "1.5", "Wed, 99 Oct 2026 07:28:00 GMT"] {
            assert_eq!(delay(text, now), None, "{text}");
        }
    }
}

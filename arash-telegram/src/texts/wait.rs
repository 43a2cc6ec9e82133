use std::time::Duration;

use super::language::Language;
use super::sentence::Sentence;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long to wait, such as `30 seconds` or `2 minutes`: in one unit, rounded up, so that nobody comes too early.
pub(super) fn waiting_time(time: Duration, language: Language) -> String {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    let (unit, length) = match seconds {
        0..=90 => ("seconds", 1),
        91..=5_400 => ("minutes", MINUTE),
        5_401..=172_800 => ("hours", HOUR),
        _ => ("days", DAY),
    };
    counted(unit, seconds.div_ceil(length).max(1), language)
}

/// How long something lasts already, such as `3 days 4 hours`: in its two largest units, rounded down.
pub(super) fn elapsed_time(time: Duration, language: Language) -> String {
    let seconds = time.as_secs();
    let ((unit, length), (smaller_unit, smaller_length)) = match seconds {
        DAY.. => (("days", DAY), ("hours", HOUR)),
        HOUR.. => (("hours", HOUR), ("minutes", MINUTE)),
        MINUTE.. => (("minutes", MINUTE), ("seconds", 1)),
        _ => return counted("seconds", seconds, language),
    };
    let larger = counted(unit, seconds / length, language);
    match seconds % length / smaller_length {
        0 => larger,
        rest => {
            let smaller = counted(smaller_unit, rest, language);
            Sentence::new("two-times", language).part("larger", larger).part("smaller", smaller).finish()
        }
    }
}

fn counted(unit: &'static str, count: u64, language: Language) -> String {
    Sentence::new(unit, language).number("count", count).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up() {
        for (milliseconds, expected) in [
            (0, "1 second"),
            (1, "1 second"),
            (1_001, "2 seconds"),
            (90_000, "90 seconds"),
            (90_001, "2 minutes"),
            (180_000, "3 minutes"),
            (5_400_001, "2 hours"),
            (172_800_000, "48 hours"),
            (172_800_001, "3 days"),
        ] {
            assert_eq!(waiting_time(Duration::from_millis(milliseconds), Language::English), expected);
        }
        assert_eq!(waiting_time(Duration::MAX, Language::English), "213,503,982,334,602 days");
    }

    #[test]
    fn what_lasts_is_told_in_its_two_largest_units() {
        for (seconds, expected) in [
            (0, "0 seconds"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (61, "1 minute 1 second"),
            (3_600, "1 hour"),
            (3_659, "1 hour"),
            (7_260, "2 hours 1 minute"),
            (86_400, "1 day"),
            (273_600, "3 days 4 hours"),
        ] {
            assert_eq!(elapsed_time(Duration::from_secs(seconds), Language::English), expected);
        }
    }

    #[test]
    fn russian_and_persian_count_as_they_do() {
        let russian = |seconds| waiting_time(Duration::from_secs(seconds), Language::Russian);
        assert_eq!(
            [1, 2, 5, 11, 21, 22, 25].map(russian),
            ["1 секунду", "2 секунды", "5 секунд", "11 секунд", "21 секунду", "22 секунды", "25 секунд",]
        );
        assert_eq!(elapsed_time(Duration::from_secs(273_600), Language::Russian), "3 дня 4 часа");
        assert_eq!(elapsed_time(Duration::from_secs(273_600), Language::Persian), "۳ روز و ۴ ساعت");
    }
}

//! When an event is tried again, and when an endpoint is given up.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::webhook::{NextStep, SendError, Sent};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Seconds from one attempt to the next: ten attempts within 75 hours and 35 minutes, as Standard Webhooks advise.
const DELAYS: [u64; 9] = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
/// By how much of itself a delay may be longer, so that those who failed together do not come back together. Never shorter.
const JITTER: f64 = 0.2;
/// After this time without a success an endpoint is switched off.
const FAILING_LIMIT: Duration = Duration::from_hours(5 * 24);
/// `410 Gone`: the endpoint asks for no more events.
const GONE: u16 = 410;

/// What follows from an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What becomes of the event.
    pub(super) next: NextStep,
    /// Why the endpoint is switched off, if it is. Its events are held then, this one too.
    pub(super) disable: Option<String>,
}

/// What follows from `sent`, which was attempt number `attempt` (from 1) and ended at `now`, at an endpoint that has been
/// failing since then, if it has. `chance` is from 0 to 1.
pub(super) fn verdict(
    attempt: u32,
    sent: &Sent,
    failing_since: Option<Timestamp>,
    now: Timestamp,
    chance: f64,
) -> Verdict {
    let Some(error) = sent.error else { return Verdict { next: NextStep::Delivered, disable: None } };
    let is_over = failing_since.is_some_and(|since| now.since(since) >= FAILING_LIMIT);
    let disable = match error {
        SendError::Status(GONE) => Some("the endpoint answered 410 Gone".to_owned()),
        // That is our fault and not the endpoint's.
        SendError::Internal => None,
        _ => is_over.then(|| "no delivery succeeded for 5 days".to_owned()),
    };
    let delay = delay_after(attempt, chance).map(|delay| delay.max(asked(sent, chance)));
    Verdict { next: delay.map_or(NextStep::Dead, |delay| NextStep::RetryAt(now.plus(delay))), disable }
}

/// How long the endpoint asked for, and a bit more for the same reason as everywhere.
fn asked(sent: &Sent, chance: f64) -> Duration {
    longer(sent.retry_after.unwrap_or_default(), chance)
}

/// How long to wait after attempt number `attempt` failed; `None` after the last one.
fn delay_after(attempt: u32, chance: f64) -> Option<Duration> {
    let index = usize::try_from(attempt.saturating_sub(1)).ok()?;
    DELAYS.get(index).map(|&seconds| longer(Duration::from_secs(seconds), chance))
}

fn longer(delay: Duration, chance: f64) -> Duration {
    delay.mul_f64(1.0 + JITTER * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_761_998_400_000);
    const DAY: Duration = Duration::from_hours(24);

    fn failed() -> Sent {
        Sent::answered(500)
    }

    fn next(attempt: u32, sent: &Sent, chance: f64) -> NextStep {
        verdict(attempt, sent, None, NOW, chance).next
    }

    fn wait(attempt: u32, sent: &Sent, chance: f64) -> Option<Duration> {
        match next(attempt, sent, chance) {
            NextStep::RetryAt(at) => Some(at.since(NOW)),
            _ => None,
        }
    }

    #[test]
    fn the_first_retry_comes_after_about_five_seconds_and_the_last_after_three_days() {
        assert_eq!(wait(1, &failed(), 0.0), Some(Duration::from_secs(5)));
        assert_eq!(wait(1, &failed(), 1.0), Some(Duration::from_secs(6)));
        assert_eq!(wait(9, &failed(), 0.5), Some(Duration::from_hours(24).mul_f64(1.1)));
        for last in [10, 11, u32::MAX] {
            assert_eq!(next(last, &failed(), 0.5), NextStep::Dead);
        }
    }

    #[test]
    fn what_was_taken_is_delivered_whatever_came_before() {
        for (attempt, status) in [(1, 200), (10, 204), (u32::MAX, 299)] {
            let verdict = verdict(attempt, &Sent::answered(status), Some(NOW.minus(DAY * 30)), NOW, 0.5);
            assert_eq!(verdict, Verdict { next: NextStep::Delivered, disable: None });
        }
    }

    #[test]
    fn an_endpoint_that_is_gone_or_fails_for_five_days_is_switched_off_and_its_event_held() {
        let of = |sent: &Sent, since: Option<Timestamp>| verdict(2, sent, since, NOW, 0.0);
        let gone = of(&Sent::answered(410), None);
        assert_eq!(gone.disable.as_deref(), Some("the endpoint answered 410 Gone"));
        assert_eq!(gone.next, NextStep::RetryAt(NOW.plus(Duration::from_secs(300))));
        assert_eq!(of(&failed(), None).disable, None);
        assert_eq!(of(&failed(), Some(NOW.minus(DAY * 5).plus(Duration::from_millis(1)))).disable, None);
        let over = of(&failed(), Some(NOW.minus(DAY * 5)));
        assert_eq!(over.disable.as_deref(), Some("no delivery succeeded for 5 days"));
        assert_eq!(of(&Sent::failed(SendError::Internal), Some(NOW.minus(DAY * 30))).disable, None, "our own fault");
    }

    #[test]
    fn a_wait_that_the_endpoint_asks_for_is_kept() {
        let asking = |seconds| Sent { retry_after: Some(Duration::from_secs(seconds)), ..Sent::answered(503) };
        assert_eq!(wait(1, &asking(100), 0.0), Some(Duration::from_secs(100)));
        assert_eq!(wait(1, &asking(100), 1.0), Some(Duration::from_secs(120)));
        assert_eq!(wait(1, &asking(1), 0.0), Some(Duration::from_secs(5)), "not earlier than it would be");
        assert_eq!(wait(10, &asking(100), 0.0), None, "the last attempt is the last");
    }

    proptest! {
        #[test]
        fn all_attempts_span_three_days_and_each_wait_is_longer_by_a_fifth_at_most(
            chances in prop::array::uniform9(0.0_f64..=1.0),
        ) {
            let mut whole = Duration::ZERO;
            for (attempt, (chance, seconds)) in (1..).zip(chances.into_iter().zip(DELAYS)) {
                let wait = wait(attempt, &failed(), chance).unwrap();
                let plain = Duration::from_secs(seconds);
                prop_assert!(wait >= plain && wait <= plain.mul_f64(1.0 + JITTER), "{attempt}: {wait:?}");
                whole += wait;
            }
            prop_assert!(whole >= Duration::from_hours(72) && whole < DAY * 4, "{whole:?}");
        }

        #[test]
        fn nobody_is_asked_before_the_time_that_he_asked_for(
            attempt in 1_u32..10, status in 300_u16..600, seconds in 0_u64..86_400, chance in 0.0_f64..=1.0,
        ) {
            let sent = Sent { retry_after: Some(Duration::from_secs(seconds)), ..Sent::answered(status) };
            let wait = wait(attempt, &sent, chance).unwrap();
            prop_assert!(wait >= Duration::from_secs(seconds) && wait <= DAY.mul_f64(1.0 + JITTER));
            prop_assert_eq!(verdict(attempt, &sent, None, NOW, chance).disable.is_some(), status == 410);
        }
    }
}

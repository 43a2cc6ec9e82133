use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;

/// Shortest time from one claim to the next: each is a transaction.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest time from one claim to the next while storage is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// When it is claimed next.
pub(super) struct Claims {
    /// The time between claims that find nothing.
    interval: Duration,
    last: Instant,
    next: Instant,
    /// Whether there is something new since the last claim began.
    is_wanted: bool,
    /// How often it failed since it last went well.
    failures: u32,
}

impl Claims {
    pub(super) fn new(interval: Duration) -> Self {
        let now = Instant::now();
        Self { interval, last: now, next: now, is_wanted: false, failures: 0 }
    }

    /// When it may be claimed again.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    pub(super) fn begin(&mut self) {
        self.last = Instant::now();
        self.is_wanted = false;
    }

    /// A claim gave so many events, or failed.
    pub(super) fn end(&mut self, outcome: Result<usize, &Error>) {
        match outcome {
            Ok(count) => {
                if self.failures > 0 {
                    tracing::info!("webhook events can be claimed again");
                }
                self.failures = 0;
                // While there are some, there may be more.
                let pause = if count > 0 || self.is_wanted { PAUSE.min(self.interval) } else { self.interval };
                self.next = self.last + pause;
            }
            Err(error) => {
                if self.failures == 0 {
                    tracing::error!(error = ?error, "webhook events cannot be claimed; it is tried again");
                }
                let pause = self.interval.saturating_mul(2_u32.saturating_pow(self.failures));
                self.next = Instant::now() + pause.clamp(PAUSE, LONGEST_PAUSE);
                self.failures = self.failures.saturating_add(1);
            }
        }
    }

    /// There may be something to claim: soon, but not while storage is away.
    pub(super) fn hurry(&mut self) {
        self.is_wanted = true;
        if self.failures == 0 {
            self.next = self.next.min(self.last + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(1);

    fn pause(claims: &Claims) -> Duration {
        claims.next() - Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_claimed_again_soon_while_there_is_something() {
        let mut claims = Claims::new(INTERVAL);
        claims.begin();
        claims.end(Ok(0));
        assert_eq!(pause(&claims), INTERVAL);
        claims.hurry();
        assert_eq!(pause(&claims), PAUSE);
        claims.begin();
        claims.end(Ok(1));
        assert_eq!(pause(&claims), PAUSE);
        claims.begin();
        claims.hurry();
        claims.end(Ok(0));
        assert_eq!(pause(&claims), PAUSE, "what came meanwhile may not have been seen");
        tokio::time::advance(INTERVAL).await;
        claims.hurry();
        assert!(claims.next() <= Instant::now(), "the first after a while is claimed at once");
    }

    #[tokio::test(start_paused = true)]
    async fn storage_that_is_away_is_asked_less_and_less() {
        let mut claims = Claims::new(INTERVAL);
        let away = Error::unavailable("away");
        let mut pauses = Vec::new();
        for _ in 0..40 {
            claims.begin();
            claims.end(Err(&away));
            claims.hurry();
            pauses.push(pause(&claims).as_secs());
        }
        assert_eq!(pauses[..5], [1, 2, 4, 5, 5]);
        assert_eq!(pauses[39], 5);
        claims.begin();
        claims.end(Ok(0));
        assert_eq!(pause(&claims), INTERVAL);
    }
}

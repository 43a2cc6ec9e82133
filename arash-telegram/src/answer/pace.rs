use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::incoming::Lane;

const PRIVATE: Duration = Duration::from_millis(1_200);
const GROUP: Duration = Duration::from_secs(3);
/// An answer that Telegram refuses to show more often is shown at this pace.
const SLOWEST: Duration = Duration::from_secs(30);

/// How often an answer that is being written is shown: ever slower where Telegram objects.
pub(super) struct PreviewPace {
    interval: Duration,
    next: Instant,
}

impl PreviewPace {
    pub(super) fn new(place: Lane) -> Self {
        let interval = if place.is_group() { GROUP } else { PRIVATE };
        // The first words come soon.
        Self { interval, next: Instant::now() + interval / 4 }
    }

    /// Waits for the next step. Safe to cancel.
    pub(super) async fn next(&mut self) {
        sleep_until(self.next).await;
        self.next = Instant::now() + self.interval;
    }

    /// There was no room for a step: it is tried again before the next one is due.
    pub(super) fn skipped(&mut self) {
        self.next = Instant::now() + self.interval / 4;
    }

    pub(super) fn slow_down(&mut self) {
        self.interval = (self.interval * 2).min(SLOWEST);
        self.next = Instant::now() + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_step_for_which_there_was_no_room_comes_soon() {
        let mut pace = PreviewPace::new(Lane::of_chat(-1));
        pace.next().await;
        pace.next().await;
        let dropped = Instant::now();
        pace.skipped();
        pace.next().await;
        assert_eq!(dropped.elapsed(), GROUP / 4);
    }

    #[tokio::test(start_paused = true)]
    async fn where_telegram_objects_the_pace_is_halved_each_time() {
        let (begun, place) = (Instant::now(), Lane::of_chat(1));
        let mut pace = PreviewPace::new(place);
        let mut millis = Vec::new();
        for _ in 0..3 {
            pace.next().await;
            millis.push(begun.elapsed().as_millis());
        }
        assert_eq!(millis, [300, 1_500, 2_700]);
        for _ in 0..10 {
            pace.slow_down();
        }
        pace.next().await;
        assert_eq!(begun.elapsed().as_millis(), 32_700);
    }
}

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

const RUNNING: u8 = 0;
const STOPPED: u8 = 1;
const ENDED: u8 = 2;

/// Settles what comes first of an answer: its own end, or somebody who stops it. Whoever was told that it is stopped can
/// rely on that.
#[derive(Debug, Default)]
pub(super) struct StopSwitch {
    state: AtomicU8,
    stopped: Notify,
}

impl StopSwitch {
    /// Stops the answer; `false` if it has ended or was stopped before.
    pub(super) fn stop(&self) -> bool {
        let is_first = self.leave_running_for(STOPPED);
        if is_first {
            self.stopped.notify_one();
        }
        is_first
    }

    /// Waits until the answer is stopped.
    pub(super) async fn stopped(&self) {
        self.stopped.notified().await;
    }

    /// The answer is made, so far as it goes: it cannot be stopped any more. `false` if it was stopped before.
    pub(super) fn end(&self) -> bool {
        self.leave_running_for(ENDED)
    }

    fn leave_running_for(&self, state: u8) -> bool {
        self.state.compare_exchange(RUNNING, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_comes_first_settles_it() {
        let switch = StopSwitch::default();
        assert!(switch.stop() && !switch.stop() && !switch.end());
        switch.stopped().await;
        let switch = StopSwitch::default();
        assert!(switch.end() && !switch.end() && !switch.stop());
        assert!(futures_util::poll!(Box::pin(switch.stopped())).is_pending());
    }
}

use futures_util::future::join_all;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::turn::processor::MessageProcessor;
use crate::turn::{CommitOutcome, StartedTurn, TurnCommit, TurnState};
use crate::usage::UsageRecord;

/// How many lost turns are ended at once.
const BATCH: u32 = 100;

impl MessageProcessor {
    /// Forgets answers that ended some time ago and renews the turns that have begun here, then ends those that nobody
    /// renews: they are recorded as interrupted. To be called some times within a lease.
    pub(crate) async fn upkeep(&self) -> Result<()> {
        self.answers.forget_old();
        let parts = &self.parts;
        let running = parts.running.renewed(parts.clock.now());
        if !running.is_empty() {
            parts.turns.renew_turns(&running).await?;
        }
        while self.end_lost().await? == BATCH as usize {}
        Ok(())
    }

    /// Ends some lost turns; returns how many this node has ended.
    async fn end_lost(&self) -> Result<usize> {
        let parts = &self.parts;
        let now = parts.clock.now();
        let mut lost = parts.turns.lost_turns(now, BATCH).await?;
        // What runs here is not lost, even if it could not be renewed in time.
        lost.retain(|turn| !parts.running.has(turn.turn_id));
        let ends = lost.into_iter().map(|turn| {
            tracing::warn!(turn_id = %turn.turn_id, "a turn was begun and never ended; recording it as interrupted");
            parts.recorder.record(interrupted(turn, now))
        });
        let mut ended = 0;
        for outcome in join_all(ends).await {
            // Another node may have found it too.
            ended += usize::from(outcome? == CommitOutcome::Committed);
        }
        Ok(ended)
    }
}

/// The end of a turn that nobody ended. It counts from now on, so that the sums of hours that are over stay as they were.
fn interrupted(turn: StartedTurn, now: Timestamp) -> TurnCommit {
    TurnCommit {
        turn_id: turn.turn_id,
        state: TurnState::Interrupted,
        is_begun: true,
        idempotency: turn.idempotency,
        receipt: None,
        session: None,
        usage: UsageRecord { created_at: now, ..turn.usage },
        quota: Vec::new(),
        events: turn.events,
        touched_key: None,
    }
}

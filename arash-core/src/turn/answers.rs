use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Result};
use crate::id::TurnId;
use crate::turn::Reply;
use crate::turn::answer::Answer;

/// For how long a streamed answer can still be read after its end.
const KEPT_FOR: Duration = Duration::from_mins(5);
/// Most answers that are kept after their end.
const MAX_ENDED: usize = 10_000;
/// Most memory for them, in bytes.
const MAX_ENDED_BYTES: usize = 64 << 20;
/// What an answer takes beside its events, in bytes.
const ENTRY_BYTES: usize = 512;

/// The answers that are being made here, and the streamed ones that ended lately, by turn. Cheap to clone.
///
/// Running ones are bounded by the places of the recorder. A whole answer is gone with its end: whoever asked has it.
#[derive(Clone)]
pub(super) struct Answers {
    kept: Arc<Mutex<Kept>>,
    clock: Arc<dyn Clock>,
}

struct Kept {
    by_turn: HashMap<TurnId, Arc<Answer>>,
    /// Oldest first.
    ended: VecDeque<Ended>,
    ended_bytes: usize,
    max_ended: usize,
    max_ended_bytes: usize,
}

struct Ended {
    turn_id: TurnId,
    until: Timestamp,
    bytes: usize,
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("count", &self.lock().by_turn.len()).finish_non_exhaustive()
    }
}

impl Answers {
    /// No answers yet.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_limits(clock, MAX_ENDED, MAX_ENDED_BYTES)
    }

    fn with_limits(clock: Arc<dyn Clock>, max_ended: usize, max_ended_bytes: usize) -> Self {
        let kept = Kept { by_turn: HashMap::new(), ended: VecDeque::new(), ended_bytes: 0, max_ended, max_ended_bytes };
        Self { kept: Arc::new(Mutex::new(kept)), clock }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an answer that is made from here on.
    pub(super) fn begin(&self, answer: Answer) -> RunningAnswer {
        let answer = Arc::new(answer);
        self.lock().by_turn.insert(answer.turn_id, Arc::clone(&answer));
        RunningAnswer { answers: self.clone(), answer }
    }

    /// The answer of a turn.
    pub(super) fn find(&self, turn_id: TurnId) -> Option<Arc<Answer>> {
        let now = self.clock.now();
        let mut kept = self.lock();
        kept.forget_old(now);
        kept.by_turn.get(&turn_id).map(Arc::clone)
    }

    fn end(&self, answer: &Answer) {
        let (now, bytes) = (self.clock.now(), answer.buffer.bytes() + ENTRY_BYTES);
        let mut kept = self.lock();
        if answer.is_kept {
            kept.ended.push_back(Ended { turn_id: answer.turn_id, until: now.plus(KEPT_FOR), bytes });
            kept.ended_bytes += bytes;
        } else {
            kept.by_turn.remove(&answer.turn_id);
        }
        kept.forget_old(now);
    }

    /// Forgets the ended answers of a session: what was said in it is gone.
    pub(super) fn forget_session(&self, session_id: &str) {
        let mut kept = self.lock();
        let Kept { by_turn, .. } = &mut *kept;
        by_turn.retain(|_, answer| answer.session_id.as_deref() != Some(session_id) || !answer.buffer.has_ended());
    }

    /// Forgets what is over. To be called now and then, for the time when nobody asks for anything.
    pub(super) fn forget_old(&self) {
        let now = self.clock.now();
        self.lock().forget_old(now);
    }
}

impl Kept {
    fn forget_old(&mut self, now: Timestamp) {
        while let Some(oldest) = self.ended.front() {
            let is_full = self.ended.len() > self.max_ended || self.ended_bytes > self.max_ended_bytes;
            if !is_full && now < oldest.until {
                return;
            }
            self.ended_bytes -= oldest.bytes;
            self.by_turn.remove(&oldest.turn_id);
            self.ended.pop_front();
        }
    }
}

/// An answer that is being made. It ends when this is dropped, so that no reader waits for ever.
pub(super) struct RunningAnswer {
    answers: Answers,
    pub(super) answer: Arc<Answer>,
}

impl RunningAnswer {
    /// Ends it.
    pub(super) fn finish(self, result: Result<Reply>) {
        self.answer.finish(result);
    }
}

impl Drop for RunningAnswer {
    fn drop(&mut self) {
        if !self.answer.buffer.has_ended() {
            self.answer.finish(Err(Error::internal("the turn ended without a result")));
        }
        self.answers.end(&self.answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::testing::ManualClock;
    use crate::turn::buffer::Told;

    fn answers(max_ended: usize, max_ended_bytes: usize) -> (Answers, ManualClock) {
        let clock = ManualClock::new(Timestamp::from_millis(1_000));
        (Answers::with_limits(Arc::new(clock.clone()), max_ended, max_ended_bytes), clock)
    }

    /// A streamed answer that said `text` and ended.
    fn ended(answers: &Answers, text: &str) -> TurnId {
        let running = answers.begin(Answer::to_test(true));
        running.answer.buffer.push(Told::Text(text.into()));
        running.answer.turn_id
    }

    #[test]
    fn a_streamed_answer_is_kept_for_five_minutes_after_its_end() {
        let (answers, clock) = answers(10, 1 << 20);
        let running = answers.begin(Answer::to_test(true));
        let other = ended(&answers, "hello");
        clock.advance(Duration::from_millis(299_999));
        assert!(answers.find(other).is_some());
        clock.advance(Duration::from_millis(1));
        assert!(answers.find(other).is_none());
        assert!(answers.find(running.answer.turn_id).is_some(), "it runs");
        let kept = answers.lock();
        assert_eq!((kept.by_turn.len(), kept.ended.len(), kept.ended_bytes), (1, 0, 0));
    }

    #[test]
    fn a_whole_answer_is_found_until_its_end() {
        let (answers, _) = answers(10, 1 << 20);
        let running = answers.begin(Answer::to_test(false));
        let turn_id = running.answer.turn_id;
        assert!(answers.find(turn_id).is_some());
        drop(running);
        assert!(answers.find(turn_id).is_none());
    }

    #[test]
    fn the_oldest_of_too_many_go_and_what_runs_stays() {
        let (answers, _) = answers(3, 1 << 20);
        let running: Vec<_> = (0..10).map(|_| answers.begin(Answer::to_test(true))).collect();
        let turns: Vec<_> = (0..5).map(|_| ended(&answers, "hello")).collect();
        let found: Vec<_> = turns.iter().map(|&turn| answers.find(turn).is_some()).collect();
        assert_eq!(found, [false, false, true, true, true]);
        assert!(running.iter().all(|running| answers.find(running.answer.turn_id).is_some()));
    }

    #[test]
    fn the_oldest_of_too_long_ones_go() {
        let (answers, _) = answers(100, 10_000);
        let turns: Vec<_> = (0..4).map(|_| ended(&answers, &"x".repeat(4_000))).collect();
        let found: Vec<_> = turns.iter().map(|&turn| answers.find(turn).is_some()).collect();
        assert_eq!(found, [false, false, true, true]);
        assert!(answers.lock().ended_bytes <= 10_000);
        let longest = ended(&answers, &"x".repeat(20_000));
        assert!(answers.find(longest).is_none(), "one that is longer than all may be is not kept");
        let kept = answers.lock();
        assert_eq!((kept.by_turn.len(), kept.ended_bytes), (0, 0));
    }

    #[tokio::test]
    async fn an_answer_whose_turn_goes_away_ends_and_cannot_be_stopped() {
        let (answers, _) = answers(10, 1 << 20);
        let answer = answers.find(ended(&answers, "half")).unwrap();
        assert_eq!(answer.buffer.result().await.unwrap_err().kind(), ErrorKind::Internal);
        assert!(!answer.switch.stop());
    }
}

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout, timeout_at};

use crate::ai::{AiError, AiErrorKind, ChatStream};

/// How long an answer may take. Time in which nobody asks for the next piece counts only towards `total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// From the question to the first piece of the answer.
    pub first_delta: Duration,
    /// From one piece to the next.
    pub between_deltas: Duration,
    /// From the question to the end.
    pub total: Duration,
}

impl TimeLimits {
    /// No limit but this one for all of it.
    pub const fn within(total: Duration) -> Self {
        Self { first_delta: total, between_deltas: total, total }
    }

    /// Holds a whole answer to the limit.
    pub(crate) async fn hold_whole<T>(self, answering: impl Future<Output = Result<T, AiError>>) -> Result<T, AiError> {
        timeout(self.total, answering).await.unwrap_or_else(|_| Err(timed_out("the answer")))
    }

    /// Holds an answer, from the question that `opening` asks, to the limits.
    pub(crate) async fn hold(
        self,
        opening: impl Future<Output = Result<ChatStream, AiError>>,
    ) -> Result<ChatStream, AiError> {
        let end = after(self.total);
        let first = end.min(after(self.first_delta));
        let deltas = timeout_at(first, opening).await.unwrap_or_else(|_| Err(timed_out("the first piece")))?;
        let answer = Answer { deltas, end, first: Some(first), between: self.between_deltas };
        Ok(Box::pin(stream::unfold(Some(answer), Answer::next)))
    }
}

/// An answer that is held to its limits.
struct Answer {
    deltas: ChatStream,
    end: Instant,
    /// Until when the first piece has to be there, as long as it is not.
    first: Option<Instant>,
    between: Duration,
}

impl Answer {
    /// The next piece, and what there is of the answer after it.
    async fn next(answer: Option<Self>) -> Option<(Result<crate::ai::ChatDelta, AiError>, Option<Self>)> {
        let mut answer = answer?;
        let limit = answer.first.take().unwrap_or_else(|| after(answer.between));
        match timeout_at(limit.min(answer.end), answer.deltas.next()).await {
            Ok(Some(Ok(delta))) => Some((Ok(delta), Some(answer))),
            Ok(Some(Err(failure))) => Some((Err(failure), None)),
            Ok(None) => None,
            Err(_) => Some((Err(timed_out("a further piece")), None)),
        }
    }
}

/// The moment after this time, or one that nobody lives to see.
pub(super) fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or_else(|| now + Duration::from_hours(24 * 365 * 30))
}

fn timed_out(what: &str) -> AiError {
    AiError::new(AiErrorKind::Timeout).with_source(format!("{what} did not come in time"))
}

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};

use crate::ai::{AiError, AiErrorKind, AiProvider, ChatDelta, ChatReply, ChatRequest, ChatStream};
use crate::clock::{Clock, Timestamp};

/// After so many failures in a row it opens.
const FAILURES: u32 = 5;
/// How long it is open the first time; twice as long each time that a probe fails.
const OPEN: Duration = Duration::from_secs(5);
/// Longest time that it is open at a stretch.
const LONGEST_OPEN: Duration = Duration::from_mins(1);
/// When to try again while a probe is under way.
const PROBING: Duration = Duration::from_secs(1);

/// Does not ask an upstream that keeps failing, so that callers are told at once and it can recover.
///
/// After five failures in a row it is open: questions fail with the kind [`Unavailable`](AiErrorKind::Unavailable) and the
/// time after which to try again. Then one question is let through; if it is answered, all are again, and if it fails,
/// the breaker is open for twice as long, a minute at most.
///
/// It is a failure of the upstream that it cannot be reached, is too slow, breaks off, or answers 5xx or something
/// unusable; an answer that refuses the one question is not. Dropped answers do not count, and neither does a client's
/// [own request](ChatRequest::wire) that the upstream fails at or answers with something unusable: a client can write
/// requests that do that, and would take the upstream from everybody else.
pub struct CircuitBreaker<P> {
    provider: P,
    circuit: Arc<Circuit>,
}

impl<P> CircuitBreaker<P> {
    /// Guards `provider`, which is one upstream, by the time of `clock`.
    pub fn new(provider: P, clock: Arc<dyn Clock>) -> Self {
        Self { provider, circuit: Arc::new(Circuit { clock, state: Mutex::default() }) }
    }
}

impl<P: fmt::Debug> fmt::Debug for CircuitBreaker<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("provider", &self.provider).field("state", &self.circuit.lock()).finish()
    }
}

#[async_trait]
impl<P: AiProvider> AiProvider for CircuitBreaker<P> {
    fn name(&self) -> &str {
        self.provider.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        let mut attempt = Attempt::begin(&self.circuit, &request)?;
        let deltas = match self.provider.stream(request).await {
            Ok(deltas) => deltas,
            Err(failure) => return Err(attempt.failed(self.name(), failure)),
        };
        let name: Arc<str> = self.name().into();
        Ok(Box::pin(stream::unfold((deltas, attempt), move |(mut deltas, mut attempt)| {
            let name = Arc::clone(&name);
            async move {
                let Some(delta) = deltas.next().await else {
                    attempt.answered();
                    return None;
                };
                Some((attempt.note(&name, delta), (deltas, attempt)))
            }
        })))
    }

    async fn complete(&self, request: ChatRequest) -> Result<ChatReply, AiError> {
        let mut attempt = Attempt::begin(&self.circuit, &request)?;
        match self.provider.complete(request).await {
            Ok(reply) => {
                attempt.answered();
                Ok(reply)
            }
            Err(failure) => Err(attempt.failed(self.name(), failure)),
        }
    }
}

struct Circuit {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts openings and closings: what began before one says nothing about after it.
    generation: u64,
    /// In a row.
    failures: u32,
    opening: Option<Opening>,
}

#[derive(Debug)]
struct Opening {
    since: Timestamp,
    length: Duration,
    is_probed: bool,
}

impl Circuit {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question under way. What it comes to is told once.
struct Attempt {
    circuit: Arc<Circuit>,
    generation: u64,
    is_probe: bool,
    /// Whether the client wrote the question.
    is_on_wire: bool,
    is_told: bool,
}

impl Attempt {
    fn begin(circuit: &Arc<Circuit>, request: &ChatRequest) -> Result<Self, AiError> {
        let mut state = circuit.lock();
        let is_probe = match &mut state.opening {
            None => false,
            Some(opening) => {
                let now = circuit.clock.now();
                // A clock that was set back must not keep it open for longer.
                let passed = if now < opening.since { opening.length } else { now.since(opening.since) };
                let left = opening.length.saturating_sub(passed);
                if !left.is_zero() || opening.is_probed {
                    let delay = if left.is_zero() { PROBING } else { left };
                    let failure = AiError::new(AiErrorKind::Unavailable).with_retry_after(delay);
                    return Err(failure.with_source("the circuit breaker is open"));
                }
                opening.is_probed = true;
                true
            }
        };
        let generation = state.generation;
        drop(state);
        let is_on_wire = request.wire.is_some();
        Ok(Self { circuit: Arc::clone(circuit), generation, is_probe, is_on_wire, is_told: false })
    }

    /// Notes a piece. A probe has its answer with the first one; any other answer may still break off.
    fn note(&mut self, name: &str, delta: Result<ChatDelta, AiError>) -> Result<ChatDelta, AiError> {
        match delta {
            Ok(delta) => {
                if self.is_probe {
                    self.answered();
                }
                Ok(delta)
            }
            Err(failure) => Err(self.failed(name, failure)),
        }
    }

    fn answered(&mut self) {
        self.tell(|state, is_probe| {
            state.failures = 0;
            if is_probe {
                (state.generation, state.opening) = (state.generation + 1, None);
            }
        });
    }

    fn failed(&mut self, name: &str, failure: AiError) -> AiError {
        if !is_of_upstream(failure.kind()) {
            self.answered();
            return failure;
        }
        // It says nothing for the upstream either: that it answers must not be told from it.
        if self.is_on_wire && matches!(failure.kind(), AiErrorKind::Failed | AiErrorKind::Malformed) {
            self.let_go();
            return failure;
        }
        let now = self.circuit.clock.now();
        self.tell(|state, is_probe| {
            state.failures = state.failures.saturating_add(1);
            if is_probe || state.failures >= FAILURES {
                let before = state.opening.as_ref().map_or(Duration::ZERO, |opening| opening.length);
                let length = (before * 2).clamp(OPEN, LONGEST_OPEN);
                state.opening = Some(Opening { since: now, length, is_probed: false });
                state.generation += 1;
                let open_ms = length.as_millis();
                tracing::warn!(upstream = name, open_ms, error = ?failure, "an AI upstream keeps failing; it is left alone");
            }
        });
        failure
    }

    /// It says nothing of the upstream; a probe makes room for the next.
    fn let_go(&mut self) {
        self.tell(|state, is_probe| {
            if let Some(opening) = state.opening.as_mut().filter(|_| is_probe) {
                opening.is_probed = false;
            }
        });
    }

    fn tell(&mut self, change: impl FnOnce(&mut State, bool)) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        let mut state = self.circuit.lock();
        if state.generation == self.generation {
            change(&mut state, self.is_probe);
        }
    }
}

impl Drop for Attempt {
    /// An answer that nobody waited for says nothing.
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Whether the upstream itself is at fault, and not one question.
fn is_of_upstream(kind: AiErrorKind) -> bool {
    use AiErrorKind::{Connect, Failed, Malformed, Overloaded, Timeout};
    matches!(kind, Connect | Timeout | Overloaded | Failed | Malformed)
}

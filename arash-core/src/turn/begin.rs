use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::error::Error;
use crate::turn::admit::Turn;
use crate::turn::facts::{Idempotency, Spent};
use crate::turn::processor::ProcessorParts;
use crate::turn::respond::interrupted;
use crate::turn::running::{RunningTurn, lease_until};
use crate::turn::{BeginOutcome, StartedTurn, StoredTurn};
use crate::usage::TokenUsage;

/// A whole answer that comes within this is recorded when it ends. What takes longer may cost money, so it is written
/// as begun, and a crash does not make it forgotten.
const SHORT_ANSWER: Duration = Duration::from_millis(100);

/// Why a turn may not go on: nothing was said yet.
pub(super) enum Refusal {
    /// It is known already, or its idempotency key is.
    Known(StoredTurn),
    /// That it has begun could not be written.
    Failed(Error),
}

/// What storage was told of a turn that is being answered.
#[derive(Default)]
pub(super) struct Beginning {
    is_written: AtomicBool,
    running: OnceLock<RunningTurn>,
}

impl Beginning {
    /// Whether the turn is known to be written as begun. It may be although nobody was told.
    pub(super) fn is_written(&self) -> bool {
        self.is_written.load(Ordering::Relaxed)
    }

    /// Notes about how many tokens the turn has used so far.
    pub(super) fn note(&self, tokens: TokenUsage) {
        if let Some(running) = self.running.get() {
            running.note(tokens);
        }
    }

    /// Writes that the turn has begun; returns when that is durable.
    async fn write(&self, parts: &ProcessorParts, turn: &Turn, prompt_tokens: u64) -> Result<(), Refusal> {
        let facts = &turn.facts;
        let tokens = TokenUsage { prompt_tokens, completion_tokens: 0, estimated: true };
        let (now, interrupted) = (parts.clock.now(), interrupted());
        let lost = facts.lost_event(&interrupted, &turn.model.name, now).map_err(Refusal::Failed)?;
        let start = StartedTurn {
            turn_id: facts.id,
            idempotency: facts.idempotency.as_ref().map(Idempotency::to_pair),
            // As the interruption that it is recorded as if nobody ends it.
            usage: facts.usage(
                &turn.model,
                &[Spent { model: Arc::clone(&turn.model), tokens }],
                Some(&interrupted),
                now,
            ),
            events: lost.into_iter().collect(),
            lease_until: lease_until(now),
        };
        // Renewed from here on: it may be written without an answer to this.
        let running = parts.running.add(start.clone(), facts.begun, Arc::clone(&turn.model));
        self.running.get_or_init(|| running);
        match turn.place.begin(start).await {
            Ok(BeginOutcome::Begun) => {
                self.is_written.store(true, Ordering::Relaxed);
                Ok(())
            }
            Ok(BeginOutcome::Duplicate(known)) => Err(Refusal::Known(known)),
            Err(error) => Err(Refusal::Failed(error)),
        }
    }

    /// What comes before the provider is asked: a turn with an idempotency key is begun, so that of two nodes that got
    /// the same request one asks.
    pub(super) async fn before_asking(
        &self,
        parts: &ProcessorParts,
        turn: &Turn,
        prompt_tokens: u64,
    ) -> Result<(), Refusal> {
        if turn.facts.idempotency.is_some() { self.write(parts, turn, prompt_tokens).await } else { Ok(()) }
    }

    /// What comes while the provider is asked. When this returns, the answer may be told.
    pub(super) async fn before_telling(
        &self,
        parts: &ProcessorParts,
        turn: &Turn,
        prompt_tokens: u64,
    ) -> Result<(), Refusal> {
        if self.is_written() {
            return Ok(());
        }
        if turn.facts.is_streamed {
            return self.write(parts, turn, prompt_tokens).await;
        }
        tokio::time::sleep(SHORT_ANSWER).await;
        if let Err(Refusal::Failed(error)) = self.write(parts, turn, prompt_tokens).await {
            let turn_id = turn.facts.id;
            tracing::warn!(%turn_id, error = ?error, "it could not be recorded that a turn has begun; it goes on");
        }
        Ok(())
    }
}

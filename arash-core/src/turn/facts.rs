use std::sync::Arc;
use std::time::Instant;

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::TurnId;
use crate::message::IncomingMessage;
use crate::money::Micros;
use crate::platform::{ModelInfo, Platform};
use crate::session::SessionKey;
use crate::team::Principal;
use crate::turn::completion::CompletionInput;
use crate::turn::idempotency::{RunningKey, earlier_result};
use crate::turn::{IdempotencyKey, Reply, RequestDigest, StoredTurn};
use crate::usage::{TokenUsage, TurnKind, UsageRecord};

/// Most tokens of one turn, either way, that are believed.
const MAX_TOKENS: u64 = 1 << 32;
/// Most that one turn can cost: a million.
const MAX_COST: Micros = Micros(1_000_000_000_000);

/// What was used of one model. A turn may be answered by several: others that stood in for some of its rounds.
pub(super) struct Spent {
    pub(super) model: Arc<ModelInfo>,
    pub(super) tokens: TokenUsage,
}

/// What stands of a turn from its beginning to its end.
pub(super) struct TurnFacts {
    pub(super) id: TurnId,
    pub(super) kind: TurnKind,
    pub(super) begun: Instant,
    /// Whether somebody reads the answer as it is written.
    pub(super) is_streamed: bool,
    pub(super) message: IncomingMessage,
    /// What a completion is asked with; there is none where the message is one of a session.
    pub(super) completion: Option<CompletionInput>,
    pub(super) principal: Option<Arc<Principal>>,
    pub(super) platform: Arc<Platform>,
    /// The session; none for a completion.
    pub(super) key: Option<SessionKey>,
    pub(super) idempotency: Option<Idempotency>,
}

/// The idempotency key of a running turn.
pub(super) struct Idempotency {
    pub(super) key: IdempotencyKey,
    pub(super) digest: RequestDigest,
    pub(super) _running: RunningKey,
}

impl Idempotency {
    /// What a repeated request finds the turn by.
    pub(super) fn to_pair(&self) -> (IdempotencyKey, RequestDigest) {
        (self.key.clone(), self.digest)
    }
}

impl TurnFacts {
    /// What is traced of the turn: no word of what was said.
    pub(super) fn span(&self) -> tracing::Span {
        tracing::debug_span!("turn", turn_id = %self.id, kind = self.kind.as_str(), platform = self.platform.name())
    }

    /// What an earlier turn under this one's idempotency key came to.
    pub(super) fn repeated(&self, earlier: StoredTurn) -> Result<Reply> {
        match &self.idempotency {
            Some(idempotency) => earlier_result(earlier, idempotency.digest),
            None => Err(Error::internal("a turn without an idempotency key is repeated")),
        }
    }

    /// What the turn used, if it ended now, answered by `model`, with this error.
    pub(super) fn usage(
        &self,
        model: &ModelInfo,
        spent: &[Spent],
        error: Option<&Error>,
        now: Timestamp,
    ) -> UsageRecord {
        let (tokens, cost) = priced(spent);
        UsageRecord {
            turn_id: self.id,
            api_key_id: self.principal.as_ref().map(|principal| principal.key_id()),
            team_id: self.principal.as_ref().map(|principal| principal.team_id()),
            session_key: self.key.as_ref().map(|key| key.as_str().to_owned()),
            platform: self.platform.name().to_owned(),
            model_used: (self.kind != TurnKind::Command).then(|| model.id.clone()),
            kind: self.kind,
            tokens,
            cost,
            success: error.is_none(),
            response_time: self.begun.elapsed(),
            error: error.map(|error| error.kind().code().to_owned()),
            created_at: now,
        }
    }
}

/// The tokens as far as they are believed, and what they cost: no provider's slip may make the sums of an hour overflow.
pub(super) fn priced(spent: &[Spent]) -> (TokenUsage, Micros) {
    let believed = |told: TokenUsage| TokenUsage {
        prompt_tokens: told.prompt_tokens.min(MAX_TOKENS),
        completion_tokens: told.completion_tokens.min(MAX_TOKENS),
        ..told
    };
    let (mut sum, mut cost) = (TokenUsage::default(), 0_u128);
    for Spent { model, tokens } in spent {
        let tokens = believed(*tokens);
        cost = cost.saturating_add(model.price.exact_cost(tokens.prompt_tokens, tokens.completion_tokens));
        sum = sum + tokens;
    }
    (believed(sum), Micros::rounded_up(cost).min(MAX_COST))
}

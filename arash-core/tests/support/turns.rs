//! Turns to write into a store.

use std::time::Duration;

use arash_core::clock::Timestamp;
use arash_core::id::TurnId;
use arash_core::money::Micros;
use arash_core::turn::{IdempotencyKey, RequestDigest, StartedTurn, TurnCommit, TurnState};
use arash_core::usage::{TokenUsage, TurnKind, UsageRecord};

/// The moment `seconds` after 2025-11-01, 12:00:00.
pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_761_998_400_000).plus(Duration::from_secs(seconds))
}

/// A turn that ended at `at` and changed no session.
pub(crate) fn turn(at: Timestamp) -> TurnCommit {
    turn_with(TurnId::new(), at)
}

pub(crate) fn turn_with(turn_id: TurnId, at: Timestamp) -> TurnCommit {
    TurnCommit {
        turn_id,
        state: TurnState::Completed,
        is_begun: false,
        idempotency: None,
        receipt: None,
        session: None,
        usage: UsageRecord {
            turn_id,
            api_key_id: None,
            team_id: None,
            session_key: None,
            platform: "telegram".to_owned(),
            model_used: Some("test/one".into()),
            kind: TurnKind::Chat,
            tokens: TokenUsage { prompt_tokens: 210, completion_tokens: 12, estimated: false },
            cost: Micros(383),
            success: true,
            response_time: Duration::from_millis(840),
            error: None,
            created_at: at,
        },
        quota: Vec::new(),
        events: Vec::new(),
        touched_key: None,
    }
}

/// The same turn with an idempotency key and this reply.
pub(crate) fn keyed(turn: TurnCommit, key: &str, reply: &str) -> TurnCommit {
    let idempotency = (IdempotencyKey::new("key:1", key).unwrap(), RequestDigest::of([key.as_bytes()]));
    TurnCommit { idempotency: Some(idempotency), receipt: Some(format!(r#"{{"text":"{reply}"}}"#)), ..turn }
}

/// The same turn as it begins at `at`, with half a minute to be ended or renewed.
pub(crate) fn started(turn: &TurnCommit, at: Timestamp) -> StartedTurn {
    StartedTurn {
        turn_id: turn.turn_id,
        idempotency: turn.idempotency.clone(),
        usage: UsageRecord { success: false, created_at: at, ..turn.usage.clone() },
        events: Vec::new(),
        lease_until: at.plus(Duration::from_secs(30)),
    }
}

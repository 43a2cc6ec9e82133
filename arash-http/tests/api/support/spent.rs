use std::time::Duration;

use arash_core::clock::Timestamp;
use arash_core::id::{ApiKeyId, TeamId, TurnId};
use arash_core::money::Micros;
use arash_core::store::MemoryStore;
use arash_core::turn::{TurnCommit, TurnState, TurnStore};
use arash_core::usage::{TokenUsage, TurnKind, UsageRecord};

/// What a turn used, to be written as if it had been answered.
#[derive(Clone, Debug)]
pub(crate) struct Spent {
    pub(crate) team: i64,
    pub(crate) key: i64,
    pub(crate) model: &'static str,
    pub(crate) error: Option<&'static str>,
    pub(crate) millis: u64,
    pub(crate) at: Timestamp,
}

impl Spent {
    /// 200 tokens sent and 10 received by `model`, for 383 millionths, in 40 milliseconds.
    pub(crate) fn new(team: i64, key: i64, model: &'static str, at: Timestamp) -> Self {
        Self { team, key, model, error: None, millis: 40, at }
    }

    pub(crate) async fn write(&self, store: &MemoryStore) -> TurnId {
        let turn_id = TurnId::new();
        let usage = UsageRecord {
            turn_id,
            api_key_id: Some(ApiKeyId(self.key)),
            team_id: Some(TeamId(self.team)),
            session_key: Some(format!("internal_{}_c", self.team)),
            platform: "internal".to_owned(),
            model_used: Some(self.model.into()),
            kind: TurnKind::Chat,
            tokens: TokenUsage { prompt_tokens: 200, completion_tokens: 10, estimated: self.error.is_some() },
            cost: Micros(383),
            success: self.error.is_none(),
            response_time: Duration::from_millis(self.millis),
            error: self.error.map(str::to_owned),
            created_at: self.at,
        };
        let turn = TurnCommit {
            turn_id,
            state: TurnState::Completed,
            is_begun: false,
            idempotency: None,
            receipt: None,
            session: None,
            usage,
            quota: Vec::new(),
            events: Vec::new(),
            touched_key: None,
        };
        store.commit(&[turn]).await.unwrap();
        turn_id
    }
}

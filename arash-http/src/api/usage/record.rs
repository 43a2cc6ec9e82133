use arash_core::money::CURRENCY;
use arash_core::usage::UsageRecord;
use poem_openapi::Object;
use uuid::Uuid;

use crate::id::Id;
use crate::time::Time;

/// What one turn used.
#[derive(Debug, Object)]
#[oai(rename = "UsageRecord")]
pub(in crate::api) struct UsageRow {
    /// The turn.
    turn_id: Uuid,
    /// The session; null for a stateless completion.
    #[oai(nullable)]
    session_id: Option<String>,
    /// The key's team; null for platform traffic without a key.
    #[oai(nullable)]
    team_id: Option<Id>,
    /// The key that was shown; null for platform traffic without one.
    #[oai(nullable)]
    api_key_id: Option<Id>,
    /// The platform.
    platform: String,
    /// The id of the model that answered; null for a command.
    #[oai(nullable)]
    model_used: Option<String>,
    /// What kind of work it was: `chat`, `command`, `stream` or `completion`.
    kind: String,
    /// Always 1.
    request_count: u32,
    /// Tokens that were sent to the model.
    prompt_tokens: u64,
    /// Tokens that the model wrote.
    completion_tokens: u64,
    /// Both together.
    tokens_used: u64,
    /// What they cost, in millionths of the currency.
    cost_micros: i64,
    /// The currency.
    currency: String,
    /// Whether the tokens are an estimate, because the AI service did not tell.
    estimated: bool,
    /// Whether there was an answer.
    success: bool,
    /// From admission to the end of the answer, in milliseconds.
    response_time_ms: u64,
    /// Why there was no answer: the name of the kind of problem.
    #[oai(nullable)]
    error_message: Option<String>,
    /// When the turn ended.
    created_at: Time,
}

impl From<UsageRecord> for UsageRow {
    fn from(record: UsageRecord) -> Self {
        Self {
            turn_id: *record.turn_id.as_uuid(),
            session_id: record.session_key,
            team_id: record.team_id.map(Id::from),
            api_key_id: record.api_key_id.map(Id::from),
            platform: record.platform,
            model_used: record.model_used.map(|model| model.to_string()),
            kind: record.kind.as_str().to_owned(),
            request_count: 1,
            prompt_tokens: record.tokens.prompt_tokens,
            completion_tokens: record.tokens.completion_tokens,
            tokens_used: record.tokens.total(),
            cost_micros: record.cost.0,
            currency: CURRENCY.to_owned(),
            estimated: record.tokens.estimated,
            success: record.success,
            response_time_ms: u64::try_from(record.response_time.as_millis()).unwrap_or(u64::MAX),
            error_message: record.error,
            created_at: record.created_at.into(),
        }
    }
}

//! A batch of turns as the rows that it writes, table by table.

use std::collections::{BTreeMap, HashSet};

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{NodeId, TurnId};
use crate::platform::ModelId;
use crate::quota::{Period, QuotaScope, QuotaSpend};
use crate::store::sql::batch::{Batch, Kind};
use crate::store::sql::events::{Origin, event_row};
use crate::store::sql::message_rows::message_row;
use crate::store::sql::quota::leased_row;
use crate::store::sql::turns::started_row;
use crate::store::sql::value::Value;
use crate::turn::{IdempotencyKey, RequestDigest, SessionChange, StartedTurn, TurnCommit, TurnState};
use crate::usage::{HourlyUsage, UsageRecord, UsageTotals};

use Kind::{Bool, Bytes, Int, Text, Uuid};

// Several nodes, and what begins and ends on one, write at the same time. So statements over rows that others may write
// too take them in one order, by which no two can wait for each other, or leave out what another one holds.

/// Begun turns and those that are written only at their end.
pub(super) static INSERT_TURNS: Batch = Batch::insert(
    "INSERT INTO turns (id, state, lease_until, started, created_at)",
    &[Uuid, Text, Int, Text, Int],
    "ON CONFLICT DO NOTHING",
);
pub(super) static END_TURNS: Batch = Batch::from(
    "UPDATE turns SET state = v.column2, lease_until = NULL, started = NULL FROM",
    &[Uuid, Text],
    "WHERE turns.id = v.column1 AND turns.state = 'started'",
)
.and_on_postgres(
    "AND turns.id = ANY($1) AND turns.id = ANY(ARRAY(
        SELECT id FROM turns WHERE id = ANY($1) AND state = 'started' ORDER BY id FOR NO KEY UPDATE))",
);
pub(super) static INSERT_KEYS: Batch = Batch::insert(
    "INSERT INTO idempotency_keys (scope, idempotency_key, turn_id, request_digest, receipt, session_key, created_at)",
    &[Text, Text, Uuid, Bytes, Text, Text, Int],
    "ON CONFLICT DO NOTHING",
);
pub(super) static KEEP_RECEIPTS: Batch = Batch::from(
    "UPDATE idempotency_keys SET receipt = v.column2, created_at = v.column3 FROM",
    &[Uuid, Text, Int],
    "WHERE idempotency_keys.turn_id = v.column1",
);
pub(super) static FREE_KEYS: Batch =
    Batch::from("DELETE FROM idempotency_keys WHERE turn_id IN (SELECT v.column1 FROM", &[Uuid], ")");
pub(super) static INSERT_SESSIONS: Batch = Batch::insert(
    "INSERT INTO sessions (id, session_key, platform, team_id, user_id, chat_id, current_model, version, message_count,
     stored_messages, created_at, last_activity_at, expires_at)",
    &[Uuid, Text, Text, Int, Text, Text, Text, Int, Int, Int, Int, Int, Int],
    "ON CONFLICT DO NOTHING",
);
pub(super) static UPDATE_SESSIONS: Batch = Batch::from(
    "UPDATE sessions SET version = v.column4, current_model = v.column5, message_count = v.column6,
     stored_messages = v.column7, last_activity_at = v.column8, expires_at = v.column9, user_id = v.column10,
     lease_node = NULL, lease_until = NULL FROM",
    &[Uuid, Int, Int, Int, Text, Int, Int, Int, Int, Text],
    "WHERE sessions.id = v.column1 AND sessions.version = v.column2 AND sessions.fence = v.column3",
)
.and_on_postgres(
    "AND sessions.id = ANY(ARRAY(SELECT id FROM sessions WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE))",
);
pub(super) static INSERT_USAGE: Batch = Batch::insert(
    "INSERT INTO usage_logs (turn_id, api_key_id, team_id, session_key, platform, model_used, kind, prompt_tokens,
     completion_tokens, tokens_used, cost_micros, estimated, success, response_time_ms, error_message, created_at)",
    &[Uuid, Int, Int, Text, Text, Text, Text, Int, Int, Int, Int, Bool, Bool, Int, Text, Int],
    "",
);
pub(super) static ADD_HOURS: Batch = Batch::insert(
    "INSERT INTO usage_hourly (team_id, hour, api_key_id, platform, model_used, requests, succeeded, prompt_tokens,
     completion_tokens, estimated, cost_micros, latency_1, latency_5, latency_10, latency_25, latency_50, latency_100,
     latency_250, latency_500, latency_1000, latency_2500, latency_5000, latency_10000, latency_30000, latency_above)",
    &[
        Int, Int, Int, Text, Text, Int, Int, Int, Int, Bool, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int,
        Int, Int, Int, Int,
    ],
    "ON CONFLICT (team_id, hour, api_key_id, platform, model_used) DO UPDATE SET
        requests = usage_hourly.requests + excluded.requests,
        succeeded = usage_hourly.succeeded + excluded.succeeded,
        prompt_tokens = usage_hourly.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = usage_hourly.completion_tokens + excluded.completion_tokens,
        cost_micros = usage_hourly.cost_micros + excluded.cost_micros,
        latency_1 = usage_hourly.latency_1 + excluded.latency_1,
        latency_5 = usage_hourly.latency_5 + excluded.latency_5,
        latency_10 = usage_hourly.latency_10 + excluded.latency_10,
        latency_25 = usage_hourly.latency_25 + excluded.latency_25,
        latency_50 = usage_hourly.latency_50 + excluded.latency_50,
        latency_100 = usage_hourly.latency_100 + excluded.latency_100,
        latency_250 = usage_hourly.latency_250 + excluded.latency_250,
        latency_500 = usage_hourly.latency_500 + excluded.latency_500,
        latency_1000 = usage_hourly.latency_1000 + excluded.latency_1000,
        latency_2500 = usage_hourly.latency_2500 + excluded.latency_2500,
        latency_5000 = usage_hourly.latency_5000 + excluded.latency_5000,
        latency_10000 = usage_hourly.latency_10000 + excluded.latency_10000,
        latency_30000 = usage_hourly.latency_30000 + excluded.latency_30000,
        latency_above = usage_hourly.latency_above + excluded.latency_above,
        estimated = usage_hourly.estimated OR excluded.estimated",
);
pub(super) static ADD_USED: Batch = Batch::insert(
    "INSERT INTO quota_buckets (scope, period, bucket_start, used, leased)",
    &[Text, Text, Int, Int, Int],
    "ON CONFLICT (scope, period, bucket_start) DO UPDATE SET used = quota_buckets.used + excluded.used",
);
/// A key that another node writes just now has its time from there: nobody waits for it.
pub(super) static TOUCH_KEYS: Batch =
    Batch::from("UPDATE api_keys SET last_used_at = v.column2 FROM", &[Int, Int], "WHERE api_keys.id = v.column1")
        .and_on_postgres(
            "AND api_keys.id IN (SELECT id FROM api_keys WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)",
        );

/// The rows of a batch of turns. Sums are added up here, so that many turns of one team cost one row.
#[derive(Default)]
pub(super) struct BatchRows {
    pub(super) new_turns: Vec<Value>,
    /// Those that have begun before.
    pub(super) ended_turns: Vec<Value>,
    pub(super) new_keys: Vec<Value>,
    pub(super) receipts: Vec<Value>,
    pub(super) freed_keys: Vec<Value>,
    pub(super) new_sessions: Vec<Value>,
    pub(super) sessions: Vec<Value>,
    pub(super) cleared: Vec<[Value; 2]>,
    pub(super) messages: Vec<Value>,
    pub(super) usage: Vec<Value>,
    pub(super) hours: Vec<Value>,
    pub(super) used: Vec<Value>,
    /// By node: what one node spent of its blocks.
    pub(super) leased: BTreeMap<NodeId, Vec<Value>>,
    pub(super) events: Vec<Value>,
    pub(super) touched: Vec<Value>,
    pub(super) new_turn_count: u64,
    pub(super) ended_turn_count: u64,
    pub(super) new_key_count: u64,
    pub(super) new_session_count: u64,
    pub(super) session_count: u64,
}

/// The hours' sums by what they are summed by.
type HourKey = (i64, i64, i64, String, Option<ModelId>);

impl BatchRows {
    pub(super) fn of(turns: &[TurnCommit]) -> Result<Self> {
        let mut rows = Self::default();
        let (mut hours, mut touched) = (BTreeMap::<HourKey, UsageTotals>::new(), BTreeMap::new());
        let mut spends = BTreeMap::new();
        for turn in turns {
            rows.add_turn(turn);
            if let Some(change) = &turn.session {
                rows.add_session(turn, change)?;
            }
            rows.add_usage(&turn.usage);
            hours.entry(hour_key(&turn.usage)).or_default().add(&turn.usage);
            for &QuotaSpend { scope, period, bucket_start, leased_by } in &turn.quota {
                *spends.entry((scope, period, bucket_start, leased_by)).or_insert(0_u64) += 1;
            }
            rows.add_events(turn);
            touched.extend(turn.touched_key.map(|key| (key, turn.usage.created_at)));
        }
        rows.add_hours(hours);
        rows.add_spends(spends);
        rows.touched = touched.into_iter().flat_map(|(key, at)| [key.0.into(), at.into()]).collect();
        rows.put_in_order();
        Ok(rows)
    }

    /// The rows of turns that begin.
    pub(super) fn of_started(turns: &[StartedTurn]) -> Result<Self> {
        let mut rows = Self::default();
        for turn in turns {
            rows.add_started(turn)?;
        }
        rows.put_in_order();
        Ok(rows)
    }

    /// Puts rows that others may be writing too into one order for all: whoever waits for another then never has what
    /// that one waits for.
    fn put_in_order(&mut self) {
        put_in_order(&mut self.new_turns, &INSERT_TURNS, 1);
        put_in_order(&mut self.new_keys, &INSERT_KEYS, 2);
    }

    fn add_turn(&mut self, turn: &TurnCommit) {
        let (id, at) = (Value::from(turn.turn_id.as_uuid()), turn.usage.created_at.into());
        if !turn.is_begun {
            self.add_new_turn(turn.turn_id, turn.state, None, turn.usage.created_at);
            if let (Some((key, digest)), Some(receipt)) = (&turn.idempotency, turn.receipt.as_deref()) {
                self.add_new_key(turn.turn_id, (key, digest), Some(receipt), &turn.usage);
            }
            return;
        }
        self.ended_turn_count += 1;
        self.ended_turns.extend([id.clone(), turn.state.as_str().into()]);
        match turn.receipt.as_deref() {
            Some(receipt) => self.receipts.extend([id, receipt.into(), at]),
            None => self.freed_keys.push(id),
        }
    }

    /// A turn that begins.
    fn add_started(&mut self, turn: &StartedTurn) -> Result<()> {
        self.add_new_turn(turn.turn_id, TurnState::Started, Some(started_row(turn)?), turn.usage.created_at);
        if let Some((key, digest)) = &turn.idempotency {
            self.add_new_key(turn.turn_id, (key, digest), None, &turn.usage);
        }
        Ok(())
    }

    fn add_new_turn(&mut self, id: TurnId, state: TurnState, started: Option<[Value; 2]>, at: Timestamp) {
        let [lease_until, started] = started.unwrap_or([Value::Null, Value::Null]);
        self.new_turn_count += 1;
        self.new_turns.extend([id.as_uuid().into(), state.as_str().into(), lease_until, started, at.into()]);
    }

    fn add_new_key(
        &mut self,
        turn: TurnId,
        (key, digest): (&IdempotencyKey, &RequestDigest),
        receipt: Option<&str>,
        usage: &UsageRecord,
    ) {
        self.new_key_count += 1;
        self.new_keys.extend([
            key.scope().into(),
            key.key().into(),
            turn.as_uuid().into(),
            digest.as_bytes().into(),
            receipt.into(),
            usage.session_key.as_deref().into(),
            usage.created_at.into(),
        ]);
    }

    fn add_session(&mut self, turn: &TurnCommit, change: &SessionChange) -> Result<()> {
        let model = change.model.as_ref().map(ModelId::as_str);
        if change.expected_version == 0 && change.fence == 0 {
            self.new_session_count += 1;
            self.new_sessions.extend([
                change.id.as_uuid().into(),
                change.key.as_str().into(),
                change.key.platform().into(),
                change.team_id.map(|team| team.0).into(),
                change.user_id.as_str().into(),
                change.key.chat_id().into(),
                model.into(),
                change.new_version().into(),
                change.message_count.into(),
                change.stored_messages.into(),
                change.last_activity_at.into(),
                change.last_activity_at.into(),
                change.expires_at.into(),
            ]);
        } else {
            self.session_count += 1;
            self.sessions.extend([
                change.id.as_uuid().into(),
                change.expected_version.into(),
                change.fence.into(),
                change.new_version().into(),
                model.into(),
                change.message_count.into(),
                change.stored_messages.into(),
                change.last_activity_at.into(),
                change.expires_at.into(),
                change.user_id.as_str().into(),
            ]);
        }
        if change.clears {
            self.cleared.push([change.id.as_uuid().into(), change.expected_version.into()]);
        }
        for (seq, message) in change.numbered_messages() {
            self.messages.extend(message_row(change.id, seq, turn.turn_id, message)?);
        }
        Ok(())
    }

    fn add_usage(&mut self, usage: &UsageRecord) {
        self.usage.extend([
            usage.turn_id.as_uuid().into(),
            usage.api_key_id.map(|key| key.0).into(),
            usage.team_id.map(|team| team.0).into(),
            usage.session_key.as_deref().into(),
            usage.platform.as_str().into(),
            usage.model_used.as_ref().map(ModelId::as_str).into(),
            usage.kind.as_str().into(),
            usage.tokens.prompt_tokens.into(),
            usage.tokens.completion_tokens.into(),
            usage.tokens.total().into(),
            usage.cost.0.into(),
            usage.tokens.estimated.into(),
            usage.success.into(),
            (usage.response_time.as_millis() as u64).into(),
            usage.error.as_deref().into(),
            usage.created_at.into(),
        ]);
    }

    fn add_hours(&mut self, hours: BTreeMap<HourKey, UsageTotals>) {
        for ((team, hour, key, platform, model), totals) in hours {
            self.hours.extend([
                team.into(),
                hour.into(),
                key.into(),
                platform.into(),
                model.as_ref().map_or("", ModelId::as_str).into(),
                totals.requests.into(),
                totals.succeeded.into(),
                totals.tokens.prompt_tokens.into(),
                totals.tokens.completion_tokens.into(),
                totals.tokens.estimated.into(),
                totals.cost.0.into(),
            ]);
            self.hours.extend(totals.latency.counts().iter().map(|&count| Value::from(count)));
        }
    }

    fn add_spends(&mut self, spends: BTreeMap<(QuotaScope, Period, Timestamp, Option<NodeId>), u64>) {
        // One row a bucket, whoever leased what was used of it, in the order of all who write buckets.
        let mut used = BTreeMap::new();
        for ((scope, period, bucket_start, leased_by), amount) in spends {
            *used.entry((scope.to_string(), period.as_str(), bucket_start)).or_insert(0_u64) += amount;
            if let Some(node) = leased_by {
                let row = leased_row(node, scope, period, bucket_start, amount);
                self.leased.entry(node).or_default().extend(row);
            }
        }
        for ((scope, period, bucket_start), amount) in used {
            self.used.extend([scope.into(), period.into(), bucket_start.into(), amount.into(), 0_i64.into()]);
        }
    }

    fn add_events(&mut self, turn: &TurnCommit) {
        let origin = Origin::turn(turn.turn_id, turn.usage.session_key.as_deref());
        self.events.extend(turn.events.iter().flat_map(|event| event_row(event, origin, turn.usage.created_at)));
    }
}

/// Puts rows into the order of their first `keys` values.
fn put_in_order(values: &mut Vec<Value>, batch: &Batch, keys: usize) {
    let mut rows: Vec<&[Value]> = values.chunks(batch.columns.len()).collect();
    if rows.len() > 1 {
        rows.sort_unstable_by(|one, other| one.get(..keys).cmp(&other.get(..keys)));
        *values = rows.concat();
    }
}

/// Whether some session is changed by more than one turn of the batch: those cannot be written by one statement.
pub(super) fn shares_a_session(turns: &[TurnCommit]) -> bool {
    let mut seen = HashSet::with_capacity(turns.len());
    turns.iter().filter_map(|turn| turn.session.as_ref()).any(|change| !seen.insert(&change.key))
}

fn hour_key(usage: &UsageRecord) -> HourKey {
    (
        usage.team_id.map_or(0, |team| team.0),
        HourlyUsage::hour_of(usage.created_at).as_millis(),
        usage.api_key_id.map_or(0, |key| key.0),
        usage.platform.clone(),
        usage.model_used.clone(),
    )
}

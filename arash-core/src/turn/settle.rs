use std::sync::Arc;

use crate::ai::{estimate_prompt, estimate_tokens};
use crate::clock::Timestamp;
use crate::command::SessionEffect;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Message, Role};
use crate::money::Micros;
use crate::quota::QuotaSpend;
use crate::session::{Session, SessionLane};
use crate::turn::admit::{Turn, TurnFacts, mismatch};
use crate::turn::buffer::ReplyBuffer;
use crate::turn::processor::ProcessorParts;
use crate::turn::reply::StoredReply;
use crate::turn::respond::Outcome;
use crate::turn::{CommitOutcome, Reply, SessionChange, StoredTurn, TurnCommit, TurnReceipt, TurnState};
use crate::usage::{TokenUsage, TurnKind, UsageRecord};
use crate::webhook::{Event, MessageCompleted};

/// How often a commit is tried anew because another node wrote the session in between.
const MAX_RETRIES: u32 = 3;
/// Most tokens of one turn, either way, that are believed.
const MAX_TOKENS: u64 = 1 << 32;
/// Most that one turn can cost: a million.
const MAX_COST: Micros = Micros(1_000_000_000_000);

impl ProcessorParts {
    /// Answers an admitted turn and records it. What this returns is durable.
    pub(super) async fn run(&self, turn: Turn, buffer: &ReplyBuffer) -> Result<Reply> {
        let outcome = self.respond(&turn, buffer).await;
        self.settle(turn, outcome).await
    }

    /// Writes everything that the turn changes as one commit, then brings the session in memory to that state.
    async fn settle(&self, turn: Turn, outcome: Outcome) -> Result<Reply> {
        let Turn { facts, mut lane, reservation, place, .. } = turn;
        // What never began to be answered takes no quota: dropped, the reservation is given back.
        let mut reservation = reservation.filter(|_| outcome.is_metered());
        let mut place = Some(place);
        // Why the answer cannot stand although it was made, and what the caller gets in its place.
        let (mut retries, mut given_up, mut instead) = (0, None, None);
        loop {
            if given_up.is_some() {
                // The caller gets no answer, so it costs no quota.
                reservation = None;
            }
            let spends = reservation.as_ref().map(|reservation| reservation.spends().to_vec()).unwrap_or_default();
            let settled = Settled::new(self, &facts, &outcome, lane.session(), given_up.as_ref())?;
            let (commit, result) = settled.into_commit(&facts, &outcome, spends, self.clock.now())?;
            let change = commit.session.clone();
            let written = match place.take() {
                Some(place) => place.record(commit).await,
                None => self.recorder.record(commit).await,
            };
            match written {
                Ok(CommitOutcome::Committed) => {
                    if let Some(reservation) = reservation {
                        reservation.settle();
                    }
                    match (lane.session_mut(), change) {
                        (Some(session), Some(change)) => apply(session, change, facts.platform.history_limit()),
                        // Somebody else wrote the session: what is in memory is not what is there.
                        _ if given_up.is_some() => lane.forget(),
                        _ => {}
                    }
                    return instead.unwrap_or(result);
                }
                // Another node answered a request with this idempotency key first: that result stands. What was
                // used here is recorded all the same.
                Ok(CommitOutcome::Duplicate(earlier)) if given_up.is_none() => {
                    let result = earlier_result(&facts, earlier);
                    given_up = Some(result.as_ref().err().cloned().unwrap_or_else(conflict));
                    instead = Some(result);
                }
                Ok(CommitOutcome::Duplicate(_)) => return Err(Error::internal("a turn was recorded twice")),
                Ok(CommitOutcome::Stale) => {
                    retries += 1;
                    // What was answered is recorded even if the session cannot be.
                    if retries > MAX_RETRIES || self.reload(&facts, &mut lane).await.is_err() {
                        given_up = Some(conflict());
                    }
                }
                Err(error) => {
                    lane.forget();
                    return Err(error);
                }
            }
        }
    }

    /// The session was written elsewhere, or deleted: what this turn adds goes on top of what is there now.
    async fn reload(&self, facts: &TurnFacts, lane: &mut SessionLane) -> Result<()> {
        tracing::warn!(turn_id = %facts.id, session = %facts.key, "the session changed during a turn; reading it anew");
        let limit = facts.platform.history_limit();
        let fresh = self.sessions.reload(&facts.key, &facts.message.user_id, limit).await?;
        match lane.session_mut() {
            Some(session) => *session = fresh,
            None => return Err(Error::internal("a turn lost its session")),
        }
        Ok(())
    }
}

/// A turn with its result, ready to be written.
struct Settled {
    result: Result<Reply>,
    change: Option<SessionChange>,
    usage: UsageRecord,
    is_given_up: bool,
}

impl Settled {
    fn new(
        parts: &ProcessorParts,
        facts: &TurnFacts,
        outcome: &Outcome,
        session: Option<&Session>,
        given_up: Option<&Error>,
    ) -> Result<Self> {
        let session = session.ok_or_else(|| Error::internal("a turn lost its session"))?;
        let now = parts.clock.now();
        let error = given_up.or(outcome.error.as_ref()).cloned();
        let change = match &error {
            None => Some(session_change(session, facts, outcome, now, parts.sessions.expires_at(now))),
            Some(_) => None,
        };
        let tokens = outcome.tokens();
        let usage = UsageRecord {
            turn_id: facts.id,
            api_key_id: facts.principal.as_ref().map(|principal| principal.key_id()),
            team_id: facts.principal.as_ref().map(|principal| principal.team_id()),
            session_key: Some(facts.key.as_str().to_owned()),
            platform: facts.platform.name().to_owned(),
            model_used: (facts.kind != TurnKind::Command).then(|| outcome.model.id.clone()),
            kind: facts.kind,
            tokens,
            cost: outcome.model.price.cost(tokens.prompt_tokens, tokens.completion_tokens).min(MAX_COST),
            success: error.is_none(),
            response_time: facts.begun.elapsed(),
            error: error.as_ref().map(|error| error.kind().code().to_owned()),
            created_at: now,
        };
        let result = match error {
            Some(error) => Err(error),
            None => Ok(reply(facts, outcome, session, change.as_ref(), &usage)),
        };
        Ok(Self { result, change, usage, is_given_up: given_up.is_some() })
    }

    /// What is written, and what the caller gets once it is.
    fn into_commit(
        self,
        facts: &TurnFacts,
        outcome: &Outcome,
        quota: Vec<QuotaSpend>,
        now: Timestamp,
    ) -> Result<(TurnCommit, Result<Reply>)> {
        // A turn that was interrupted or given up may be asked for again with the same key.
        let is_final = outcome.state != TurnState::Interrupted && !self.is_given_up;
        let kept = facts.idempotency.as_ref().filter(|_| is_final);
        let receipt = kept.map(|_| StoredReply::of(&self.result).to_json()).transpose()?;
        let state = if self.result.is_ok() || outcome.error.is_some() { outcome.state } else { TurnState::Failed };
        let events = self.event(facts, now)?;
        let commit = TurnCommit {
            turn_id: facts.id,
            state,
            is_begun: false,
            idempotency: kept.map(|idempotency| (idempotency.key.clone(), idempotency.digest)),
            receipt,
            session: self.change,
            usage: self.usage,
            quota,
            events: events.into_iter().collect(),
            touched_key: facts.principal.as_ref().filter(|key| key.take_touch(now)).map(|key| key.key_id()),
        };
        Ok((commit, self.result))
    }

    /// What the team's webhook is told of an answered message.
    fn event(&self, facts: &TurnFacts, now: Timestamp) -> Result<Option<Event>> {
        let (Ok(reply), Some(principal)) = (&self.result, &facts.principal) else {
            return Ok(None);
        };
        if facts.kind == TurnKind::Command || !principal.owner().team.webhook_enabled {
            return Ok(None);
        }
        let told = MessageCompleted {
            session_id: facts.key.as_str(),
            user_id: &facts.message.user_id,
            chat_id: &facts.message.chat_id,
            text: &facts.message.text,
            kind: facts.message.kind,
            response: &reply.text,
            model: &reply.receipt.model_name,
        };
        Event::message_completed(principal.team_id(), now, told).map(Some)
    }
}

/// What the first request with the same idempotency key got.
fn earlier_result(facts: &TurnFacts, earlier: StoredTurn) -> Result<Reply> {
    if earlier.request_digest != facts.idempotency.as_ref().map(|idempotency| idempotency.digest) {
        return Err(mismatch());
    }
    let receipt = earlier.receipt.ok_or_else(|| Error::internal("a turn was stored without its reply"))?;
    StoredReply::replay(&receipt)
}

fn conflict() -> Error {
    Error::new(ErrorKind::Conflict, "the session was changed elsewhere at the same time; try again later")
}

impl Outcome {
    /// Whether the turn counts: it was answered, or began to be.
    fn is_metered(&self) -> bool {
        self.error.is_none() || !self.text.is_empty()
    }

    /// The provider's count; else an estimate of what went out and came back.
    fn tokens(&self) -> TokenUsage {
        let mut tokens = match self.usage {
            Some(told) => told,
            None if self.command.is_some() || !self.is_metered() => TokenUsage::default(),
            None => TokenUsage {
                prompt_tokens: estimate_prompt(self.prompt.iter().map(AsRef::as_ref)),
                completion_tokens: estimate_tokens(&self.text),
                estimated: true,
            },
        };
        // No provider's slip may make the sums of an hour overflow.
        tokens.prompt_tokens = tokens.prompt_tokens.min(MAX_TOKENS);
        tokens.completion_tokens = tokens.completion_tokens.min(MAX_TOKENS);
        tokens
    }
}

fn session_change(
    session: &Session,
    facts: &TurnFacts,
    outcome: &Outcome,
    now: Timestamp,
    expires_at: Timestamp,
) -> SessionChange {
    let mut change = SessionChange {
        id: session.id,
        key: session.key.clone(),
        team_id: session.team_id,
        user_id: session.user_id.clone(),
        expected_version: session.version,
        fence: session.fence,
        clears: false,
        messages: Vec::new(),
        model: session.model.clone(),
        message_count: session.message_count,
        stored_messages: session.stored_messages,
        last_activity_at: now,
        expires_at,
    };
    match &outcome.command {
        Some((_, Some(SessionEffect::Clear))) => {
            (change.clears, change.message_count, change.stored_messages) = (true, 0, 0);
        }
        Some((_, Some(SessionEffect::UseModel(model)))) => change.model = Some(model.clone()),
        Some((_, None)) => {}
        None => {
            let question = outcome
                .prompt
                .last()
                .map_or_else(|| Arc::new(Message::new(Role::User, facts.message.text.as_str(), now)), Arc::clone);
            let answer = Arc::new(Message::new(Role::Assistant, outcome.text.as_str(), now));
            change.messages = vec![question, answer];
            change.message_count += 1;
            change.stored_messages += 2;
        }
    }
    change
}

/// Brings the session in memory to the state that was committed.
fn apply(session: &mut Session, change: SessionChange, limit: usize) {
    session.version = change.new_version();
    if change.clears {
        session.history.clear();
    }
    for message in change.messages {
        session.history.push(message, limit);
    }
    session.model = change.model;
    session.message_count = change.message_count;
    session.stored_messages = change.stored_messages;
    session.last_activity_at = change.last_activity_at;
    session.expires_at = change.expires_at;
}

fn reply(
    facts: &TurnFacts,
    outcome: &Outcome,
    session: &Session,
    change: Option<&SessionChange>,
    usage: &UsageRecord,
) -> Reply {
    let (messages, stored) = change.map_or((session.message_count, session.stored_messages), |change| {
        (change.message_count, change.stored_messages)
    });
    Reply {
        text: outcome.text.clone(),
        receipt: TurnReceipt {
            turn_id: facts.id,
            session_id: facts.key.as_str().to_owned(),
            model: outcome.model.id.clone(),
            model_name: outcome.model.name.to_string(),
            message_count: messages,
            history_length: stored.min(facts.platform.history_limit() as u64),
            command: outcome.command.as_ref().map(|(name, _)| name.clone()),
            usage: usage.tokens,
            cost: usage.cost,
            stopped: outcome.state == TurnState::Stopped,
            replayed: false,
        },
    }
}

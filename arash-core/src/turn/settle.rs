use std::sync::Arc;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::quota::QuotaSpend;
use crate::session::{Session, SessionLane};
use crate::turn::admit::Turn;
use crate::turn::answer::Answer;
use crate::turn::begin::Refusal;
use crate::turn::change::{apply, session_change};
use crate::turn::facts::{Idempotency, TurnFacts};
use crate::turn::processor::ProcessorParts;
use crate::turn::reply::StoredReply;
use crate::turn::respond::Outcome;
use crate::turn::{CommitOutcome, Reply, SessionChange, StoredTurn, TurnCommit, TurnReceipt, TurnState};
use crate::usage::UsageRecord;
use crate::webhook::Event;

/// How often a commit is tried anew because another node wrote the session in between.
const MAX_RETRIES: u32 = 3;

impl ProcessorParts {
    /// Answers an admitted turn and records it. What this returns is durable.
    pub(super) async fn run(&self, mut turn: Turn, answer: &Answer) -> Result<Reply> {
        let mut outcome = self.respond(&turn, answer).await;
        match outcome.refusal.take() {
            None => self.settle(turn, outcome, None).await,
            Some(Refusal::Known(known)) => {
                // As if it had been found before it was let in.
                let (rate, result) = (turn.rate.take(), known_result(turn, known));
                self.give_back(rate.as_ref()).await;
                result
            }
            // It may have been written all the same; then it is found to be lost.
            Some(Refusal::Failed(error)) if error.kind() == ErrorKind::Unavailable => Err(error),
            Some(Refusal::Failed(error)) => self.settle(turn, outcome, Some(error)).await,
        }
    }

    /// Writes everything that the turn changes as one commit, then brings the session in memory to that state.
    /// `given_up` is why the answer cannot stand although it was made.
    async fn settle(&self, turn: Turn, outcome: Outcome, mut given_up: Option<Error>) -> Result<Reply> {
        let Turn { facts, mut lane, reservation, place, .. } = turn;
        // What never began to be answered takes no quota: dropped, the reservation is given back.
        let mut reservation = reservation.filter(|_| outcome.is_metered);
        let mut is_begun = outcome.beginning.is_written();
        // What the caller gets in place of an answer that cannot stand.
        let (mut retries, mut instead) = (0, None);
        loop {
            if given_up.is_some() {
                // The caller gets no answer, so it costs no quota.
                reservation = None;
            }
            let spends = reservation.as_ref().map(|reservation| reservation.spends().to_vec()).unwrap_or_default();
            let settled = Settled::new(self, &facts, &outcome, lane.as_ref(), given_up.as_ref())?;
            let (commit, result) = settled.into_commit(&facts, &outcome, spends, self.clock.now())?;
            let change = commit.session.clone();
            match place.record(TurnCommit { is_begun, ..commit }).await {
                Ok(CommitOutcome::Committed) => {
                    if let Some(reservation) = reservation {
                        reservation.settle();
                    }
                    match change {
                        Some(change) => bring_up(&mut lane, change, &facts),
                        // Somebody else wrote the session: what is in memory is not what is there.
                        None if given_up.is_some() => forget(&mut lane),
                        None => {}
                    }
                    return instead.unwrap_or(result);
                }
                Ok(CommitOutcome::Duplicate(known)) if known.turn_id == facts.id => {
                    if is_begun || known.state != TurnState::Started {
                        forget(&mut lane);
                        return Err(lost());
                    }
                    // That it has begun was written although nobody was told.
                    is_begun = true;
                }
                // Another node answered a request with this idempotency key first: that result stands. What was
                // used here is recorded all the same.
                Ok(CommitOutcome::Duplicate(earlier)) if given_up.is_none() => {
                    let result = facts.repeated(earlier);
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
                    // Where storage was away, it may have been written although nobody was told.
                    if let Some(reservation) = reservation.filter(|_| error.kind() == ErrorKind::Unavailable) {
                        reservation.abandon();
                    }
                    forget(&mut lane);
                    return Err(error);
                }
            }
        }
    }

    /// The session was written elsewhere, or deleted: what this turn adds goes on top of what is there now.
    async fn reload(&self, facts: &TurnFacts, lane: &mut Option<SessionLane>) -> Result<()> {
        let (Some(lane), Some(key)) = (lane, &facts.key) else { return Err(lost_session()) };
        tracing::warn!(turn_id = %facts.id, session = %key, "the session changed during a turn; reading it anew");
        self.sessions.reload(lane, key, &facts.message.user_id, facts.platform.history_limit()).await
    }
}

/// Brings the session in memory to the state that was committed; its claim ended with that.
fn bring_up(lane: &mut Option<SessionLane>, change: SessionChange, facts: &TurnFacts) {
    let Some(lane) = lane else { return };
    if let Some(session) = lane.session_mut() {
        apply(session, change, facts.platform.history_limit());
    }
    lane.committed();
}

/// Lets go of what is in memory of the turn's session.
fn forget(lane: &mut Option<SessionLane>) {
    if let Some(lane) = lane {
        lane.forget();
    }
}

fn lost_session() -> Error {
    Error::internal("a turn lost its session")
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
        lane: Option<&SessionLane>,
        given_up: Option<&Error>,
    ) -> Result<Self> {
        let session = lane.map(|lane| lane.session().ok_or_else(lost_session)).transpose()?;
        let now = parts.clock.now();
        let error = given_up.or(outcome.error.as_ref()).cloned();
        let changed = session.filter(|_| error.is_none() && !outcome.is_silent);
        let change = changed.map(|session| session_change(session, outcome, now, parts.sessions.expires_at(now)));
        let usage = facts.usage(&outcome.model, &outcome.spent, error.as_ref(), now);
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
        // A turn that was interrupted or given up may be asked for again with the same key, and so may one that nobody
        // was asked to answer.
        let is_refused = self.result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable);
        let is_final = outcome.state != TurnState::Interrupted && !self.is_given_up && !is_refused;
        let kept = facts.idempotency.as_ref().filter(|_| is_final);
        let receipt = kept.map(|_| StoredReply::of(&self.result).to_json()).transpose()?;
        let state = if self.result.is_ok() || outcome.error.is_some() { outcome.state } else { TurnState::Failed };
        let events = self.event(facts, outcome, now)?;
        let commit = TurnCommit {
            turn_id: facts.id,
            state,
            is_begun: false,
            idempotency: kept.map(Idempotency::to_pair),
            receipt,
            session: self.change,
            usage: self.usage,
            quota,
            events: events.into_iter().collect(),
            touched_key: facts.principal.as_ref().filter(|key| key.take_touch(now)).map(|key| key.key_id()),
        };
        Ok((commit, self.result))
    }

    /// What the team's webhook is told of.
    fn event(&self, facts: &TurnFacts, outcome: &Outcome, now: Timestamp) -> Result<Option<Event>> {
        match &self.result {
            // What was stopped before a word was said is no message.
            Ok(_) if outcome.is_silent => Ok(None),
            Ok(reply) => facts.completed_event(reply, now),
            Err(error) => facts.failed_event(error, &outcome.model.name, now),
        }
    }
}

/// What becomes of a turn that was known before it began.
fn known_result(turn: Turn, known: StoredTurn) -> Result<Reply> {
    let Turn { facts, mut lane, .. } = turn;
    if known.turn_id == facts.id {
        forget(&mut lane);
        return Err(lost());
    }
    facts.repeated(known)
}

/// Whoever found the turn without a lease recorded it as interrupted.
fn lost() -> Error {
    Error::unavailable("the answer took too long to be recorded and was taken for lost")
}

fn conflict() -> Error {
    Error::new(ErrorKind::Conflict, "the session was changed elsewhere at the same time; try again later")
}

fn reply(
    facts: &TurnFacts,
    outcome: &Outcome,
    session: Option<&Session>,
    change: Option<&SessionChange>,
    usage: &UsageRecord,
) -> Reply {
    let before = session.map(|session| (session.message_count, session.stored_messages));
    let after = change.map(|change| (change.message_count, change.stored_messages));
    let (messages, stored) = after.or(before).unwrap_or_default();
    Reply {
        text: outcome.text.clone(),
        receipt: TurnReceipt {
            turn_id: facts.id,
            session_id: usage.session_key.clone().unwrap_or_default(),
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
        completion: outcome.completion.as_ref().map(Arc::clone),
    }
}

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::command::{Parsed, parse};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{TeamId, TurnId};
use crate::metrics;
use crate::platform::{Access, ModelId, ModelInfo, Platform};
use crate::quota::{Allowance, RateKey, RateLimit, Reservation};
use crate::session::{Session, SessionKey, SessionLane};
use crate::turn::facts::{Idempotency, TurnFacts};
use crate::turn::idempotency::earlier_result;
use crate::turn::processor::{Delivery, MessageProcessor, ProcessorParts};
use crate::turn::recorder::RecorderPlace;
use crate::turn::{Reply, TurnRequest};
use crate::usage::TurnKind;

/// What becomes of a message at the door.
pub(super) enum Admission {
    /// It was answered before.
    Replay(Box<Reply>),
    /// It is to be answered.
    Turn(Box<Turn>),
}

/// A message that counts towards its user's rate limit.
pub(super) struct RateToken {
    key: RateKey,
    limit: RateLimit,
    taken: Instant,
}

/// An admitted turn: everything that its answer needs is held.
pub(super) struct Turn {
    pub(super) facts: TurnFacts,
    pub(super) model: Arc<ModelInfo>,
    /// Its session; none for a completion.
    pub(super) lane: Option<SessionLane>,
    pub(super) reservation: Option<Reservation>,
    pub(super) place: RecorderPlace,
    /// What it took of its user's rate limit.
    pub(super) rate: Option<RateToken>,
    /// Shutdown waits for it, from admission on.
    pub(super) _counted: TaskTrackerToken,
}

impl Turn {
    /// The session that it works with.
    pub(super) fn session(&self) -> Result<&Session> {
        let session = self.lane.as_ref().and_then(SessionLane::session);
        session.ok_or_else(|| Error::internal("a turn lost its session"))
    }
}

impl MessageProcessor {
    /// Decides whether a message is answered. The cheap checks come first, what is held comes last; whatever is
    /// held is let go when the caller goes away.
    pub(super) async fn admit(&self, request: TurnRequest, delivery: Delivery) -> Result<Admission> {
        let begun = Instant::now();
        // Counted before the look at the door: shutdown closes the door first and then waits for who is counted.
        let counted = self.parts.tasks.token();
        self.check_open()?;
        let platform = self.platform(&request.message.platform)?;
        let (is_command, unescaped) = check(&request)?;
        let wished = self.wished_model(&request, &platform)?;
        self.parts.recorder.check_door()?;
        let idempotency = match self.replay_or_begin(&request).await? {
            Err(reply) => return Ok(Admission::Replay(Box::new(reply))),
            Ok(idempotency) => idempotency,
        };
        let TurnRequest { mut message, principal, completion, .. } = request;
        if let Some(text) = unescaped {
            message.text = text;
        }
        let team = principal.as_ref().map_or(TeamId::HOST, |principal| principal.team_id());
        let rate = self.take_rate(&platform, team, &message.user_id).await?;
        let key = match platform.access() {
            _ if completion.is_some() => None,
            Access::Private => Some(SessionKey::private(platform.name(), team, &message.chat_id)),
            Access::Public => Some(SessionKey::public(platform.name(), &message.chat_id)),
        };
        let is_streamed = !is_command && delivery == Delivery::Streamed;
        let kind = match delivery {
            _ if is_command => TurnKind::Command,
            _ if completion.is_some() => TurnKind::Completion,
            Delivery::Whole => TurnKind::Chat,
            Delivery::Streamed => TurnKind::Stream,
        };
        let id = TurnId::new();
        let facts =
            TurnFacts { id, kind, begun, is_streamed, message, completion, principal, platform, key, idempotency };
        let platform = Arc::clone(&facts.platform);
        match self.hold(facts, wished, counted).await {
            Ok(turn) => Ok(Admission::Turn(Box::new(Turn { rate, ..turn }))),
            Err(refused) => {
                metrics::message_refused(refused.kind().code(), platform.name());
                // What is refused does not count.
                self.parts.give_back(rate.as_ref()).await;
                Err(refused)
            }
        }
    }

    /// Whether a message of a user, for whom no key speaks, would pass its platform's rate limit now. Takes nothing of it.
    ///
    /// # Errors
    /// [`RateLimited`](ErrorKind::RateLimited) if it would not, [`InvalidInput`](ErrorKind::InvalidInput) when there is
    /// no such platform, [`Unavailable`](ErrorKind::Unavailable) when the limiter cannot be asked.
    pub async fn check_rate(&self, platform: &str, user_id: &str) -> Result<()> {
        let platform = self.platform(platform)?;
        let taken = self.take_rate(&platform, TeamId::HOST, user_id).await?;
        self.parts.give_back(taken.as_ref()).await;
        Ok(())
    }

    /// Takes a message from the user's rate limit, if the platform has one.
    async fn take_rate(&self, platform: &Platform, team: TeamId, user_id: &str) -> Result<Option<RateToken>> {
        let Some(limit) = platform.messages_per_minute().map(RateLimit::per_minute) else { return Ok(None) };
        let (key, taken) = (RateKey::new(platform.name(), team.0, user_id), Instant::now());
        let decision = self.parts.limiter.check(&key, limit, self.parts.clock.now()).await?;
        decision.into_result().inspect_err(|error| metrics::message_refused(error.kind().code(), platform.name()))?;
        Ok(Some(RateToken { key, limit, taken }))
    }

    /// Takes what a turn holds to its end: a place in the recorder's queue, its session, its quota.
    async fn hold(
        &self,
        mut facts: TurnFacts,
        wished: Option<Arc<ModelInfo>>,
        counted: TaskTrackerToken,
    ) -> Result<Turn> {
        let parts = &self.parts;
        let window = facts.platform.history_limit();
        let lane = match &facts.key {
            Some(key) => Some(parts.sessions.hold(key, &facts.message.user_id, window).await?),
            None => None,
        };
        // Waiting may have taken long. Whoever waits for a session holds no place, which its holder may need.
        self.check_open()?;
        if let Some(principal) = &facts.principal {
            facts.principal = Some(parts.authenticator.recognise_again(principal).await?);
        }
        let place = parts.recorder.take_place()?;
        let model = match wished {
            Some(model) => model,
            None => self.session_model(lane.as_ref(), &facts)?,
        };
        if facts.kind != TurnKind::Command && facts.completion.is_none() {
            parts.check_window(&facts, &model)?;
        }
        let reservation = match &facts.principal {
            Some(principal) if facts.kind != TurnKind::Command => {
                Some(parts.quotas.reserve(&Allowance::of(principal)).await?)
            }
            _ => None,
        };
        Ok(Turn { facts, model, lane, reservation, place, rate: None, _counted: counted })
    }

    fn check_open(&self) -> Result<()> {
        if self.closed.is_cancelled() {
            return Err(Error::unavailable("the engine is shutting down").with_retry_after(Duration::from_secs(5)));
        }
        Ok(())
    }

    fn platform(&self, name: &str) -> Result<Arc<Platform>> {
        self.parts.platforms.get(name).map(Arc::clone).ok_or_else(|| {
            let mut known: Vec<_> = self.parts.platforms.keys().map(String::as_str).collect();
            known.sort_unstable();
            Error::invalid("platform", format!("{name:?} is not a platform; there is {}", known.join(", ")))
        })
    }

    /// The model that the message itself asks for.
    fn wished_model(&self, request: &TurnRequest, platform: &Platform) -> Result<Option<Arc<ModelInfo>>> {
        let Some(name) = &request.message.model else {
            return Ok(None);
        };
        let model = platform.find_model(name, &self.parts.catalogue).ok_or_else(|| {
            let is_open =
                |model: &&ModelId| request.principal.as_ref().is_none_or(|principal| principal.may_use(model));
            let open: Vec<_> = platform.available_models().iter().filter(is_open).map(ModelId::as_str).collect();
            let open = if open.is_empty() { "none that this team may use".to_owned() } else { open.join(", ") };
            let text = format!("{name:?} is not a model of this platform; there is {open}");
            match request.completion {
                Some(_) => Error::new(ErrorKind::NotFound, text),
                None => Error::invalid("model", text),
            }
        })?;
        match &request.principal {
            Some(principal) if !principal.may_use(&model.id) => {
                Err(Error::new(ErrorKind::Forbidden, format!("this team may not use the model {}", model.id)))
            }
            _ => Ok(Some(model)),
        }
    }

    /// The session's model while it is open to the caller, else the first one that is. A command needs none.
    fn session_model(&self, lane: Option<&SessionLane>, facts: &TurnFacts) -> Result<Arc<ModelInfo>> {
        let (platform, models) = (&facts.platform, facts.platform.available_models());
        let is_open = |model: &ModelId| facts.principal.as_ref().is_none_or(|principal| principal.may_use(model));
        let chosen = lane.and_then(SessionLane::session).and_then(|session| session.model.as_ref());
        let chosen = chosen.filter(|&model| models.contains(model) && is_open(model));
        let first = || models.iter().find(|&model| is_open(model));
        let any = || platform.default_model().filter(|_| facts.kind == TurnKind::Command);
        let model = chosen.or_else(first).or_else(any);
        model.map(|model| self.parts.catalogue.get(model)).ok_or_else(|| {
            Error::new(ErrorKind::Forbidden, format!("this team may use no model of the platform {}", platform.name()))
        })
    }

    /// The result of an earlier request with the same key, or the right to work on it.
    async fn replay_or_begin(&self, request: &TurnRequest) -> Result<Result<Option<Idempotency>, Reply>> {
        let Some(key) = &request.idempotency else {
            return Ok(Ok(None));
        };
        let digest = request.digest();
        let mut stored = self.parts.turns.find_turn(key).await?;
        if stored.is_none() {
            let running = self.running_keys.begin(key)?;
            // It may have been recorded between the look and the beginning.
            stored = self.parts.turns.find_turn(key).await?;
            if stored.is_none() {
                return Ok(Ok(Some(Idempotency { key: key.clone(), digest, _running: running })));
            }
        }
        let stored = stored.ok_or_else(|| Error::internal("a stored turn is not there"))?;
        earlier_result(stored, digest).map(Err)
    }
}

/// Checks what was sent; tells whether it is a command, and what its text is where that is not what was sent.
fn check(request: &TurnRequest) -> Result<(bool, Option<String>)> {
    if request.completion.is_some() {
        // It was checked when it was read, and its text is no command.
        return Ok((false, None));
    }
    request.message.check()?;
    Ok(match parse(&request.message.text)? {
        Parsed::Command(_) => (true, None),
        Parsed::Text(text) => (false, (text.len() < request.message.text.len()).then(|| text.to_owned())),
    })
}

impl ProcessorParts {
    /// Gives back what a message took of its user's rate limit. What is longer ago than a refill has come back by itself.
    pub(super) async fn give_back(&self, rate: Option<&RateToken>) {
        if let Some(rate) = rate.filter(|rate| rate.taken.elapsed() < rate.limit.refill_time()) {
            drop(self.limiter.give_back(&rate.key, rate.limit).await);
        }
    }
}

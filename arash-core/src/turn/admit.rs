use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::{Parsed, parse};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{TeamId, TurnId};
use crate::message::IncomingMessage;
use crate::platform::{Access, ModelId, ModelInfo, Platform};
use crate::quota::{Allowance, RateKey, RateLimit, Reservation};
use crate::session::{SessionKey, SessionLane};
use crate::team::Principal;
use crate::turn::idempotency::RunningKey;
use crate::turn::processor::{Delivery, MessageProcessor};
use crate::turn::recorder::RecorderPlace;
use crate::turn::reply::StoredReply;
use crate::turn::{IdempotencyKey, Reply, RequestDigest, TurnRequest};
use crate::usage::TurnKind;

/// What becomes of a message at the door.
pub(super) enum Admission {
    /// It was answered before.
    Replay(Box<Reply>),
    /// It is to be answered.
    Turn(Box<Turn>),
}

/// An admitted turn: everything that its answer needs is held.
pub(super) struct Turn {
    pub(super) facts: TurnFacts,
    pub(super) model: Arc<ModelInfo>,
    pub(super) lane: SessionLane,
    pub(super) reservation: Option<Reservation>,
    pub(super) place: RecorderPlace,
}

/// What stands of a turn from its beginning to its end.
pub(super) struct TurnFacts {
    pub(super) id: TurnId,
    pub(super) kind: TurnKind,
    pub(super) begun: Instant,
    pub(super) message: IncomingMessage,
    pub(super) principal: Option<Arc<Principal>>,
    pub(super) platform: Arc<Platform>,
    pub(super) key: SessionKey,
    pub(super) idempotency: Option<Idempotency>,
}

/// The idempotency key of a running turn.
pub(super) struct Idempotency {
    pub(super) key: IdempotencyKey,
    pub(super) digest: RequestDigest,
    pub(super) _running: RunningKey,
}

impl MessageProcessor {
    /// Decides whether a message is answered. The cheap checks come first, what is held comes last; whatever is
    /// held is let go when the caller goes away.
    pub(super) async fn admit(&self, request: TurnRequest, delivery: Delivery) -> Result<Admission> {
        let (begun, parts) = (Instant::now(), &self.parts);
        self.check_open()?;
        request.message.check()?;
        let platform = self.platform(&request.message.platform)?;
        let is_command = matches!(parse(&request.message.text)?, Parsed::Command(_));
        let wished = self.wished_model(&request, &platform)?;
        let idempotency = match self.replay_or_begin(&request).await? {
            Err(reply) => return Ok(Admission::Replay(Box::new(reply))),
            Ok(idempotency) => idempotency,
        };
        let TurnRequest { message, principal, .. } = request;
        let team = principal.as_ref().map_or(TeamId::HOST, |principal| principal.team_id());
        self.check_rate(&platform, team, &message.user_id).await?;
        let place = parts.recorder.take_place()?;
        let key = match platform.access() {
            Access::Private => SessionKey::private(platform.name(), team, &message.chat_id),
            Access::Public => SessionKey::public(platform.name(), &message.chat_id),
        };
        let lane = parts.sessions.hold(&key, &message.user_id, platform.history_limit()).await?;
        // Waiting may have taken long.
        self.check_open()?;
        let model = match wished {
            Some(model) => model,
            None => self.session_model(&lane, &platform, principal.as_deref())?,
        };
        let reservation = match principal.as_deref() {
            Some(principal) if !is_command => Some(parts.quotas.reserve(&Allowance::of(principal)).await?),
            _ => None,
        };
        let kind = match delivery {
            _ if is_command => TurnKind::Command,
            Delivery::Whole => TurnKind::Chat,
            Delivery::Streamed => TurnKind::Stream,
        };
        let facts = TurnFacts { id: TurnId::new(), kind, begun, message, principal, platform, key, idempotency };
        Ok(Admission::Turn(Box::new(Turn { facts, model, lane, reservation, place })))
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
            let open: Vec<_> = platform.available_models().iter().map(ModelId::as_str).collect();
            Error::invalid("model", format!("{name:?} is not a model of this platform; there is {}", open.join(", ")))
        })?;
        match &request.principal {
            Some(principal) if !principal.may_use(&model.id) => {
                Err(Error::new(ErrorKind::Forbidden, format!("this team may not use the model {}", model.id)))
            }
            _ => Ok(Some(model)),
        }
    }

    /// The session's model while it is open to the caller, else the first one that is.
    fn session_model(
        &self,
        lane: &SessionLane,
        platform: &Platform,
        principal: Option<&Principal>,
    ) -> Result<Arc<ModelInfo>> {
        let mut open =
            platform.available_models().iter().filter(|model| principal.is_none_or(|p| p.may_use(model))).peekable();
        let first = open.peek().copied();
        let chosen = lane.session().and_then(|session| session.model.as_ref());
        let model = open.find(|&model| Some(model) == chosen).or(first);
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
        let running = self.running_keys.begin(key)?;
        let Some(stored) = self.parts.turns.find_turn(key).await? else {
            return Ok(Ok(Some(Idempotency { key: key.clone(), digest, _running: running })));
        };
        if stored.request_digest != Some(digest) {
            let text = "this idempotency key was used for another request before; use a new key for a new request";
            return Err(Error::new(ErrorKind::IdempotencyMismatch, text));
        }
        let receipt = stored.receipt.ok_or_else(|| Error::internal("a turn was stored without its reply"))?;
        StoredReply::replay(&receipt).map(Err)
    }

    async fn check_rate(&self, platform: &Platform, team: TeamId, user_id: &str) -> Result<()> {
        let Some(per_minute) = platform.messages_per_minute() else {
            return Ok(());
        };
        let key = RateKey::new(platform.name(), team.0, user_id);
        let limit = RateLimit::per_minute(per_minute);
        self.parts.limiter.check(&key, limit, self.parts.clock.now()).await?.into_result()
    }
}

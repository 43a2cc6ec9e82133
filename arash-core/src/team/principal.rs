use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ApiKeyId, TeamId};
use crate::platform::ModelId;
use crate::team::{AccessLevel, Actor, KeyDigest, KeyOwner};

/// `last_used_at` is written at the first use, then at most this often.
const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

/// A caller who was recognised: an active key of an active team.
#[derive(Debug)]
pub struct Principal {
    owner: KeyOwner,
    allowed_models: Option<Arc<[ModelId]>>,
    last_touched: AtomicI64,
    /// The secret that was shown, and the authenticator's generation at that time; `None` where a program made it.
    recognised: Option<(KeyDigest, u64)>,
}

impl Principal {
    /// The caller behind this key.
    pub fn new(owner: KeyOwner) -> Self {
        let allowed_models = owner.team.allowed_models.as_deref().map(Arc::from);
        let last_touched = owner.key.last_used_at.map_or(i64::MIN, Timestamp::as_millis);
        Self { owner, allowed_models, last_touched: AtomicI64::new(last_touched), recognised: None }
    }

    /// The caller behind this key, by the secret with this digest, in a generation of the authenticator.
    pub(super) fn recognised(owner: KeyOwner, digest: KeyDigest, generation: u64) -> Self {
        Self { recognised: Some((digest, generation)), ..Self::new(owner) }
    }

    /// The secret that was shown, and the generation it was recognised in.
    pub(super) fn recognition(&self) -> Option<(KeyDigest, u64)> {
        self.recognised
    }

    /// The key that was shown.
    pub fn key_id(&self) -> ApiKeyId {
        self.owner.key.id
    }

    /// The key's name.
    pub fn key_name(&self) -> &str {
        &self.owner.key.name
    }

    /// The team that the key belongs to.
    pub fn team_id(&self) -> TeamId {
        self.owner.team.id
    }

    /// What the key may do.
    pub fn access_level(&self) -> AccessLevel {
        self.owner.key.access_level
    }

    /// The key and its team as they were when it was recognised.
    pub fn owner(&self) -> &KeyOwner {
        &self.owner
    }

    /// The one check of a right: does this caller's level reach `level`?
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) when it does not.
    pub fn require(&self, level: AccessLevel) -> Result<()> {
        if self.access_level() >= level {
            return Ok(());
        }
        let has = self.access_level();
        Err(Error::new(ErrorKind::Forbidden, format!("this needs a key of level {level}; this key's level is {has}")))
    }

    /// This caller as one who may change everything.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) unless the key is of level admin.
    pub fn admin(&self) -> Result<Actor> {
        self.require(AccessLevel::Admin)?;
        Ok(Actor::admin(self.key_id()))
    }

    /// This caller as one who may change the keys of the own team up to level team lead; an admin too has no more
    /// rights as one.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) unless the key is of level team lead or admin.
    pub fn lead(&self) -> Result<Actor> {
        self.require(AccessLevel::TeamLead)?;
        Ok(Actor::lead(self.key_id(), self.team_id()))
    }

    /// The only models that the caller's team may use; `None` means all.
    pub(crate) fn allowed_models(&self) -> Option<Arc<[ModelId]>> {
        self.allowed_models.clone()
    }

    /// Whether the caller's team may use `model`.
    pub fn may_use(&self, model: &ModelId) -> bool {
        self.allowed_models.as_ref().is_none_or(|allowed| allowed.contains(model))
    }

    /// Whether `last_used_at` is due; if so, it counts as written.
    pub(crate) fn take_touch(&self, now: Timestamp) -> bool {
        let last = self.last_touched.load(Ordering::Relaxed);
        let due = last.saturating_add(TOUCH_INTERVAL.as_millis() as i64) <= now.as_millis();
        due && self.last_touched.compare_exchange(last, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

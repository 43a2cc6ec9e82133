use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::team::{ApiKey, AuditEntry, ChangeContext, KeyDigest};

/// Longest time that a secret stays good beside the one that takes its place.
pub const MAX_OVERLAP: Duration = Duration::from_secs(30 * 86_400);

/// A new secret for a key. The key stays what it is, with its id and its usage.
#[derive(Clone, Debug)]
pub struct KeyRotation {
    /// The digest of the new secret.
    pub digest: KeyDigest,
    /// The first characters of the new secret.
    pub key_prefix: String,
    /// For how long the secret until now stays good beside it; zero ends it at once.
    pub overlap: Duration,
}

impl KeyRotation {
    /// What it makes of a key, and the line for the audit log. What was good before the secret until now is refused
    /// from then on, whatever time it had left.
    ///
    /// # Errors
    /// Those of [`Actor::require_over`](crate::team::Actor::require_over); [`Conflict`](ErrorKind::Conflict) when the
    /// key is not active or has expired: its new secret would be refused.
    pub fn on(&self, before: &ApiKey, by: &ChangeContext) -> Result<(ApiKey, AuditEntry)> {
        by.actor.require_over(before)?;
        if !before.is_active {
            let message = format!("API key {} is not active; only an active one can be rotated", before.id);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        if before.expires_at.is_some_and(|end| end <= by.at) {
            let message = format!("API key {} has expired; only one that has not can be rotated", before.id);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let previous_expires_at = (!self.overlap.is_zero()).then(|| by.at.plus(self.overlap));
        let after = ApiKey { key_prefix: self.key_prefix.clone(), previous_expires_at, ..before.clone() };
        let entry = AuditEntry::changed(before, &after, "rotated", by);
        Ok((after, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::id::{ApiKeyId, TeamId};
    use crate::team::{AccessLevel, Actor, NewApiKey};

    fn key() -> ApiKey {
        let new = NewApiKey::new(TeamId(7), KeyDigest::of("key"), "sk_live_abcd".to_owned(), "key".to_owned());
        ApiKey::from_new(ApiKeyId(5), new, Timestamp::from_millis(10))
    }

    fn rotation(seconds: u64) -> KeyRotation {
        let overlap = Duration::from_secs(seconds);
        KeyRotation { digest: KeyDigest::of("new"), key_prefix: "sk_live_efgh".to_owned(), overlap }
    }

    fn by(actor: Actor) -> ChangeContext {
        ChangeContext::new(actor, Timestamp::from_millis(1_000))
    }

    #[test]
    fn the_secret_until_now_is_good_until_the_overlap_ends() {
        for (seconds, end) in [(60, Some(Timestamp::from_millis(61_000))), (0, None)] {
            let (after, entry) = rotation(seconds).on(&key(), &by(Actor::program())).unwrap();
            let key_prefix = "sk_live_efgh".to_owned();
            assert_eq!(after, ApiKey { key_prefix, previous_expires_at: end, ..key() });
            assert_eq!(entry.action, "key.rotated");
            assert_eq!(entry.after.unwrap().contains_key("previous_expires_at"), end.is_some());
        }
    }

    #[test]
    fn a_key_that_is_refused_is_not_rotated() {
        let expired = ApiKey { expires_at: Some(Timestamp::from_millis(1_000)), ..key() };
        for key in [ApiKey { is_active: false, ..key() }, expired] {
            let refused = rotation(0).on(&key, &by(Actor::program())).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Conflict);
        }
    }

    #[test]
    fn a_team_lead_rotates_no_admin_key() {
        let admin = ApiKey { access_level: AccessLevel::Admin, ..key() };
        let lead = by(Actor::lead(ApiKeyId(3), TeamId(7)));
        assert_eq!(rotation(0).on(&admin, &lead).unwrap_err().kind(), ErrorKind::Forbidden);
        assert!(rotation(0).on(&key(), &lead).is_ok());
    }
}

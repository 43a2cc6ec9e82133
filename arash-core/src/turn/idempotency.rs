use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::id::TurnId;
use crate::idempotency::{IdempotencyKey, RequestDigest, in_progress};
use crate::turn::reply::StoredReply;
use crate::turn::{Reply, TurnState};

/// A turn as the store remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTurn {
    /// Its id.
    pub turn_id: TurnId,
    /// How it ended.
    pub state: TurnState,
    /// The digest of its request, where it had an idempotency key.
    pub request_digest: Option<RequestDigest>,
    /// Its reply as JSON, where it had an idempotency key.
    pub receipt: Option<String>,
}

/// What the first request with the same idempotency key got; `digest` is that of the request that repeats it.
pub(super) fn earlier_result(earlier: StoredTurn, digest: RequestDigest) -> Result<Reply> {
    if earlier.state == TurnState::Started {
        return Err(in_progress());
    }
    digest.require_repetition_of(earlier.request_digest)?;
    let receipt = earlier.receipt.ok_or_else(|| Error::internal("a turn was stored without its reply"))?;
    StoredReply::replay(&receipt)
}

/// The idempotency keys that this process works on right now.
#[derive(Clone, Debug, Default)]
pub(super) struct RunningKeys(Arc<Mutex<HashSet<IdempotencyKey>>>);

/// Keeps a key from being worked on twice; until dropped.
#[derive(Debug)]
pub(super) struct RunningKey {
    keys: RunningKeys,
    key: IdempotencyKey,
}

impl RunningKeys {
    pub(super) fn begin(&self, key: &IdempotencyKey) -> Result<RunningKey> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        if !is_new {
            return Err(in_progress());
        }
        Ok(RunningKey { keys: self.clone(), key: key.clone() })
    }
}

impl Drop for RunningKey {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_key_is_worked_on_once_at_a_time() {
        let running = RunningKeys::default();
        let key = IdempotencyKey::new("key:1", "abc").unwrap();
        let first = running.begin(&key).unwrap();
        assert_eq!(running.begin(&key).unwrap_err().kind(), ErrorKind::IdempotencyInProgress);
        assert!(running.begin(&IdempotencyKey::new("key:2", "abc").unwrap()).is_ok());
        drop(first);
        assert!(running.begin(&key).is_ok());
    }
}

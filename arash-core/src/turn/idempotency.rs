use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, FieldError, Result};
use crate::id::TurnId;
use crate::turn::reply::StoredReply;
use crate::turn::{Reply, TurnState};

/// Longest idempotency key, in characters.
const MAX_KEY_CHARS: usize = 255;

/// Makes a repeated request find the first one's result: the caller's key within the caller's scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IdempotencyKey {
    scope: String,
    key: String,
}

impl IdempotencyKey {
    /// `key`, 1 to 255 characters, as `scope` uses it: two scopes never meet.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) when the key is empty, too long or has control characters.
    pub fn new(scope: impl Into<String>, key: impl Into<String>) -> Result<Self> {
        let (scope, key) = (scope.into(), key.into());
        let chars = key.chars().count();
        if !(1..=MAX_KEY_CHARS).contains(&chars) || key.chars().any(char::is_control) {
            return Err(Error::invalid_fields(vec![FieldError {
                field: "Idempotency-Key".into(),
                message: format!("must have 1 to {MAX_KEY_CHARS} printable characters").into(),
            }]));
        }
        Ok(Self { scope, key })
    }

    /// Who uses it.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The key itself.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// What tells whether a repeated request is the same request: SHA-256 over all that makes it up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestDigest([u8; 32]);

impl RequestDigest {
    /// The digest of these parts. Their lengths count, so that moving a letter from one to the next is seen.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The digest with these bytes; `None` unless there are 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestDigest(…)")
    }
}

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
    if earlier.request_digest != Some(digest) {
        let text = "this idempotency key was used for another request before; use a new key for a new request";
        return Err(Error::new(ErrorKind::IdempotencyMismatch, text));
    }
    let receipt = earlier.receipt.ok_or_else(|| Error::internal("a turn was stored without its reply"))?;
    StoredReply::replay(&receipt)
}

fn in_progress() -> Error {
    let text = "a request with this idempotency key is being worked on; its result is given when it is done";
    Error::new(ErrorKind::IdempotencyInProgress, text).with_retry_after(Duration::from_secs(1))
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

    #[test]
    fn the_digest_sees_where_parts_end() {
        assert!(RequestDigest::of([&b"ab"[..], b"c"]) != RequestDigest::of([&b"a"[..], b"bc"]));
        assert!(RequestDigest::of([&b"ab"[..]]) == RequestDigest::of([&b"ab"[..]]));
    }

    #[test]
    fn keys_have_1_to_255_characters() {
        for key in [String::new(), "x".repeat(256), "a\nb".to_owned()] {
            assert!(IdempotencyKey::new("s", key).is_err());
        }
        assert!(IdempotencyKey::new("s", "کلید".repeat(63)).is_ok());
    }
}

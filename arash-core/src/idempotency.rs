//! Repeated requests that are done once: the key that names a request, and the digest that tells it from others.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, FieldError, Result};

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

    /// The digest of `request` as JSON.
    ///
    /// # Errors
    /// [`Internal`](ErrorKind::Internal) when it cannot be written as JSON.
    pub fn of_json(request: &impl Serialize) -> Result<Self> {
        let json = serde_json::to_vec(request)
            .map_err(|fault| Error::internal("a request could not be written as JSON").with_source(fault))?;
        Ok(Self::of([json.as_slice()]))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the digest of the request that used the same idempotency key before.
    ///
    /// # Errors
    /// [`IdempotencyMismatch`](ErrorKind::IdempotencyMismatch) when it is that of another request.
    pub fn require_repetition_of(self, earlier: Option<Self>) -> Result<()> {
        if earlier == Some(self) {
            return Ok(());
        }
        let text = "this idempotency key was used for another request before; use a new key for a new request";
        Err(Error::new(ErrorKind::IdempotencyMismatch, text))
    }
}

impl fmt::Debug for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestDigest(…)")
    }
}

/// The first request with this key has not ended yet.
pub(crate) fn in_progress() -> Error {
    let text = "a request with this idempotency key is being worked on; its result is given when it is done";
    Error::new(ErrorKind::IdempotencyInProgress, text).with_retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

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

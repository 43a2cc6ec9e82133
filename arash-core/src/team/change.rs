use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::idempotency::{IdempotencyKey, RequestDigest, in_progress};
use crate::team::Actor;

/// Who changes something, when, and how a repetition of the change is known.
#[derive(Clone, Debug)]
pub struct ChangeContext {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What a repetition of this change is known by, and the digest that tells it from another one. Creations and
    /// rotations heed it; what may be repeated without harm does not.
    pub idempotency: Option<(IdempotencyKey, RequestDigest)>,
}

impl ChangeContext {
    /// A change by `actor` that is not known when it is repeated.
    pub const fn new(actor: Actor, at: Timestamp) -> Self {
        Self { at, actor, idempotency: None }
    }

    /// What an earlier change under the same idempotency key came to: the digest of its request and the receipt that was
    /// kept of it.
    ///
    /// # Errors
    /// [`IdempotencyMismatch`](crate::ErrorKind::IdempotencyMismatch) when that was another request;
    /// [`IdempotencyInProgress`](crate::ErrorKind::IdempotencyInProgress) when there is no receipt yet;
    /// [`Internal`](crate::ErrorKind::Internal) when the receipt cannot be read.
    pub fn repeated<T: DeserializeOwned>(
        &self,
        digest: Option<RequestDigest>,
        receipt: Option<&str>,
    ) -> Result<Changed<T>> {
        if let Some((_, own)) = &self.idempotency {
            own.require_repetition_of(digest)?;
        }
        let result = serde_json::from_str(receipt.ok_or_else(in_progress)?)
            .map_err(|fault| Error::internal("a stored result could not be read").with_source(fault))?;
        Ok(Changed { result, is_replayed: true })
    }
}

/// What a change that may be repeated came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<T> {
    /// What there is since; of a repetition, what there was when it was done first.
    pub result: T,
    /// Whether it was done by an earlier request with the same idempotency key, and not again.
    pub is_replayed: bool,
}

impl<T: Serialize> Changed<T> {
    /// What was done just now.
    pub const fn new(result: T) -> Self {
        Self { result, is_replayed: false }
    }

    /// What is kept of it for repetitions.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when it cannot be written as JSON.
    pub fn receipt(&self) -> Result<String> {
        serde_json::to_string(&self.result)
            .map_err(|fault| Error::internal("a result could not be written as JSON").with_source(fault))
    }
}

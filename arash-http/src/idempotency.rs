//! The header `Idempotency-Key`, read in one place for all operations.

use arash_core::Error;
use arash_core::idempotency::IdempotencyKey;
use arash_core::team::Principal;
use poem::http::HeaderMap;

/// The header's name.
pub(crate) const HEADER: &str = "Idempotency-Key";

/// The caller's idempotency key for `operation`, which no other caller's and no other operation's requests can meet.
///
/// # Errors
/// `InvalidInput` for one that cannot be read, and for several: the request must not be done twice by mistake.
pub(crate) fn key(
    headers: &HeaderMap,
    principal: &Principal,
    operation: &str,
) -> Result<Option<IdempotencyKey>, Error> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::invalid(HEADER, "is there more than once; one is accepted"));
    }
    let text = std::str::from_utf8(value.as_bytes())
        .map_err(|_| Error::invalid(HEADER, "must have 1 to 255 printable characters"))?;
    IdempotencyKey::new(format!("key:{}:{operation}", principal.key_id()), text).map(Some)
}

/// The value of the header `Idempotency-Replayed`, for a result that an earlier request got first.
pub(crate) fn replayed(is_replayed: bool) -> Option<String> {
    is_replayed.then(|| "true".to_owned())
}

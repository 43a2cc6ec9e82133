//! The header `Idempotency-Key`, read in one place for all operations.

use std::borrow::Cow;

use arash_core::Error;
use arash_core::idempotency::IdempotencyKey;
use arash_core::team::Principal;
use poem::http::HeaderMap;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::Type;

use crate::scalar::scalar;

/// The header's name.
pub(crate) const HEADER: &str = "Idempotency-Key";

/// What the header may hold, for the OpenAPI document.
#[derive(Debug)]
pub(crate) struct GivenKey;

impl Type for GivenKey {
    scalar!();

    fn name() -> Cow<'static, str> {
        "idempotency_key".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(1),
            max_length: Some(255),
            // White space around it is no part of a header's value.
            pattern: Some("^[!-~]([ -~]*[!-~])?$".to_owned()),
            ..MetaSchema::new("string")
        }))
    }
}

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
    // `to_str` takes printable ASCII, and tabs.
    let text = value.to_str().ok().filter(|text| !text.contains('\t'));
    let text = text.ok_or_else(|| Error::invalid(HEADER, "must have 1 to 255 printable ASCII characters"))?;
    IdempotencyKey::new(format!("key:{}:{operation}", principal.key_id()), text).map(Some)
}

/// The value of the header `Idempotency-Replayed`, for a result that an earlier request got first.
pub(crate) fn replayed(is_replayed: bool) -> Option<String> {
    is_replayed.then(|| "true".to_owned())
}

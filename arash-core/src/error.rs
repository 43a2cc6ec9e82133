//! The one error that leaves the engine: what kind it is, whether to try again, and when.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as a caller needs to know it.
///
/// Hosts map each kind to one answer; see [`ErrorKind::code`] for its stable name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value that was given is not acceptable; [`Error::fields`] names each one.
    InvalidInput,
    /// No key, or one that is malformed, unknown, expired or revoked.
    Unauthenticated,
    /// A known caller without the right.
    Forbidden,
    /// The named thing does not exist, or is not the caller's to see.
    NotFound,
    /// A name that must be unique is taken.
    AlreadyExists,
    /// The thing changed in the meantime.
    Conflict,
    /// Too many messages of one session are waiting for their turn.
    SessionBusy,
    /// The same idempotency key is being worked on.
    IdempotencyInProgress,
    /// The same idempotency key came with another request before.
    IdempotencyMismatch,
    /// Too many messages per minute.
    RateLimited,
    /// The day's or the month's quota is used up.
    QuotaExceeded,
    /// The AI provider failed or answered with something unusable.
    AiService,
    /// The AI provider does not take the request as it is: to send it again is in vain.
    AiRefused,
    /// The conversation is longer than the model can take.
    ContextLength,
    /// The AI provider did not answer in time.
    AiTimeout,
    /// Storage cannot be reached, a queue is full, or the engine is shutting down.
    Unavailable,
    /// A defect of this program.
    Internal,
}

impl ErrorKind {
    /// The stable name of this kind, as it stands in answers and logs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidInput => "validation_failed",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::SessionBusy => "session_busy",
            Self::IdempotencyInProgress => "idempotency_in_progress",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::RateLimited => "rate_limited",
            Self::QuotaExceeded => "quota_exceeded",
            Self::AiService => "ai_service_error",
            Self::AiRefused => "ai_service_refused",
            Self::ContextLength => "context_length_exceeded",
            Self::AiTimeout => "ai_service_timeout",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal_server_error",
        }
    }

    /// The kind that [`ErrorKind::code`] names, if any.
    pub fn from_code(code: &str) -> Option<Self> {
        const ALL: [ErrorKind; 17] = [
            ErrorKind::InvalidInput,
            ErrorKind::Unauthenticated,
            ErrorKind::Forbidden,
            ErrorKind::NotFound,
            ErrorKind::AlreadyExists,
            ErrorKind::Conflict,
            ErrorKind::SessionBusy,
            ErrorKind::IdempotencyInProgress,
            ErrorKind::IdempotencyMismatch,
            ErrorKind::RateLimited,
            ErrorKind::QuotaExceeded,
            ErrorKind::AiService,
            ErrorKind::AiRefused,
            ErrorKind::ContextLength,
            ErrorKind::AiTimeout,
            ErrorKind::Unavailable,
            ErrorKind::Internal,
        ];
        ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// One field of the input that is not acceptable, and what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name as the caller wrote it, dotted for nested ones.
    pub field: Cow<'static, str>,
    /// What was wrong and what is accepted.
    pub message: Cow<'static, str>,
}

/// Most fields that an error's text names; [`Error::fields`] has all.
const MAX_TOLD: usize = 20;

/// The limit that refused a request, as the `RateLimit` headers tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitInfo {
    /// The policy's name: `per-minute`, `daily` or `monthly`.
    pub policy: &'static str,
    /// How many requests the window admits.
    pub limit: u64,
    /// The window's length.
    pub window: Duration,
    /// How many requests are left now.
    pub remaining: u64,
    /// How long until at least one more is admitted.
    pub resets_in: Duration,
}

/// An error of the engine.
///
/// Its text names what was given and what is accepted; it never holds a secret,
/// a statement, a path or a provider's words. Those stay in [`source`](StdError::source), for logs.
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    fields: Vec<FieldError>,
    limit: Option<LimitInfo>,
    retry_after: Option<Duration>,
    is_replayed: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that says `message`: lower case, no full stop.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                kind,
                message: message.into(),
                fields: Vec::new(),
                limit: None,
                retry_after: None,
                is_replayed: false,
                source: None,
            }),
        }
    }

    /// One field that is not acceptable.
    pub fn invalid(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::invalid_fields(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// All fields that are not acceptable.
    pub fn invalid_fields(fields: Vec<FieldError>) -> Self {
        let mut message = String::from("the request is not valid");
        for (index, fault) in fields.iter().take(MAX_TOLD).enumerate() {
            message.push_str(if index == 0 { ": " } else { "; " });
            message.push_str(&fault.field);
            message.push(' ');
            message.push_str(&fault.message);
        }
        if fields.len() > MAX_TOLD {
            message.push_str("; and more");
        }
        Self::new(ErrorKind::InvalidInput, message).edit(|inner| inner.fields = fields)
    }

    /// A fault of storage that may pass: answered with 503 by hosts, never with 401.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unavailable, message).with_retry_after(Duration::from_secs(1))
    }

    /// A defect of this program; `message` names what did not hold.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// The same error, to be tried again after `delay`.
    pub fn with_retry_after(self, delay: Duration) -> Self {
        self.edit(|inner| inner.retry_after = Some(delay))
    }

    /// The same error with the limit that caused it; tried again when that resets.
    pub fn with_limit(self, limit: LimitInfo) -> Self {
        self.edit(|inner| {
            inner.retry_after = Some(limit.resets_in);
            inner.limit = Some(limit);
        })
    }

    /// The same error with the fault behind it.
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source: Box<dyn StdError + Send + Sync> = source.into();
        self.edit(|inner| inner.source = Some(Arc::from(source)))
    }

    /// The same error as the result of an earlier request with the same idempotency key.
    pub(crate) fn replayed(self) -> Self {
        self.edit(|inner| inner.is_replayed = true)
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The fields that are not acceptable; empty unless the kind is [`ErrorKind::InvalidInput`].
    pub fn fields(&self) -> &[FieldError] {
        &self.inner.fields
    }

    /// The limit that refused the request, if one did.
    pub fn limit(&self) -> Option<&LimitInfo> {
        self.inner.limit.as_ref()
    }

    /// Whether the same request may succeed later without being changed.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.inner.kind,
            ErrorKind::Conflict
                | ErrorKind::SessionBusy
                | ErrorKind::IdempotencyInProgress
                | ErrorKind::RateLimited
                | ErrorKind::QuotaExceeded
                | ErrorKind::AiService
                | ErrorKind::AiTimeout
                | ErrorKind::Unavailable
        )
    }

    /// Whether this is the result of an earlier request with the same idempotency key.
    pub fn is_replayed(&self) -> bool {
        self.inner.is_replayed
    }

    /// How long to wait before trying again, where it is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Error");
        text.field("kind", &self.inner.kind).field("message", &self.inner.message);
        if let Some(delay) = self.inner.retry_after {
            text.field("retry_after", &delay);
        }
        if let Some(source) = &self.inner.source {
            text.field("source", source);
        }
        text.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_lead_back_to_their_kind() {
        for kind in [
            ErrorKind::InvalidInput,
            ErrorKind::SessionBusy,
            ErrorKind::AiRefused,
            ErrorKind::ContextLength,
            ErrorKind::AiTimeout,
            ErrorKind::Internal,
        ] {
            assert_eq!(ErrorKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(ErrorKind::from_code("no_such_code"), None);
    }

    #[test]
    fn the_source_stays_out_of_the_text() {
        let error = Error::unavailable("storage cannot be reached").with_source("secret path /tmp/x");
        assert_eq!(error.to_string(), "storage cannot be reached");
        assert!(error.source().is_some());
        assert!(error.is_retryable());
    }

    #[test]
    fn every_field_is_named() {
        let error = Error::invalid_fields(vec![
            FieldError { field: "text".into(), message: "is missing".into() },
            FieldError { field: "user_id".into(), message: "is empty".into() },
        ]);
        assert_eq!(error.to_string(), "the request is not valid: text is missing; user_id is empty");
        assert_eq!(error.fields().len(), 2);
    }
}

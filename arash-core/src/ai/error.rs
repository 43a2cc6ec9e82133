use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// How a provider failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AiErrorKind {
    /// It could not be reached.
    Connect,
    /// It did not answer in time.
    Timeout,
    /// It said that there are too many requests.
    RateLimited,
    /// It said that it cannot answer now.
    Overloaded,
    /// It refused the request as it is.
    Refused,
    /// It said that it could not answer.
    Unanswered,
    /// It failed at the request.
    Failed,
    /// It refused the key, or is not where it is said to be: its operator has to mend the settings.
    Misconfigured,
    /// It does not have the model.
    UnknownModel,
    /// The conversation is longer than the model can take.
    ContextLength,
    /// It does not take what is attached.
    Attachment,
    /// It was not asked: it failed too often lately, or too many wait for it.
    Unavailable,
    /// What it answered is not what the protocol says.
    Malformed,
}

impl AiErrorKind {
    /// Its stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
            Self::Malformed => "malformed",
            Self::Failed => "failed",
            Self::Misconfigured => "misconfigured",
            Self::UnknownModel => "unknown_model",
            Self::ContextLength => "context_length",
            Self::Attachment => "attachment",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A provider's failure. Its own words stay in the source, for logs; callers are told only the kind.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the AI service {}", self.says())]
pub struct AiError {
    kind: AiErrorKind,
    upstream: Option<Arc<str>>,
    retry_after: Option<Duration>,
    #[source]
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl AiError {
    /// A failure of `kind`.
    pub fn new(kind: AiErrorKind) -> Self {
        Self { kind, upstream: None, retry_after: None, source: None }
    }

    /// The same failure with what was behind it, for logs only.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source: Box<dyn StdError + Send + Sync> = source.into();
        self.source = Some(Arc::from(source));
        self
    }

    /// The same failure, with the time after which the provider asks to be tried again.
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The same failure, with the name of the upstream that it happened at, for logs only.
    pub fn at(mut self, upstream: impl Into<Arc<str>>) -> Self {
        self.upstream = Some(upstream.into());
        self
    }

    /// How it failed.
    pub fn kind(&self) -> AiErrorKind {
        self.kind
    }

    /// After which time the provider asks to be tried again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same request may succeed if it is sent again.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, AiErrorKind::Connect | AiErrorKind::RateLimited | AiErrorKind::Overloaded)
    }

    fn says(&self) -> &'static str {
        match self.kind {
            AiErrorKind::Connect => "could not be reached",
            AiErrorKind::Timeout => "did not answer in time",
            AiErrorKind::RateLimited => "has too many requests",
            AiErrorKind::Overloaded => "cannot answer now",
            AiErrorKind::Refused => "refused the request as it is",
            AiErrorKind::Unanswered | AiErrorKind::Failed => "failed",
            AiErrorKind::Misconfigured => "cannot be used as it is set up",
            AiErrorKind::UnknownModel => "does not have the model",
            AiErrorKind::ContextLength => "cannot take a conversation of this length",
            AiErrorKind::Attachment => "cannot take what is attached",
            AiErrorKind::Unavailable => "is not available for now",
            AiErrorKind::Malformed => "gave an answer that cannot be used",
        }
    }
}

impl From<AiError> for Error {
    fn from(failure: AiError) -> Self {
        let kind = match failure.kind {
            AiErrorKind::Timeout => ErrorKind::AiTimeout,
            AiErrorKind::Unavailable => ErrorKind::Unavailable,
            AiErrorKind::Refused | AiErrorKind::Attachment => ErrorKind::AiRefused,
            AiErrorKind::ContextLength => ErrorKind::ContextLength,
            _ => ErrorKind::AiService,
        };
        let error = Self::new(kind, failure.to_string());
        let error = match failure.retry_after {
            Some(delay) => error.with_retry_after(delay),
            None => error,
        };
        match failure.source {
            Some(source) => error.with_source(SharedSource(source)),
            None => error,
        }
    }
}

/// A shared fault as the source of another error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct SharedSource(Arc<dyn StdError + Send + Sync>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_providers_words_stay_in_the_source() {
        let failure = AiError::new(AiErrorKind::Refused).with_source("invalid key sk-123");
        let error = Error::from(failure);
        assert_eq!(error.to_string(), "the AI service refused the request as it is");
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::AiRefused, false));
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("invalid key sk-123"));
    }

    #[test]
    fn a_provider_that_was_not_asked_is_unavailable_for_a_time() {
        let failure = AiError::new(AiErrorKind::Unavailable).with_retry_after(Duration::from_secs(7)).at("canary");
        let error = Error::from(failure);
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(Duration::from_secs(7))));
        assert_eq!(error.to_string(), "the AI service is not available for now");
    }
}

use arash_core::{Error, ErrorKind};

use super::Said;

impl Said<'_> {
    /// What a person is told of an error: one sentence, without a code.
    pub(crate) fn of_failure(error: &Error) -> Self {
        let wait = error.retry_after();
        match error.kind() {
            ErrorKind::RateLimited => Self::RateLimited { wait: wait.unwrap_or_default() },
            ErrorKind::QuotaExceeded => Self::QuotaExceeded { wait },
            ErrorKind::AiTimeout => Self::AiTimedOut,
            ErrorKind::AiService | ErrorKind::AiRefused => Self::AiFailed,
            // All that is invalid in a message without attachments is its length.
            ErrorKind::ContextLength | ErrorKind::InvalidInput => Self::ConversationTooLong,
            ErrorKind::SessionBusy => Self::TooManyWaiting,
            ErrorKind::Forbidden | ErrorKind::NotFound => Self::ModelNotUsable,
            ErrorKind::Unavailable => Self::Unavailable,
            _ => Self::Defect,
        }
    }
}

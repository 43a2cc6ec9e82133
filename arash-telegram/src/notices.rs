//! Who is told of what goes wrong, and how often: a person of his limit once, administrators of a kind of failure once an
//! hour.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arash_core::{Error, ErrorKind};
use teloxide::types::ChatId;
use tokio::time::Instant;

/// How often administrators are told of one kind of failure.
const HOUR: Duration = Duration::from_hours(1);
/// A limit is of messages a minute, and so often a person is told of it at most.
const WINDOW: Duration = Duration::from_mins(1);
/// From so many entries on, those that are over are forgotten.
const MANY: usize = 1_024;

/// What somebody was told, and until when that is enough.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    limits: HashMap<(ChatId, String), Instant>,
    failures: HashMap<ErrorKind, Failures>,
}

#[derive(Debug)]
struct Failures {
    told_at: Instant,
    /// Since then.
    count: u64,
}

impl Notices {
    /// Whether this person is to be told now that he writes too much: once a window, and
    /// not again before he may go on.
    pub(crate) fn tells_of_limit(&self, chat: ChatId, user: &str, wait: Duration) -> bool {
        let now = Instant::now();
        self.with(|told| {
            if told.limits.len() >= MANY {
                told.limits.retain(|_, until| *until > now);
            }
            let until = told.limits.entry((chat, user.to_owned())).or_insert(now);
            let is_news = *until <= now;
            if is_news {
                *until = now + wait.max(WINDOW);
            }
            is_news
        })
    }

    /// Whether administrators are to be told of this failure now, and how many there were of its kind that they were not
    /// told of; `None` if it is nobody's fault here, or they were told within the hour.
    pub(crate) fn tells_of_failure(&self, error: &Error) -> Option<u64> {
        let kind = error.kind();
        let is_ours = matches!(
            kind,
            ErrorKind::AiService
                | ErrorKind::AiTimeout
                | ErrorKind::AiRefused
                | ErrorKind::Unavailable
                | ErrorKind::Internal
        );
        if !is_ours {
            return None;
        }
        let now = Instant::now();
        self.with(|told| {
            let failures = match told.failures.get_mut(&kind) {
                Some(failures) if now.duration_since(failures.told_at) < HOUR => {
                    failures.count += 1;
                    return None;
                }
                other => other,
            };
            let count = failures.map_or(0, |failures| failures.count);
            told.failures.insert(kind, Failures { told_at: now, count: 0 });
            Some(count)
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut Told) -> R) -> R {
        act(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: ChatId = ChatId(1);

    #[tokio::test(start_paused = true)]
    async fn a_person_is_told_of_his_limit_once_a_window() {
        for (wait, again) in [(3, 60), (90, 90)] {
            let notices = Notices::default();
            let told = |user: &str| notices.tells_of_limit(CHAT, user, Duration::from_secs(wait));
            assert!(told("ann") && !told("ann") && told("boris"));
            tokio::time::sleep(Duration::from_secs(again - 1)).await;
            assert!(!told("ann"));
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(told("ann") && !told("ann"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn administrators_are_told_of_a_kind_of_failure_once_an_hour() {
        let notices = Notices::default();
        let told = |kind| notices.tells_of_failure(&Error::new(kind, "it failed"));
        assert_eq!(
            [told(ErrorKind::AiService), told(ErrorKind::AiService), told(ErrorKind::AiTimeout)],
            [Some(0), None, Some(0)]
        );
        assert_eq!(told(ErrorKind::RateLimited), None, "nobody's fault");
        tokio::time::sleep(HOUR).await;
        assert_eq!(told(ErrorKind::AiService), Some(1));
    }
}

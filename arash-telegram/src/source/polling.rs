use std::sync::Arc;
use std::time::Duration;

use teloxide::payloads::DeleteWebhook;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::api::{ApiError, Fetched, GetUpdates};
use crate::bot::Bot;
use crate::inbox::Held;
use crate::source::ALLOWED;

/// How long Telegram waits for an update.
const POLL_SECONDS: u32 = 50;
/// Most updates of one answer.
const MOST: u8 = 100;
/// Between two attempts after a fault, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Asks Telegram for updates until `stop`. An update is asked for again until it is stored.
pub(crate) async fn poll(bot: Arc<Bot>, stop: CancellationToken, take: impl Fn(Held)) {
    let polling = async {
        let (mut next, mut pause) = (Next { offset: None, limit: MOST }, PAUSES.0);
        bot.intake.open().await;
        loop {
            bot.intake.room().await;
            let asked = Instant::now();
            match fetch(&bot, next).await {
                Ok((held, following)) => {
                    held.into_iter().for_each(&take);
                    bot.health.polls();
                    // A server that does not wait for updates by itself is not asked without end.
                    if following.is_no_step_after(next) && asked.elapsed() < PAUSES.0 {
                        sleep(PAUSES.0).await;
                    }
                    (next, pause) = (following, PAUSES.0);
                }
                Err(Fault::Telegram(error)) if error.code() == Some(401) => return,
                Err(fault) => {
                    fails(&bot, &fault).await;
                    tracing::warn!(%fault, pause_seconds = pause.as_secs(), "updates cannot be fetched");
                    sleep(fault.wait().unwrap_or(pause)).await;
                    next = match fault {
                        // What comes slowly may come in time if it is less.
                        Fault::Telegram(ApiError::Unknown { .. }) => next.fewer(),
                        // Behind those without a number there may be some with one.
                        Fault::Numberless => next.more(),
                        _ => next,
                    };
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    };
    tokio::select! {
        () = polling => {}
        () = stop.cancelled() => {}
    }
}

/// What is asked for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Next {
    /// The number of the first update, once it is known.
    offset: Option<i64>,
    limit: u8,
}

impl Next {
    fn after(self, id: i64) -> Self {
        Self { offset: Some(id.saturating_add(1)), ..self }
    }

    /// Whether the same is asked for again.
    fn is_no_step_after(self, before: Self) -> bool {
        self.offset == before.offset && self.limit >= before.limit
    }

    fn fewer(self) -> Self {
        Self { limit: (self.limit / 2).max(1), ..self }
    }

    fn more(self) -> Self {
        Self { limit: self.limit.saturating_mul(2).min(MOST), ..self }
    }
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Telegram(#[from] ApiError),
    #[error("updates cannot be stored: {0}")]
    Store(#[from] arash_core::Error),
    /// Telegram sends them again, because it cannot be told that they were taken.
    #[error("no update that Telegram sends has a number of Telegram's")]
    Numberless,
    /// As if it had never been told.
    #[error("Telegram sends updates again that it was told were taken")]
    Repeated,
}

impl Fault {
    fn wait(&self) -> Option<Duration> {
        match self {
            Self::Telegram(error) => error.retry_after(),
            Self::Store(_) | Self::Numberless | Self::Repeated => None,
        }
    }
}

/// The next updates, stored; and what to ask for after them.
async fn fetch(bot: &Bot, next: Next) -> Result<(Vec<Held>, Next), Fault> {
    let ask = GetUpdates { offset: next.offset, limit: next.limit, timeout: POLL_SECONDS, allowed_updates: &ALLOWED };
    let updates = match bot.api.updates(&ask).await? {
        Fetched::Updates(updates) => updates,
        // Many that are long may be too much for one answer, and so may be one: then it is like one that is too long to be
        // stored.
        Fetched::TooLong(_) if next.limit > 1 => return Ok((Vec::new(), next.fewer())),
        Fetched::TooLong(first) => {
            // Where it cannot be told: Telegram numbers one after the other.
            let id = first.or(next.offset).ok_or(Fault::Numberless)?;
            tracing::warn!(update_id = id, "an update is too long to be read and is left out");
            return Ok((Vec::new(), next.after(id).more()));
        }
    };
    let held = bot.intake.store(&updates).await?;
    if updates.is_empty() {
        return Ok((held, next.more()));
    }
    let highest = updates.iter().filter_map(|raw| crate::inbox::number(raw)).max().ok_or(Fault::Numberless)?;
    let following = next.after(highest).more();
    // Numbers may begin anew after a week without any, so that they go back is no fault.
    if held.is_empty() && following.offset == next.offset {
        return Err(Fault::Repeated);
    }
    Ok((held, following))
}

/// What a fault means to the bot's health, and what can be done about it.
async fn fails(bot: &Bot, fault: &Fault) {
    match fault {
        // Telegram answers; what storage refuses the intake knows.
        Fault::Store(_) => return bot.health.polls(),
        Fault::Telegram(error) if error.code() == Some(409) => take_over(bot, error).await,
        Fault::Telegram(_) | Fault::Numberless | Fault::Repeated => {}
    }
    bot.health.fails(&fault.to_string());
}

/// Somebody else gets the updates: a webhook of before, which is taken away, or another program, which is only told of.
async fn take_over(bot: &Bot, error: &ApiError) {
    tracing::error!(%error, "another program or a webhook takes this bot's updates");
    if error.to_string().contains("webhook")
        && let Err(error) = bot.api.call(&DeleteWebhook::new()).await
    {
        tracing::warn!(%error, "the webhook cannot be taken away");
    }
}

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use teloxide::payloads::{DeleteWebhook, GetUpdates};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::api::ApiError;
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
        let (mut offset, mut limit, mut pause) = (None, MOST, PAUSES.0);
        bot.intake.open().await;
        loop {
            bot.intake.room().await;
            match next(&bot, offset, limit).await {
                Ok((held, next)) => {
                    held.into_iter().for_each(&take);
                    (offset, limit, pause) = (next.or(offset), MOST, PAUSES.0);
                    bot.health.polls();
                }
                Err(Fault::Telegram(error)) if error.code() == Some(401) => return,
                Err(fault) => {
                    fails(&bot, &fault).await;
                    tracing::warn!(%fault, pause_seconds = pause.as_secs(), "updates cannot be fetched");
                    sleep(fault.wait().unwrap_or(pause)).await;
                    // Many that are long may be too much for one answer.
                    let is_unread = matches!(fault, Fault::Telegram(ApiError::Unknown { .. }));
                    limit = if is_unread { (limit / 4).max(1) } else { MOST };
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

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Telegram(#[from] ApiError),
    #[error("updates cannot be stored: {0}")]
    Store(#[from] arash_core::Error),
    /// Telegram sends them again, because it cannot be told that they were taken.
    #[error("no update that Telegram sends has a number of Telegram's")]
    Numberless,
}

impl Fault {
    fn wait(&self) -> Option<Duration> {
        match self {
            Self::Telegram(error) => error.retry_after(),
            Self::Store(_) | Self::Numberless => None,
        }
    }
}

/// The next updates, stored; and the number from which to ask on, if there were any.
async fn next(bot: &Bot, offset: Option<i32>, limit: u8) -> Result<(Vec<Held>, Option<i32>), Fault> {
    let ask =
        GetUpdates { offset, limit: Some(limit), timeout: Some(POLL_SECONDS), allowed_updates: Some(ALLOWED.to_vec()) };
    let updates: Vec<Box<RawValue>> = bot.api.call_for(&ask).await?;
    let held = bot.intake.store(&updates).await?;
    let highest = updates.iter().filter_map(|raw| crate::inbox::number(raw)).max();
    if highest.is_none() && !updates.is_empty() {
        return Err(Fault::Numberless);
    }
    Ok((held, highest.and_then(|id| id.checked_add(1))))
}

/// What a fault means to the bot's health, and what can be done about it.
async fn fails(bot: &Bot, fault: &Fault) {
    match fault {
        // Telegram answers; what storage refuses the intake knows.
        Fault::Store(_) => return bot.health.polls(),
        Fault::Telegram(error) if error.code() == Some(409) => take_over(bot, error).await,
        Fault::Telegram(_) | Fault::Numberless => {}
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

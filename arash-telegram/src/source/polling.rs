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
/// Between two attempts after a fault, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Asks Telegram for updates until `stop`. An update is asked for again until it is stored.
pub(crate) async fn poll(bot: Arc<Bot>, stop: CancellationToken, take: impl Fn(Held)) {
    let polling = async {
        let (mut offset, mut pause) = (None, PAUSES.0);
        bot.intake.open().await;
        loop {
            bot.intake.room().await;
            match next(&bot, offset).await {
                Ok((held, next)) => {
                    held.into_iter().for_each(&take);
                    (offset, pause) = (next.or(offset), PAUSES.0);
                    bot.health.polls();
                }
                Err(Fault::Telegram(error)) if error.code() == Some(401) => return,
                Err(fault) => {
                    if let Fault::Telegram(error) = &fault
                        && error.code() == Some(409)
                    {
                        take_over(&bot, error).await;
                    }
                    tracing::warn!(%fault, pause_seconds = pause.as_secs(), "updates cannot be fetched");
                    bot.health.fails(&fault.to_string());
                    sleep(fault.wait().unwrap_or(pause)).await;
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
}

impl Fault {
    fn wait(&self) -> Option<Duration> {
        match self {
            Self::Telegram(error) => error.retry_after(),
            Self::Store(_) => None,
        }
    }
}

/// The next updates, stored; and the number from which to ask on.
async fn next(bot: &Bot, offset: Option<i32>) -> Result<(Vec<Held>, Option<i32>), Fault> {
    let ask =
        GetUpdates { offset, limit: Some(100), timeout: Some(POLL_SECONDS), allowed_updates: Some(ALLOWED.to_vec()) };
    let updates: Vec<Box<RawValue>> = bot.api.call_for(&ask).await?;
    let held = bot.intake.store(&updates).await?;
    Ok((held, highest(&updates).and_then(|id| id.checked_add(1))))
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

fn highest(updates: &[Box<RawValue>]) -> Option<i32> {
    updates.iter().filter_map(|raw| crate::inbox::number(raw)).filter_map(|id| i32::try_from(id).ok()).max()
}

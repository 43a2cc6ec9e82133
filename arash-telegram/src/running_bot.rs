//! A bot that runs: its sources, its leases, its end.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use url::Url;

use crate::bot::{Bot, LAST_ANSWERS};
use crate::introduction::introduce;
use crate::lane::Lanes;
use crate::source::{Webhook, poll, stay_registered};

/// A bot that knows who it is.
#[derive(Clone)]
pub(crate) struct Answering {
    pub(crate) bot: Arc<Bot>,
    pub(crate) lanes: Arc<Lanes>,
}

impl Answering {
    /// Answers until `stop`, then lets running answers end.
    pub(crate) async fn run(&self, stop: CancellationToken, webhook: Option<&(Url, Webhook)>) {
        let bot = &self.bot;
        let take = |held| self.lanes.take(held);
        let ended = bot.stop.clone();
        let sources = async {
            tokio::join!(
                introduce(bot),
                bot.intake.keep(ended.clone(), take),
                self.source(webhook, ended.clone(), take)
            );
        };
        tokio::select! {
            () = sources => {}
            () = stop.cancelled() => {}
            () = bot.api.refused() => {
                tracing::error!("Telegram refuses the token of the bot; nothing is sent any more");
                stop.cancelled().await;
            }
        }
        bot.stop.cancel();
        // Leases have to be kept until the last answer.
        tokio::select! {
            () = self.lanes.end(LAST_ANSWERS) => {}
            () = bot.intake.keep_only() => {}
        }
        bot.intake.leave().await;
    }

    async fn source(
        &self,
        webhook: Option<&(Url, Webhook)>,
        stop: CancellationToken,
        take: impl Fn(crate::inbox::Held),
    ) {
        let Some((base, webhook)) = webhook else {
            return poll(Arc::clone(&self.bot), stop, take).await;
        };
        tokio::select! {
            () = stay_registered(&self.bot.api, &self.bot.health, base, webhook) => {}
            () = stop.cancelled() => {}
        }
    }
}

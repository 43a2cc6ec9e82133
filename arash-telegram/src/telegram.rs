//! A bot from its start to its end.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arash_core::Engine;
use arash_core::id::BotId;
use arash_core::settings::TelegramSettings;
use poem::Endpoint;
use teloxide::payloads::GetMe;
use teloxide::types::Me;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::answer::Running;
use crate::api::{ApiError, BotApi};
use crate::attachments::FileMemory;
use crate::bot::{Bot, PLATFORM};
use crate::health::{BotHealth, Health};
use crate::inbox::Intake;
use crate::incoming::BotInfo;
use crate::introduction::STATS;
use crate::keyboards::Changes;
use crate::lane::Lanes;
use crate::moved::Moved;
use crate::notices::Notices;
use crate::outgoing::Outgoing;
use crate::remembered::Remembered;
use crate::replies::Replies;
use crate::running_bot::Answering;
use crate::source::{Webhook, WebhookRoute};

/// Between two attempts to reach Telegram at the start, at first and at most.
pub(crate) const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Why a bot cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TelegramError {
    /// No token was given.
    #[error("TELEGRAM_BOT_TOKEN is missing")]
    NoToken,
    /// Telegram does not know the token.
    #[error("Telegram refuses TELEGRAM_BOT_TOKEN: it is wrong, or was revoked; BotFather tells the right one")]
    TokenRefused,
    /// A client for HTTP cannot be made.
    #[error("no HTTP client can be made")]
    Client,
    /// The port for its health and its webhook cannot be had: which one, and why.
    #[error("{0}")]
    Port(String),
}

/// A bot on Telegram that answers with an engine.
pub struct Telegram {
    parts: Parts,
    api: Arc<BotApi>,
    health: Arc<Health>,
    webhook: Option<(Url, Webhook)>,
    /// What answers, from when Telegram has told who the bot is.
    answering: Arc<OnceLock<Answering>>,
}

/// What a bot is made of, beside what Telegram tells of it.
struct Parts {
    engine: Engine,
    admins: Vec<i64>,
    has_drafts: bool,
    has_rich_messages: bool,
    image_limit: Option<usize>,
}

impl std::fmt::Debug for Telegram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telegram").field("username", &self.username()).finish_non_exhaustive()
    }
}

impl Telegram {
    /// A bot that has not yet asked Telegram who it is; that is done by [`Telegram::run`], or before by
    /// [`Telegram::reach`]. The engine must have the platform `telegram`, as that of
    /// [`Settings::engine`](arash_core::settings::Settings::engine) has.
    ///
    /// # Errors
    /// When there is no token.
    pub fn new(engine: Engine, settings: &TelegramSettings, image_limit: Option<usize>) -> Result<Self, TelegramError> {
        let token = settings.token.as_ref().ok_or(TelegramError::NoToken)?;
        let api = BotApi::new(&settings.api_url, token).map_err(|_| TelegramError::Client)?;
        let health = Arc::new(Health::default());
        health.fails("Telegram has not answered yet");
        let base = settings.webhook_url.as_ref().and_then(|url| url.expose().parse().ok());
        let webhook = base.map(|base| (base, Webhook::of(token)));
        let admins = settings.platform.admin_users.iter().filter_map(|user| user.parse().ok()).collect();
        let &TelegramSettings { has_drafts, has_rich_messages, .. } = settings;
        let parts = Parts { engine, admins, has_drafts, has_rich_messages, image_limit };
        Ok(Self { parts, api: Arc::new(api), health, webhook, answering: Arc::default() })
    }

    /// A bot that has asked Telegram who it is; as long as Telegram cannot be reached, again and again.
    ///
    /// # Errors
    /// When there is no token, or Telegram refuses it.
    pub async fn connect(
        engine: Engine,
        settings: &TelegramSettings,
        image_limit: Option<usize>,
    ) -> Result<Self, TelegramError> {
        let telegram = Self::new(engine, settings, image_limit)?;
        telegram.until_reached().await?;
        Ok(telegram)
    }

    /// Asks Telegram once who the bot is; tells whether that is known.
    ///
    /// # Errors
    /// When Telegram refuses the token.
    pub async fn reach(&self) -> Result<bool, TelegramError> {
        Ok(self.ask_who().await?.is_ok())
    }

    /// Asks Telegram again and again until it is known who the bot is.
    ///
    /// # Errors
    /// When Telegram refuses the token.
    pub async fn until_reached(&self) -> Result<(), TelegramError> {
        self.answering().await.map(drop)
    }

    /// The path and the route that Telegram brings updates to, if it is to bring them; nothing where they are fetched.
    pub fn route(&self) -> Option<(String, impl Endpoint + 'static)> {
        let (_, webhook) = self.webhook.as_ref()?;
        let answering = Arc::clone(&self.answering);
        let find = move || {
            let Answering { bot, lanes } = answering.get()?.clone();
            Some((bot, move |held| lanes.take(held)))
        };
        Some((webhook.path.clone(), WebhookRoute { webhook: webhook.clone(), find }))
    }

    /// The bot's name, without the `@`; nothing as long as Telegram has not told it.
    pub fn username(&self) -> Option<&str> {
        self.answering.get().map(|answering| answering.bot.info.username.as_str())
    }

    /// How the bot is doing.
    pub fn health(&self) -> BotHealth {
        let of_intake = || self.answering.get().and_then(|answering| answering.bot.intake.fault());
        match self.health.fault().or_else(of_intake) {
            _ if self.api.is_refused() => BotHealth::Refused,
            Some(fault) => BotHealth::Degraded(fault),
            None => BotHealth::Healthy,
        }
    }

    /// Asks Telegram again and again until it is known who the bot is.
    async fn answering(&self) -> Result<&Answering, TelegramError> {
        let mut pause = PAUSES.0;
        loop {
            let wait = match self.ask_who().await? {
                Ok(answering) => return Ok(answering),
                Err(error) => error.retry_after(),
            };
            sleep(wait.unwrap_or(pause)).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Asks who the bot is, unless that is known.
    async fn ask_who(&self) -> Result<Result<&Answering, ApiError>, TelegramError> {
        if let Some(answering) = self.answering.get() {
            return Ok(Ok(answering));
        }
        match self.api.call(&GetMe::new()).await {
            Ok(me) => Ok(Ok(self.answering.get_or_init(|| self.begin(&me)))),
            Err(ApiError::Refused { code: 401 | 404, .. }) => Err(TelegramError::TokenRefused),
            Err(error) => {
                tracing::warn!(%error, "Telegram cannot be reached; trying again");
                self.health.fails(&error.to_string());
                Ok(Err(error))
            }
        }
    }

    fn begin(&self, me: &Me) -> Answering {
        let Parts { engine, admins, has_drafts, has_rich_messages, image_limit } = &self.parts;
        self.health.polls();
        let info = info(me, engine, *image_limit);
        let id = BotId(i64::try_from(info.id).unwrap_or_default());
        let bot = Arc::new(Bot {
            info,
            outgoing: Arc::new(Outgoing::new(Arc::clone(&self.api))),
            intake: Intake::new(engine.inbox().clone(), id),
            engine: engine.clone(),
            api: Arc::clone(&self.api),
            running: Running::default(),
            notices: Notices::default(),
            file_memory: FileMemory::default(),
            replies: Replies::default(),
            changes: Changes::default(),
            health: Arc::clone(&self.health),
            remembered: Remembered::new(),
            moved: Moved::default(),
            admins: admins.clone(),
            has_drafts: *has_drafts,
            has_rich_messages: (*has_rich_messages).into(),
            image_limit: *image_limit,
            started: Instant::now(),
            reports: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        Answering { lanes: Lanes::new(Arc::clone(&bot)), bot }
    }

    /// Answers until `stop`, then lets running answers end within half a minute; what is left is answered after the next
    /// start. As long as Telegram cannot be reached, it is tried again; where Telegram refuses the token, nothing is done.
    pub async fn run(&self, stop: CancellationToken) {
        let answering = tokio::select! {
            found = self.answering() => found,
            () = stop.cancelled() => return,
        };
        match answering {
            Ok(answering) => answering.run(stop, self.webhook.as_ref()).await,
            Err(refused) => {
                tracing::error!(%refused, "the bot does not answer");
                stop.cancelled().await;
            }
        }
    }
}

/// Who the bot is.
fn info(me: &Me, engine: &Engine, image_limit: Option<usize>) -> BotInfo {
    let commands = engine.platform(PLATFORM).map(|platform| {
        let for_all = engine.commands().specs_on(platform).map(|spec| spec.name.clone());
        for_all.chain(platform.allows_command(STATS).then(|| STATS.to_owned())).collect()
    });
    BotInfo {
        id: me.user.id.0,
        username: me.user.username.clone().unwrap_or_default(),
        can_read_all_group_messages: me.can_read_all_group_messages,
        commands: commands.unwrap_or_default(),
        max_image_bytes: image_limit.map_or(u64::MAX, |limit| limit as u64),
    }
}

//! A bot from its start to its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arash_core::Engine;
use arash_core::command::{CommandSpec, Text, Texts};
use arash_core::id::BotId;
use arash_core::settings::TelegramSettings;
use poem::Endpoint;
use teloxide::payloads::{GetMe, SetMyCommands};
use teloxide::types::{BotCommand, BotCommandScope, ChatId, Recipient};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::answer::Running;
use crate::api::{ApiError, BotApi};
use crate::bot::{Bot, LAST_ANSWERS, PLATFORM};
use crate::health::{BotHealth, Health};
use crate::inbox::Intake;
use crate::incoming::BotInfo;
use crate::keyboards::Changes;
use crate::lane::Lanes;
use crate::notices::Notices;
use crate::outgoing::Outgoing;
use crate::remembered::Remembered;
use crate::replies::Replies;
use crate::source::{Webhook, WebhookRoute, poll, stay_registered};
use crate::texts::FluentTexts;

/// Between two attempts to reach Telegram at the start, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The languages that commands are described in; the first one is for all others, too.
const LANGUAGES: [&str; 3] = ["en", "fa", "ru"];

/// The command that is for administrators, and therefore stands in no list but theirs.
const STATS: &str = "stats";

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
}

/// A bot on Telegram that answers with an engine.
pub struct Telegram {
    bot: Arc<Bot>,
    lanes: Arc<Lanes>,
    webhook: Option<(Url, Webhook)>,
}

impl std::fmt::Debug for Telegram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telegram").field("username", &self.bot.info.username).finish_non_exhaustive()
    }
}

impl Telegram {
    /// Asks Telegram who the bot is; as long as Telegram cannot be reached, again and again. The engine must have the
    /// platform `telegram`, as that of [`Settings::engine`](arash_core::settings::Settings::engine) has.
    ///
    /// # Errors
    /// When there is no token, or Telegram refuses it.
    pub async fn connect(
        engine: Engine,
        settings: &TelegramSettings,
        image_limit: Option<usize>,
    ) -> Result<Self, TelegramError> {
        let token = settings.token.as_ref().ok_or(TelegramError::NoToken)?;
        let api = BotApi::new(&settings.api_url, token).map_err(|_| TelegramError::Client)?;
        let info = info(&api, &engine, image_limit).await?;
        let api = Arc::new(api);
        let id = BotId(i64::try_from(info.id).unwrap_or_default());
        let bot = Arc::new(Bot {
            info,
            outgoing: Arc::new(Outgoing::new(Arc::clone(&api))),
            intake: Intake::new(engine.inbox().clone(), id),
            engine,
            api,
            running: Running::default(),
            notices: Notices::default(),
            replies: Replies::default(),
            changes: Changes::default(),
            health: Health::default(),
            remembered: Remembered::new(),
            admins: settings.platform.admin_users.iter().filter_map(|user| user.parse().ok()).collect(),
            has_drafts: settings.has_drafts,
            has_rich_messages: settings.has_rich_messages.into(),
            image_limit,
            started: Instant::now(),
            reports: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        let base = settings.webhook_url.as_ref().and_then(|url| url.expose().parse().ok());
        let webhook = base.map(|base| (base, Webhook::of(token)));
        Ok(Self { lanes: Lanes::new(Arc::clone(&bot)), bot, webhook })
    }

    /// The path and the route that Telegram brings updates to, if it is to bring them; nothing where they are fetched.
    pub fn route(&self) -> Option<(String, impl Endpoint + 'static)> {
        let (_, webhook) = self.webhook.as_ref()?;
        let lanes = Arc::clone(&self.lanes);
        let take = move |held| lanes.take(held);
        let route = WebhookRoute { bot: Arc::clone(&self.bot), webhook: webhook.clone(), take };
        Some((webhook.path.clone(), route))
    }

    /// The bot's name, without the `@`.
    pub fn username(&self) -> &str {
        &self.bot.info.username
    }

    /// How the bot is doing.
    pub fn health(&self) -> BotHealth {
        match self.bot.health.fault().or_else(|| self.bot.intake.fault()) {
            _ if self.bot.api.is_refused() => BotHealth::Refused,
            Some(fault) => BotHealth::Degraded(fault),
            None => BotHealth::Healthy,
        }
    }

    /// Answers until `stop`, then lets running answers end within half a minute; what is left is answered after the next
    /// start.
    pub async fn run(&self, stop: CancellationToken) {
        let bot = &self.bot;
        let take = |held| self.lanes.take(held);
        let ended = bot.stop.clone();
        let sources = async {
            tokio::join!(self.introduce(), bot.intake.keep(ended.clone(), take), self.source(ended.clone(), take));
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

    async fn source(&self, stop: CancellationToken, take: impl Fn(crate::inbox::Held)) {
        let Some((base, webhook)) = &self.webhook else {
            return poll(Arc::clone(&self.bot), stop, take).await;
        };
        tokio::select! {
            () = stay_registered(&self.bot.api, &self.bot.health, base, webhook) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Tells Telegram which commands there are, in each language, and for administrators theirs.
    async fn introduce(&self) {
        let admins = self.bot.admins.iter();
        let of_admin = |&admin: &i64| (BotCommandScope::Chat { chat_id: Recipient::Id(ChatId(admin)) }, true);
        for (scope, is_admin) in [(BotCommandScope::Default, false)].into_iter().chain(admins.map(of_admin)) {
            for (language, code) in LANGUAGES.iter().zip([None, Some("fa"), Some("ru")]) {
                self.set_commands(self.commands(language, is_admin), scope.clone(), code).await;
            }
        }
    }

    fn commands(&self, language: &str, is_admin: bool) -> Vec<BotCommand> {
        let Some(platform) = self.bot.engine.platform(PLATFORM) else { return Vec::new() };
        let mut specs = self.bot.engine.commands().specs_for(platform, &FluentTexts, Some(language));
        if is_admin && platform.allows_command(STATS) {
            let command = CommandSpec::new(STATS, "Show how the bot is doing");
            let summary = FluentTexts.say(&Text::CommandSummary { command: &command }, Some(language));
            specs.push(CommandSpec { summary, ..command });
        }
        specs.into_iter().map(|spec| BotCommand::new(spec.name, spec.summary)).collect()
    }

    async fn set_commands(&self, commands: Vec<BotCommand>, scope: BotCommandScope, language: Option<&str>) {
        let mut set = SetMyCommands::new(commands);
        set.scope = Some(scope);
        set.language_code = language.map(str::to_owned);
        let mut pause = PAUSES.0;
        while let Err(error) = self.bot.api.call_for::<_, bool>(&set).await {
            tracing::warn!(%error, "commands cannot be registered");
            // As to an administrator who never wrote to the bot, or with a token that is refused.
            if error.code().is_some_and(|code| code != 429) {
                return;
            }
            sleep(error.retry_after().unwrap_or(pause)).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

/// Who the bot is.
async fn info(api: &BotApi, engine: &Engine, image_limit: Option<usize>) -> Result<BotInfo, TelegramError> {
    let mut pause = PAUSES.0;
    let me = loop {
        match api.call(&GetMe::new()).await {
            Ok(me) => break me,
            Err(ApiError::Refused { code: 401 | 404, .. }) => return Err(TelegramError::TokenRefused),
            Err(error) => {
                tracing::warn!(%error, "Telegram cannot be reached; trying again");
                sleep(error.retry_after().unwrap_or(pause)).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    };
    let commands = engine.platform(PLATFORM).map(|platform| {
        let for_all = engine.commands().specs_on(platform).map(|spec| spec.name.clone());
        for_all.chain(platform.allows_command(STATS).then(|| STATS.to_owned())).collect()
    });
    Ok(BotInfo {
        id: me.user.id.0,
        username: me.user.username.clone().unwrap_or_default(),
        can_read_all_group_messages: me.can_read_all_group_messages,
        commands: commands.unwrap_or_default(),
        max_image_bytes: image_limit.map_or(u64::MAX, |limit| limit as u64),
    })
}

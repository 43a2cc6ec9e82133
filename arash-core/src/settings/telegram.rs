//! The bot on Telegram.

use std::net::IpAddr;

use reqwest::Url;

use crate::command::{CommandRegistry, CommandSpec};
use crate::platform::{ModelId, Platform};
use crate::secret::Secret;
use crate::settings::models::GivenModels;
use crate::settings::resolve::Faults;
use crate::settings::value::{boolean, list, number, numbers, present_secret};
use crate::settings::{AiSettings, Fault, PlatformSettings, SettingsArgs};

/// Where Telegram's own Bot API is.
const API_URL: &str = "https://api.telegram.org";
/// Largest id of a user: Telegram keeps to 52 bits.
const LARGEST_USER_ID: u64 = (1 << 52) - 1;
/// A command that the host answers by itself, for administrators.
const STATS: &str = "stats";

/// The bot on Telegram.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TelegramSettings {
    /// Whether the bot runs beside the other hosts of a program; then there is a token.
    pub is_enabled: bool,
    /// What the bot shows to Telegram, as `123456:ABC…`.
    pub token: Option<Secret>,
    /// The platform of its messages; its administrators are Telegram's ids of users, in decimal.
    pub platform: PlatformSettings,
    /// The only commands that work, by name without the slash; `None` means all.
    pub commands: Option<Vec<String>>,
    /// The address that Telegram sends updates to, to which a path is added, without a slash at its end; without it they
    /// are asked for.
    pub webhook_url: Option<Secret>,
    /// Where the Bot API is, without a slash at its end.
    pub api_url: Secret,
    /// Whether answers in private chats are shown by drafts while they are written.
    pub has_drafts: bool,
    /// Whether answers of models are shown as rich messages once they are final.
    pub has_rich_messages: bool,
}

impl TelegramSettings {
    /// The platform `telegram`.
    pub(super) fn platform(&self) -> Platform {
        let PlatformSettings { models, rate_limit, max_history, admin_users } = &self.platform;
        let platform = Platform::public("telegram")
            .models(models.iter().cloned())
            .rate_limit(*rate_limit)
            .max_history(*max_history)
            .admin_users(admin_users)
            .host_commands(host_commands());
        match &self.commands {
            Some(names) => platform.commands(names),
            None => platform,
        }
    }
}

/// The commands that the host answers by itself, for everyone.
fn host_commands() -> [CommandSpec; 2] {
    [
        CommandSpec::new("stop", "Stop the answer that is being written"),
        CommandSpec::new("retry", "Answer the last message again"),
    ]
}

impl SettingsArgs {
    /// `internal` are the models of the platform `internal`, whose first one answers here where none was set.
    pub(super) fn telegram(&self, ai: &AiSettings, internal: &[ModelId], faults: &mut Faults) -> TelegramSettings {
        let given = present_secret(self.telegram_bot_token.as_ref());
        let token = given.and_then(|given| faults.keep(token(given).map(Some), None));
        let platform = self.telegram_platform(ai, internal, faults);
        let commands = faults.read(self.telegram_commands.as_deref(), None, |value| commands(value).map(Some));
        let users = faults.read(self.telegram_admin_users.as_deref(), Vec::new(), |value| {
            numbers("TELEGRAM_ADMIN_USERS", value, &(1..=LARGEST_USER_ID))
        });
        let webhook_url = present_secret(self.telegram_webhook_url.as_ref());
        let webhook_url = webhook_url.and_then(|url| faults.keep(webhook_address(url).map(Some), None));
        let api_url = present_secret(self.telegram_api_url.as_ref()).unwrap_or(API_URL);
        let api_url = faults.keep(api_address(api_url), API_URL.into());
        let has_drafts = faults.read(self.telegram_drafts.as_deref(), false, |value| boolean("TELEGRAM_DRAFTS", value));
        let has_rich_messages = faults
            .read(self.telegram_rich_messages.as_deref(), false, |value| boolean("TELEGRAM_RICH_MESSAGES", value));
        let is_enabled =
            faults.read(self.run_telegram_bot.as_deref(), false, |value| boolean("RUN_TELEGRAM_BOT", value));
        if is_enabled && given.is_none() {
            let accepted = "the token of a bot, from @BotFather, as in 123456:ABC…, as RUN_TELEGRAM_BOT is true";
            faults.push(Fault::missing("TELEGRAM_BOT_TOKEN", accepted));
        }
        let platform = PlatformSettings { admin_users: users.iter().map(u64::to_string).collect(), ..platform };
        TelegramSettings { is_enabled, token, platform, commands, webhook_url, api_url, has_drafts, has_rich_messages }
    }

    /// The platform without its administrators.
    fn telegram_platform(&self, ai: &AiSettings, internal: &[ModelId], faults: &mut Faults) -> PlatformSettings {
        let mut models = GivenModels::read(
            ("TELEGRAM_DEFAULT_MODEL", self.telegram_default_model.as_deref()),
            ("TELEGRAM_MODELS", self.telegram_models.as_deref()),
            ai,
            faults,
        );
        if models.all.is_empty() && models.default.is_none() {
            models.default = internal.first().map(ToString::to_string);
        }
        PlatformSettings {
            models: models.into_ids(),
            rate_limit: faults.read(self.telegram_rate_limit.as_deref(), 20, |value| {
                number("TELEGRAM_RATE_LIMIT", value, &(0..=1_000_000))
            }),
            max_history: faults.read(self.telegram_max_history.as_deref(), 10, |value| {
                number("TELEGRAM_MAX_HISTORY", value, &(1..=1_000))
            }),
            admin_users: Vec::new(),
        }
    }
}

/// The token of a bot: its id, a colon, and what is secret.
fn token(given: &str) -> Result<Secret, Fault> {
    let is_token = given.split_once(':').is_some_and(|(id, secret)| {
        let is_id = (1..=19).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        is_id && (1..=255).contains(&secret.len()) && secret.bytes().all(is_word) && !is_placeholder(secret)
    });
    let accepted = "the token of a bot, from @BotFather, as in 123456:ABC…, and no placeholder";
    is_token.then(|| Secret::from(given)).ok_or_else(|| Fault::secret("TELEGRAM_BOT_TOKEN", given, accepted))
}

/// Whether somebody left there what an example says, such as `your-token-here`. A real token may have any of these words
/// in it by chance, but hardly two.
fn is_placeholder(secret: &str) -> bool {
    let secret = secret.to_ascii_lowercase();
    let words = ["your", "token", "bot", "here", "placeholder", "changeme", "replace"];
    words.iter().filter(|word| secret.contains(**word)).count() >= 2
}

fn commands(value: &str) -> Result<Vec<String>, Fault> {
    let (built_in, own) = (CommandRegistry::built_in(), host_commands());
    let known = || built_in.specs().chain(&own).map(|spec| spec.name.as_str()).chain([STATS]);
    let mut names: Vec<String> = Vec::new();
    for entry in list("TELEGRAM_COMMANDS", value)? {
        let name = entry.trim_start_matches('/').to_ascii_lowercase();
        if !known().any(|known| known == name) {
            let accepted = known().collect::<Vec<_>>().join(", ");
            return Err(Fault::given("TELEGRAM_COMMANDS", &entry, accepted));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The address, if it is one of HTTP that something may be added to.
fn base_address(given: &str) -> Option<Url> {
    let is_bare = |url: &Url| url.query().is_none() && url.fragment().is_none() && url.has_host();
    Url::parse(given).ok().filter(|url| matches!(url.scheme(), "http" | "https") && is_bare(url))
}

fn webhook_address(given: &str) -> Result<Secret, Fault> {
    let is_local = |url: &Url| {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    let is_usable = |url: &Url| url.username().is_empty() && url.password().is_none();
    let url = base_address(given).filter(|url| is_usable(url) && (url.scheme() == "https" || is_local(url)));
    let accepted =
        "an address that begins with https:// (http:// only to this machine itself), to which a path is added";
    url.map(|_| without_slash(given)).ok_or_else(|| Fault::secret("TELEGRAM_WEBHOOK_URL", given, accepted))
}

fn api_address(given: &str) -> Result<Secret, Fault> {
    let accepted = "the address of a Bot API, which begins with https:// or http://, as in https://api.telegram.org";
    let url = base_address(given).map(|_| without_slash(given));
    url.ok_or_else(|| Fault::secret("TELEGRAM_API_URL", given, accepted))
}

fn without_slash(address: &str) -> Secret {
    Secret::from(address.trim_end_matches('/'))
}

#[cfg(test)]
#[path = "telegram_tests.rs"]
mod tests;

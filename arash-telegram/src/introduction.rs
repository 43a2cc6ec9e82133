//! Which commands Telegram offers to people.

use arash_core::command::{CommandSpec, Text, Texts};
use teloxide::payloads::SetMyCommands;
use teloxide::types::{BotCommand, BotCommandScope, ChatId, Recipient};
use tokio::time::sleep;

use crate::bot::{Bot, PLATFORM};
use crate::telegram::PAUSES;
use crate::texts::FluentTexts;

/// The languages that commands are described in; the first one is for all others, too.
const LANGUAGES: [&str; 3] = ["en", "fa", "ru"];
/// The command that is for administrators, and therefore stands in no list but theirs.
pub(crate) const STATS: &str = "stats";

/// Tells Telegram which commands there are, in each language, and for administrators theirs.
pub(crate) async fn introduce(bot: &Bot) {
    let admins = bot.admins.iter();
    let of_admin = |&admin: &i64| (BotCommandScope::Chat { chat_id: Recipient::Id(ChatId(admin)) }, true);
    for (scope, is_admin) in [(BotCommandScope::Default, false)].into_iter().chain(admins.map(of_admin)) {
        for (language, code) in LANGUAGES.iter().zip([None, Some("fa"), Some("ru")]) {
            set_commands(bot, commands(bot, language, is_admin), scope.clone(), code).await;
        }
    }
}

fn commands(bot: &Bot, language: &str, is_admin: bool) -> Vec<BotCommand> {
    let Some(platform) = bot.engine.platform(PLATFORM) else { return Vec::new() };
    let mut specs = bot.engine.commands().specs_for(platform, &FluentTexts, Some(language));
    if is_admin && platform.allows_command(STATS) {
        let command = CommandSpec::new(STATS, "Show how the bot is doing");
        let summary = FluentTexts.say(&Text::CommandSummary { command: &command }, Some(language));
        specs.push(CommandSpec { summary, ..command });
    }
    specs.into_iter().map(|spec| BotCommand::new(spec.name, spec.summary)).collect()
}

async fn set_commands(bot: &Bot, commands: Vec<BotCommand>, scope: BotCommandScope, language: Option<&str>) {
    let mut set = SetMyCommands::new(commands);
    set.scope = Some(scope);
    set.language_code = language.map(str::to_owned);
    let mut pause = PAUSES.0;
    while let Err(error) = bot.api.call_for::<_, bool>(&set).await {
        tracing::warn!(%error, "commands cannot be registered");
        // As to an administrator who never wrote to the bot, or with a token that is refused.
        if error.code().is_some_and(|code| code != 429) {
            return;
        }
        sleep(error.retry_after().unwrap_or(pause)).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

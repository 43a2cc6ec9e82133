//! A bot that runs in this process, before a fake Telegram.

use std::time::Duration;

use arash_core::settings::{Settings, SettingsArgs};
use arash_core::store::MemoryStore;
use arash_core::testing::ScriptedProvider;
use arash_core::{Engine, Secret};
use arash_fake_telegram::{FakeTelegram, Message, Person};
use arash_telegram::{FluentTexts, Telegram};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A bot and its Telegram.
pub(crate) struct RunningBot {
    pub(crate) telegram: FakeTelegram,
    pub(crate) provider: ScriptedProvider,
    pub(crate) engine: Engine,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl RunningBot {
    /// A bot that polls, with these settings beside those that it needs.
    pub(crate) async fn start_with(change: impl FnOnce(&mut SettingsArgs)) -> Self {
        let telegram = FakeTelegram::start().await.unwrap();
        let settings = settings(&telegram, change);
        let provider = ScriptedProvider::default();
        let engine = settings
            .engine()
            .unwrap()
            .ai(provider.clone())
            .texts(FluentTexts)
            .store(MemoryStore::new())
            .build()
            .await
            .unwrap();
        let bot = Telegram::connect(engine.clone(), &settings.telegram, settings.http.image_limit()).await.unwrap();
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn({
            let stop = stop.clone();
            async move { bot.run(stop).await }
        });
        Self { telegram, provider, engine, stop, running }
    }

    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// What the bot says to this person last, once it is final.
    pub(crate) async fn answer(&self, person: &Person, count: usize) -> Message {
        let found = self.telegram.until(|_| final_messages(person).into_iter().nth(count - 1)).await;
        found.unwrap_or_else(|| unreachable!("there is no answer {count}: {:?}", person.messages_of_bot()))
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.running.join_all().await;
        self.engine.shutdown(Duration::from_secs(5)).await;
    }
}

/// The messages of the bot that are no placeholders and have no button to stop them.
fn final_messages(person: &Person) -> Vec<Message> {
    let is_final = |message: &Message| message.text() != "…" && message.keyboard.is_null();
    person.messages_of_bot().into_iter().filter(is_final).collect()
}

fn settings(telegram: &FakeTelegram, change: impl FnOnce(&mut SettingsArgs)) -> Settings {
    let mut args = SettingsArgs {
        telegram_bot_token: Some(Secret::new(telegram.token())),
        telegram_api_url: Some(Secret::new(telegram.url())),
        ..SettingsArgs::default()
    };
    change(&mut args);
    args.resolve().unwrap()
}

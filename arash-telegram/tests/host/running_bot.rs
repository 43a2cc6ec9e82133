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
    store: MemoryStore,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl RunningBot {
    /// A bot that polls, with these settings beside those that it needs.
    pub(crate) async fn start_with(change: impl FnOnce(&mut SettingsArgs)) -> Self {
        Self::start_on(FakeTelegram::start().await.unwrap(), change).await
    }

    /// A bot of this Telegram, whose people may be named in the settings.
    pub(crate) async fn start_on(telegram: FakeTelegram, change: impl FnOnce(&mut SettingsArgs)) -> Self {
        Self::start_after(telegram, MemoryStore::new(), change).await
    }

    /// A bot that finds what another program has stored.
    pub(crate) async fn start_after(
        telegram: FakeTelegram,
        store: MemoryStore,
        change: impl FnOnce(&mut SettingsArgs),
    ) -> Self {
        let settings = settings(&telegram, change);
        Self::run(telegram, ScriptedProvider::default(), settings, store).await
    }

    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn run(telegram: FakeTelegram, provider: ScriptedProvider, settings: Settings, store: MemoryStore) -> Self {
        let building = settings.engine().unwrap().ai(provider.clone()).texts(FluentTexts).store(store.clone());
        let engine = building.build().await.unwrap();
        let bot = Telegram::connect(engine.clone(), &settings.telegram, settings.http.image_limit()).await.unwrap();
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn({
            let stop = stop.clone();
            async move { bot.run(stop).await }
        });
        Self { telegram, provider, engine, store, stop, running }
    }

    /// The same bot in a new program, on the same storage.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same bot in a new program with other settings, on the same storage.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut SettingsArgs)) -> Self {
        let Self { telegram, provider, engine, store, stop, running } = self;
        stop.cancel();
        running.join_all().await;
        engine.shutdown(Duration::from_secs(5)).await;
        let settings = settings(&telegram, change);
        Self::run(telegram, provider, settings, store).await
    }

    /// What the bot says to this person, once so many of its messages are final: the last of them.
    pub(crate) async fn answer(&self, person: &Person, count: usize) -> Message {
        let found = self.telegram.until(|_| final_messages(person).into_iter().nth(count - 1)).await;
        found.unwrap_or_else(|| unreachable!("there is no answer {count}: {:?}", person.messages_of_bot()))
    }

    /// Waits until a message of the bot shows this, final or not.
    pub(crate) async fn shows(&self, person: &Person, text: &str) -> Message {
        let is_it = |message: &Message| message.text() == text;
        let found = self.telegram.until(|_| person.messages_of_bot().into_iter().rev().find(is_it)).await;
        found.unwrap_or_else(|| unreachable!("nothing shows {text:?}: {:?}", person.messages_of_bot()))
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.running.join_all().await;
        self.engine.shutdown(Duration::from_secs(5)).await;
    }
}

/// The texts of the bot's messages, as they are now.
pub(crate) fn texts(person: &Person) -> Vec<String> {
    person.messages_of_bot().iter().map(|message| message.text().to_owned()).collect()
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

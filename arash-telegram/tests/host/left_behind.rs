//! What a program left behind that died.

use std::sync::Arc;
use std::time::Duration;

use arash_core::clock::SystemClock;
use arash_core::id::{BotId, UpdateId};
use arash_core::inbox::{Inbox, NewUpdate};
use arash_core::store::MemoryStore;
use arash_fake_telegram::{FakeTelegram, Person};
use serde_json::{Value, json};

use crate::running_bot::{RunningBot, texts};

/// A program that takes updates and dies once something is shown in answer to them.
struct Dying {
    telegram: FakeTelegram,
    client: reqwest::Client,
    store: MemoryStore,
}

impl Dying {
    async fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let telegram = FakeTelegram::start().await.unwrap();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        Self { telegram, client, store: MemoryStore::new() }
    }

    async fn call(&self, method: &str, parameters: Value) -> Value {
        let url = format!("{}/bot{}/{method}", self.telegram.url(), self.telegram.token());
        let call = self.client.post(url).header("content-type", "application/json").body(parameters.to_string());
        let answer: Value = serde_json::from_str(&call.send().await.unwrap().text().await.unwrap()).unwrap();
        answer.get("result").unwrap().clone()
    }

    /// Somebody says this, and is shown that he is going to be answered.
    async fn is_asked(&self, person: &Person, text: &str) {
        person.say(text);
        let updates = self.call("getUpdates", json!({})).await;
        let update = updates.get(0).unwrap();
        let id = update.get("update_id").unwrap().as_i64().unwrap();
        self.call("getUpdates", json!({ "offset": id + 1 })).await;
        let stop = json!({ "inline_keyboard": [[{ "text": "Stop", "callback_data": "stop" }]] });
        let shown = json!({ "chat_id": person.chat_id(), "text": "…", "reply_markup": stop });
        let shown = self.call("sendMessage", shown).await.get("message_id").unwrap().clone();
        let (inbox, bot) =
            (Inbox::new(Arc::new(self.store.clone()), Arc::new(SystemClock)), BotId(self.telegram.bot_id()));
        let update = NewUpdate::new(UpdateId(id), update.to_string());
        inbox.receive(bot, &[update], Duration::from_millis(1)).await.unwrap();
        inbox.note(bot, UpdateId(id), &json!({ "messages": [shown] }).to_string()).await.unwrap();
    }
}

#[tokio::test]
async fn a_question_that_is_limited_when_it_is_taken_up_does_not_stay_open() {
    let dying = Dying::start().await;
    let ann = dying.telegram.person("Ann");
    for text in ["one", "two", "three"] {
        dying.is_asked(&ann, text).await;
    }
    let Dying { telegram, store, .. } = dying;
    let bot = RunningBot::start_after(telegram, store, |args| args.telegram_rate_limit = Some("1".to_owned())).await;
    bot.answer(&ann, 3).await;
    let texts = texts(&ann);
    assert_eq!((texts.len(), texts[0].as_str(), bot.provider.calls()), (3, "echo: one", 1), "{texts:?}");
    for text in &texts[1..] {
        assert!(text.contains("a bit fast for me"), "{texts:?}");
    }
    bot.end().await;
}

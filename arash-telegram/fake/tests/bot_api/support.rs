//! A bot that does nothing but call methods, and a receiver of webhooks.

use std::time::Duration;

use arash_fake_telegram::{FakeTelegram, Person};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// A server, a person who has written to the bot, and the bot.
pub(crate) struct Stage {
    pub(crate) telegram: FakeTelegram,
    pub(crate) ann: Person,
    pub(crate) client: Client,
    pub(crate) base: String,
}

impl Stage {
    /// With flood control switched off, and an empty queue.
    pub(crate) async fn new() -> Self {
        let telegram = FakeTelegram::start().await.unwrap();
        telegram.control_floods(false);
        let ann = telegram.person("Ann");
        ann.say("/start");
        let base = format!("{}/bot{}", telegram.url(), telegram.token());
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        let stage = Self { telegram, ann, client, base };
        stage.ok("getUpdates", json!({ "offset": -1 })).await;
        let last = stage.updates(0).await[0]["update_id"].as_i64().unwrap();
        stage.updates(last + 1).await;
        stage
    }

    /// Calls a method; tells the status and the body.
    pub(crate) async fn call(&self, method: &str, payload: Value) -> (u16, Value) {
        let request = self.client.request(Method::POST, format!("{}/{method}", self.base));
        let answer = request.header("content-type", "application/json").body(payload.to_string()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    /// What a call results in that has to succeed.
    pub(crate) async fn ok(&self, method: &str, payload: Value) -> Value {
        let (status, mut body) = self.call(method, payload).await;
        assert_eq!((status, &body["ok"]), (200, &json!(true)), "{body}");
        body["result"].take()
    }

    /// The description with which a call is refused that has to fail. Its code is the status.
    pub(crate) async fn refusal(&self, method: &str, payload: Value) -> String {
        let (status, body) = self.call(method, payload).await;
        assert_eq!((&body["ok"], &body["error_code"]), (&json!(false), &json!(status)), "{body}");
        body["description"].as_str().unwrap().to_owned()
    }

    /// Sends Ann a text and tells the number of the message.
    pub(crate) async fn sent(&self, text: &str) -> i64 {
        let message = self.ok("sendMessage", json!({ "chat_id": self.ann.chat_id(), "text": text })).await;
        message["message_id"].as_i64().unwrap()
    }

    /// Is ready when a poll waits for updates.
    pub(crate) async fn polled(&self) {
        let waits = |telegram: &FakeTelegram| telegram.calls_of("getUpdates").pop()?.outcome.is_none().then_some(());
        self.telegram.until(waits).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// The updates from this offset on, at once.
    pub(crate) async fn updates(&self, offset: i64) -> Vec<Value> {
        self.ok("getUpdates", json!({ "offset": offset })).await.as_array().unwrap().clone()
    }

    /// The updates that wait, each confirmed.
    pub(crate) async fn new_updates(&self) -> Vec<Value> {
        let updates = self.updates(0).await;
        if let Some(last) = updates.last() {
            self.updates(last["update_id"].as_i64().unwrap() + 1).await;
        }
        updates
    }
}

//! Updates that Telegram never sends: none of them stops what comes after it.

use std::fs::{File, read_to_string};
use std::time::Duration;

use arash_fake_telegram::FakeTelegram;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::health::health_with;
use crate::program::Bot;
use crate::scene::{Scene, Source};

const LONG: usize = 3 << 20;

/// A message in a chat, with more beside it.
fn message(id: i64, chat: i64, more: &Value) -> Value {
    let from = json!({"id": chat, "is_bot": false, "first_name": "A"});
    json!({"update_id": id, "message": {"message_id": 1, "date": 0, "text": "hello", "more": more, "from": from,
        "chat": {"id": chat, "type": "private", "first_name": "A"}}})
}

/// The odd updates in one chat.
fn tell_all(telegram: &FakeTelegram, chat: i64) {
    telegram.tell(chat, |id| json!({"update_id": id, "a_kind_of_tomorrow": {"chat": {"id": chat}}}));
    telegram.tell(chat, |id| json!({"update_id": id, "message": [1, 2]}));
    telegram.tell(chat, |id| json!({"update_id": id, "message": (0..900).fold(json!(1), |inner, _| json!([inner]))}));
    for number in [json!(null), json!(-7), json!(5_000_000_000_i64), json!(1e30), json!("8")] {
        telegram.tell(chat, |_| json!({"update_id": number, "message": {}}));
    }
    for whole in [json!([1]), json!("text"), json!(7), json!(null), json!({})] {
        telegram.tell(chat, |_| whole);
    }
}

#[tokio::test]
async fn what_cannot_be_stored_or_read_holds_nothing_up() {
    for source in [Source::Polling, Source::Webhook] {
        let mut scene = Scene::new(source).await;
        let chat = scene.anybody().person.chat_id();
        let log = scene.database.file("log");
        let mut command = scene.command();
        command.stderr(File::create(&log).unwrap());
        let bot = Bot::start(command).await;
        let mut number = 0;
        scene.telegram.tell(chat, |id| {
            number = id;
            message(id, chat, &json!("very long ".repeat(LONG / 10)))
        });
        // Longer than any answer or any body that is looked at.
        scene.telegram.tell(chat, |id| message(id, chat, &json!("much too long ".repeat(2 << 20))));
        tell_all(&scene.telegram, chat);
        scene.ask_for(Duration::ZERO);
        scene.until_all_is_answered().await;
        assert_eq!(health_with(&bot, "healthy").await.0, 200);
        assert_eq!(bot.stop("-TERM").await.0, Some(0));
        scene.check().await;
        let logged = read_to_string(&log).unwrap();
        let told = logged.lines().filter(|line| line.contains("is too long to be stored")).collect::<Vec<_>>();
        assert_eq!(told.len(), 1, "{logged}");
        let words = if source == Source::Polling { "is too long to be read" } else { "is too long to be looked at" };
        assert_eq!(logged.lines().filter(|line| line.contains(words)).count(), 1, "{logged}");
        assert!(told[0].contains(&format!("update_id={number} size_bytes=31")), "{told:?}");
        assert!(!logged.contains("very long") && !logged.contains("much too long"), "what it said is in the log");
    }
}

#[tokio::test]
async fn many_updates_that_are_too_much_for_one_answer_come_in_several() {
    let mut scene = Scene::new(Source::Polling).await;
    let chat = scene.anybody().person.chat_id();
    for _ in 0..6 {
        scene.telegram.tell(chat, |id| message(id, chat, &json!("very long ".repeat(LONG / 10))));
    }
    scene.ask_for(Duration::ZERO);
    let bot = Bot::start(scene.command()).await;
    scene.until_all_is_answered().await;
    assert_eq!(bot.stop("-TERM").await.0, Some(0));
    scene.check().await;
}

#[tokio::test]
async fn updates_that_cannot_be_confirmed_are_not_asked_for_without_a_pause() {
    let mut scene = Scene::new(Source::Polling).await;
    let bot = Bot::start(scene.command()).await;
    health_with(&bot, "healthy").await;
    scene.telegram.tell(1, |_| json!({"message": {}}));
    let (_, health) = health_with(&bot, "degraded").await;
    assert!(health["detail"].as_str().unwrap().contains("number"), "{health}");
    let before = scene.telegram.calls_of("getUpdates").len();
    sleep(Duration::from_secs(3)).await;
    assert!(scene.telegram.calls_of("getUpdates").len() <= before + 3);
    scene.ask_for(Duration::ZERO);
    scene.until_all_is_answered().await;
    health_with(&bot, "healthy").await;
    assert_eq!(bot.stop("-TERM").await.0, Some(0));
    scene.check().await;
}

//! Storage refuses: that is told, nothing is taken that is not stored, and all of it is answered once afterwards.

use std::time::Duration;

use arash_fake_telegram::{FakeTelegram, Fault};
use serde_json::Value;
use sqlx::{AnyConnection, Connection};
use tokio::time::{Instant, sleep};

use crate::health::health_with;
use crate::program::{Bot, PATIENCE, client};
use crate::scene::{Scene, Source};

/// As long as it is there, nobody else writes.
struct Blockade(AnyConnection);

impl Blockade {
    async fn of(scene: &Scene) -> Self {
        let mut connection = AnyConnection::connect(scene.database.url()).await.unwrap();
        let begun = Instant::now();
        while sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "somebody else writes without end");
        }
        Self(connection)
    }

    async fn end(mut self) {
        sqlx::raw_sql("ROLLBACK").execute(&mut self.0).await.unwrap();
    }
}

/// Waits until the bot's health says something of storage. Before, it may say something of Telegram.
async fn told_of_storage(bot: &Bot) {
    let begun = Instant::now();
    let (code, detail) = loop {
        let (code, health) = health_with(bot, "degraded").await;
        match health["detail"].as_str() {
            Some(detail) if detail.starts_with("storage cannot be used: ") => break (code, detail.to_owned()),
            told => assert!(begun.elapsed() < PATIENCE, "{told:?}"),
        }
        sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(code, 200);
    assert!(!detail.contains(['/', '(', '_']) && !detail.contains("UPDATE"), "{detail}");
}

#[tokio::test]
async fn while_what_was_left_behind_cannot_be_taken_up_the_bot_is_not_healthy() {
    for source in [Source::Polling, Source::Webhook] {
        let mut scene = Scene::new(source).await;
        // So that the database is blocked between the start of the engine and the first claim.
        scene.telegram.fault(Fault::internal_error().on("getMe").always());
        let (bot, blockade) = tokio::join!(Bot::start(scene.command()), async {
            let is_asked = |telegram: &FakeTelegram| telegram.calls_of("getMe").pop();
            assert!(scene.telegram.until(is_asked).await.is_some());
            let blockade = Blockade::of(&scene).await;
            scene.telegram.mend();
            blockade
        });
        told_of_storage(&bot).await;
        scene.ask_for(Duration::ZERO);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(scene.telegram.pending_updates(), 1, "it was taken");
        blockade.end().await;
        health_with(&bot, "healthy").await;
        scene.until_all_is_answered().await;
        assert_eq!(bot.stop("-TERM").await.0, Some(0));
        scene.check().await;
    }
}

/// A bot whose storage has refused since it answered something, and somebody who asks.
async fn refused(source: Source) -> (Scene, Bot, Blockade) {
    let mut scene = Scene::new(source).await;
    let bot = Bot::start(scene.command()).await;
    scene.ask_for(Duration::ZERO);
    scene.until_all_is_answered().await;
    let blockade = Blockade::of(&scene).await;
    scene.ask_for(Duration::ZERO);
    told_of_storage(&bot).await;
    (scene, bot, blockade)
}

/// Storage is there again: all is answered once, and nothing is wrong any more.
async fn mended(scene: &Scene, bot: Bot, blockade: Blockade) {
    blockade.end().await;
    scene.until_all_is_answered().await;
    health_with(&bot, "healthy").await;
    assert_eq!(bot.stop("-TERM").await.0, Some(0));
    scene.check().await;
}

/// What Telegram was answered last.
async fn last_error(telegram: &FakeTelegram) -> String {
    let url = format!("{}/bot{}/getWebhookInfo", telegram.url(), telegram.token());
    let answer: Value = serde_json::from_str(&client().get(url).send().await.unwrap().text().await.unwrap()).unwrap();
    answer["result"]["last_error_message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_update_that_cannot_be_stored_is_not_taken_and_answered_once_when_it_comes_again() {
    let (scene, bot, blockade) = refused(Source::Webhook).await;
    let begun = Instant::now();
    while last_error(&scene.telegram).await != "Wrong response from the webhook: 503 Service Unavailable" {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", last_error(&scene.telegram).await);
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(scene.telegram.pending_updates(), 1);
    mended(&scene, bot, blockade).await;
}

#[tokio::test]
async fn a_bot_that_polls_goes_on_where_storage_refused() {
    let (scene, bot, blockade) = refused(Source::Polling).await;
    sleep(Duration::from_secs(6)).await;
    told_of_storage(&bot).await;
    mended(&scene, bot, blockade).await;
}

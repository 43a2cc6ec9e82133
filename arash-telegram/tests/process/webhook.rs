//! The route that Telegram brings updates to.

use arash_fake_telegram::{Call, FakeTelegram};
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::json;
use sqlx::{AnyConnection, Connection, Row};
use tokio::time::{Duration, sleep};

use crate::program::{Bot, client};
use crate::scene::{Scene, Source};

const SECRET_HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

async fn registered(telegram: &FakeTelegram) -> Call {
    telegram.until(|telegram| telegram.calls_of("setWebhook").into_iter().find(Call::succeeded)).await.unwrap()
}

#[tokio::test]
async fn the_webhook_is_registered_once_in_full() {
    let scene = Scene::new(Source::Webhook).await;
    let bot = Bot::start(scene.command()).await;
    let call = registered(&scene.telegram).await;
    let (_, path) =
        call.text("url").split_once("/telegram/").map(|(base, path)| (base.to_owned(), path.to_owned())).unwrap();
    assert!(call.text("url").starts_with(&bot.address), "{call:?}");
    assert_eq!((path.len(), call.text("secret_token").len()), (64, 64));
    assert_eq!(
        call.payload["allowed_updates"],
        json!(["message", "edited_message", "callback_query", "my_chat_member"])
    );
    assert!(!call.text("url").contains(scene.telegram.token().split_once(':').unwrap().1));
    assert_eq!(bot.stop("-TERM").await.0, Some(0));
    let bot = Bot::start(scene.command()).await;
    let asked = |telegram: &FakeTelegram| Some(()).filter(|()| telegram.calls_of("getWebhookInfo").len() == 2);
    scene.telegram.until(asked).await.unwrap();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(scene.telegram.calls_of("setWebhook").len(), 1, "it is set already");
    assert_eq!(bot.stop("-TERM").await.0, Some(0));
}

#[tokio::test]
async fn only_who_has_the_secret_brings_updates_which_are_stored_before_they_are_taken() {
    let scene = Scene::new(Source::Webhook).await;
    let bot = Bot::start(scene.command()).await;
    let call = registered(&scene.telegram).await;
    let (url, secret) = (call.text("url"), call.text("secret_token"));
    let update = |id: i64| {
        json!({"update_id": id, "message": {"message_id": 1, "date": 0, "text": "q: wait 9000 ms",
        "chat": {"id": 5, "type": "private", "first_name": "A"}, "from": {"id": 5, "is_bot": false, "first_name": "A"}}})
    };
    let bring = async |url: &str, secret: Option<&str>, body: String| {
        let request = client().post(url).header("Content-Type", "application/json").body(body);
        let request = secret.into_iter().fold(request, |request, secret| request.header(SECRET_HEADER, secret));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(bring(&url, None, update(1).to_string()).await, 404);
    assert_eq!(bring(&url, Some("wrong"), update(2).to_string()).await, 404);
    assert_eq!(bring(&format!("{}/telegram/x", bot.address), Some(&secret), update(3).to_string()).await, 404);
    assert_eq!(client().get(&url).send().await.unwrap().status().as_u16(), 404, "nobody learns that it is there");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let ask = || client().request(method.clone(), &url).body(update(4).to_string());
        let refused = ask().header(SECRET_HEADER, &secret).send().await.unwrap();
        assert_eq!((refused.status().as_u16(), &refused.headers()["allow"]), (405, &HeaderValue::from_static("POST")));
        assert_eq!(ask().send().await.unwrap().status().as_u16(), 404);
    }
    assert_eq!(bring(&url, Some(&secret), "no JSON".to_owned()).await, 400);
    assert_eq!(bring(&url, Some(&secret), update(7).to_string()).await, 200);
    // Not a moment later: what was answered with 200 is there.
    bot.kill().await;
    let mut connection = AnyConnection::connect(scene.database.url()).await.unwrap();
    let rows = sqlx::query("SELECT update_id FROM telegram_inbox ORDER BY update_id").fetch_all(&mut connection).await;
    let ids: Vec<i64> = rows.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(ids, [7]);
}

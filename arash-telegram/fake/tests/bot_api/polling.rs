//! Updates by long polling.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::Stage;

#[tokio::test]
async fn an_update_comes_again_until_an_offset_confirms_it() {
    let stage = Stage::new().await;
    stage.ann.say("one");
    stage.ann.say("two");
    let updates = stage.updates(0).await;
    assert_eq!(updates.len(), 2);
    assert_eq!(updates[0]["message"]["text"], "one");
    assert_eq!(updates[1]["update_id"], json!(updates[0]["update_id"].as_i64().unwrap() + 1));
    assert_eq!(stage.updates(0).await, updates);
    assert_eq!(stage.updates(updates[1]["update_id"].as_i64().unwrap()).await, updates[1..]);
    assert_eq!(stage.telegram.pending_updates(), 1);
    assert_eq!(stage.updates(updates[1]["update_id"].as_i64().unwrap() + 1).await.len(), 0);
}

#[tokio::test]
async fn a_negative_offset_keeps_the_last_and_forgets_the_others() {
    let stage = Stage::new().await;
    for text in ["one", "two", "three"] {
        stage.ann.say(text);
    }
    assert_eq!(stage.updates(-2).await[0]["message"]["text"], "two");
    assert_eq!(stage.telegram.pending_updates(), 2);
}

#[tokio::test]
async fn no_more_come_than_the_limit_says_which_is_at_least_one() {
    let stage = Stage::new().await;
    for text in ["one", "two", "three"] {
        stage.ann.say(text);
    }
    assert_eq!(stage.ok("getUpdates", json!({ "limit": 2 })).await.as_array().unwrap().len(), 2);
    assert_eq!(stage.ok("getUpdates", json!({ "limit": 0 })).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_poll_waits_for_an_update_and_no_longer_than_it_says() {
    let stage = Stage::new().await;
    let began = Instant::now();
    assert_eq!(stage.ok("getUpdates", json!({ "timeout": 1 })).await, json!([]));
    assert!(began.elapsed() >= Duration::from_secs(1));
    let poll = stage.ok("getUpdates", json!({ "timeout": 20 }));
    let (updates, ()) = tokio::join!(poll, async {
        stage.polled().await;
        stage.ann.say("late");
    });
    assert_eq!(updates[0]["message"]["text"], "late");
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_second_poller_ends_the_first_with_409() {
    let stage = Stage::new().await;
    let first = stage.call("getUpdates", json!({ "timeout": 20 }));
    let second = async {
        stage.polled().await;
        stage.ok("getUpdates", json!({ "timeout": 1 })).await
    };
    let ((status, body), second) = tokio::join!(first, second);
    assert_eq!(status, 409);
    let words = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    assert_eq!((&body["description"], second), (&json!(words), json!([])));
}

#[tokio::test]
async fn a_webhook_that_is_set_ends_a_poll_and_refuses_others() {
    let stage = Stage::new().await;
    let poll = stage.call("getUpdates", json!({ "timeout": 20 }));
    let setting = async {
        stage.polled().await;
        stage.ok("setWebhook", json!({ "url": "http://127.0.0.1:9/" })).await;
    };
    let ((status, body), ()) = tokio::join!(poll, setting);
    assert_eq!((status, &body["description"]), (409, &json!("Conflict: terminated by setWebhook request")));
    let words =
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
    assert_eq!(stage.refusal("getUpdates", json!({})).await, words);
    stage.ok("deleteWebhook", json!({})).await;
    stage.ok("getUpdates", json!({})).await;
}

#[tokio::test]
async fn what_is_a_day_old_is_gone() {
    let stage = Stage::new().await;
    stage.ann.say("old");
    stage.telegram.turn_clock(Duration::from_secs(24 * 3600 - 60));
    stage.ann.say("new");
    assert_eq!(stage.updates(0).await.len(), 2);
    stage.telegram.turn_clock(Duration::from_secs(60));
    let updates = stage.updates(0).await;
    assert_eq!((updates.len(), &updates[0]["message"]["text"]), (1, &json!("new")));
}

#[tokio::test]
async fn only_allowed_updates_come_about_and_the_wish_is_remembered() {
    let stage = Stage::new().await;
    stage.ok("getUpdates", json!({ "allowed_updates": ["callback_query"] })).await;
    stage.ann.say("unwanted");
    stage.ok("getUpdates", json!({})).await;
    stage.ann.say("unwanted");
    assert_eq!(stage.updates(0).await.len(), 0);
    stage.ok("getUpdates", json!({ "allowed_updates": [] })).await;
    stage.ann.say("wanted");
    assert_eq!(stage.updates(0).await.len(), 1);
}

#[tokio::test]
async fn an_offset_from_nowhere_confirms_nothing() {
    let stage = Stage::new().await;
    stage.ann.say("one");
    assert_eq!(stage.updates(2_000_000_000).await.len(), 1);
}

//! Buttons that are pressed, and answers to that.

use std::time::Duration;

use serde_json::json;

use crate::support::Stage;

const TOO_OLD: &str = "Bad Request: query is too old and response timeout expired or query ID is invalid";

async fn button(stage: &Stage) -> i64 {
    let keyboard = json!({ "inline_keyboard": [[{ "text": "Stop", "callback_data": "stop:1" }]] });
    let payload = json!({ "chat_id": stage.ann.chat_id(), "text": "x", "reply_markup": keyboard });
    stage.ok("sendMessage", payload).await["message_id"].as_i64().unwrap()
}

#[tokio::test]
async fn a_press_is_told_and_answered_once() {
    let stage = Stage::new().await;
    let message = button(&stage).await;
    let query = stage.ann.press(message, "Stop").unwrap();
    let update = &stage.new_updates().await[0]["callback_query"];
    assert_eq!((&update["id"], &update["data"]), (&json!(query), &json!("stop:1")));
    assert_eq!((&update["message"]["message_id"], &update["from"]["id"]), (&json!(message), &json!(stage.ann.id())));
    assert_eq!(stage.ann.answer(&query), None);
    let answer = json!({ "callback_query_id": query, "text": "Stopped", "show_alert": true });
    stage.ok("answerCallbackQuery", answer.clone()).await;
    let told = stage.ann.answer(&query).unwrap();
    assert_eq!((told.text.as_str(), told.is_alert), ("Stopped", true));
    assert_eq!(stage.refusal("answerCallbackQuery", answer).await, TOO_OLD);
}

#[tokio::test]
async fn an_answer_that_is_late_long_or_to_nobody_is_refused() {
    let stage = Stage::new().await;
    let message = button(&stage).await;
    let query = stage.ann.press(message, "stop:1").unwrap();
    let long = json!({ "callback_query_id": query, "text": "x".repeat(201) });
    assert_eq!(stage.refusal("answerCallbackQuery", long).await, "Bad Request: MESSAGE_TOO_LONG");
    stage.telegram.turn_clock(Duration::from_secs(61));
    assert_eq!(stage.refusal("answerCallbackQuery", json!({ "callback_query_id": query })).await, TOO_OLD);
    assert_eq!(stage.refusal("answerCallbackQuery", json!({ "callback_query_id": "1" })).await, TOO_OLD);
    assert_eq!(stage.refusal("answerCallbackQuery", json!({})).await, TOO_OLD);
}

#[tokio::test]
async fn nobody_presses_what_is_not_there() {
    let stage = Stage::new().await;
    let message = button(&stage).await;
    let fault = stage.ann.press(message, "Go").unwrap_err();
    assert_eq!(fault.to_string(), format!("message {message} has no button \"Go\""));
    stage.ok("editMessageReplyMarkup", json!({ "chat_id": stage.ann.chat_id(), "message_id": message })).await;
    assert!(stage.ann.press(message, "Stop").is_err());
}

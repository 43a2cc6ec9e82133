//! The side of the people over HTTP.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::Stage;

async fn ask(stage: &Stage, path: &str) -> Value {
    let answer = stage.client.get(format!("{}/{path}", stage.telegram.url())).send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn act(stage: &Stage, path: &str, body: &'static str) -> (StatusCode, Value) {
    let answer = stage.client.post(format!("{}/user/{path}", stage.telegram.url())).body(body).send().await.unwrap();
    (answer.status(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn there_is_a_page() {
    let stage = Stage::new().await;
    let answer = stage.client.get(stage.telegram.url()).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    assert!(answer.text().await.unwrap().contains("<title>A fake Telegram</title>"));
}

#[tokio::test]
async fn a_conversation_goes_over_it() {
    let stage = Stage::new().await;
    let ann = stage.ann.id();
    let (status, said) = act(&stage, &format!("say?person={ann}"), "Hello").await;
    assert_eq!(status, StatusCode::OK);
    let update = stage.new_updates().await.pop().unwrap();
    assert_eq!((&update["message"]["text"], &update["message"]["message_id"]), (&json!("Hello"), &said));
    let keyboard = json!({ "inline_keyboard": [[{ "text": "Go", "callback_data": "go" }]] });
    let payload = json!({ "chat_id": ann, "text": "<b>Hi</b>", "parse_mode": "HTML", "reply_markup": keyboard });
    let sent = stage.ok("sendMessage", payload).await["message_id"].clone();
    let seen =
        ask(&stage, &format!("user/messages?chat={ann}")).await["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&seen["text"], &seen["entities"][0]["type"], &seen["id"]), (&json!("Hi"), &json!("bold"), &sent));
    assert_eq!(seen["buttons"], json!([[{ "text": "Go", "data": "go", "url": null }]]));
    let (_, query) = act(&stage, &format!("press?person={ann}&message={sent}&button=go"), "").await;
    assert_eq!(ask(&stage, &format!("user/answer?query={}", query.as_str().unwrap())).await, Value::Null);
    stage.ok("answerCallbackQuery", json!({ "callback_query_id": query, "text": "Gone" })).await;
    let answer = ask(&stage, &format!("user/answer?query={}", query.as_str().unwrap())).await;
    assert_eq!(answer, json!({ "text": "Gone", "is_alert": false }));
    act(&stage, &format!("send?person={ann}&kind=document&name=a.txt&mime=text/plain"), "content").await;
    let document = stage.new_updates().await.pop().unwrap()["message"]["document"].clone();
    assert_eq!((&document["file_name"], &document["mime_type"]), (&json!("a.txt"), &json!("text/plain")));
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_a_sentence() {
    let stage = Stage::new().await;
    let (ann, bob) = (stage.ann.id(), stage.telegram.person("Bob").id());
    for (path, words) in [
        (format!("say?person={ann}"), "a message is not empty"),
        ("press".to_owned(), "person is a number, and is missing"),
        (format!("press?person={ann}&message=999&button=x"), "there is no message 999"),
        (format!("press?person={ann}&chat={bob}"), &format!("{ann} is not in the chat {bob}")),
        (format!("dance?person={ann}"), "there is nothing here"),
    ] {
        assert_eq!(act(&stage, &path, "").await, (StatusCode::BAD_REQUEST, json!({ "error": words })), "{path}");
    }
}

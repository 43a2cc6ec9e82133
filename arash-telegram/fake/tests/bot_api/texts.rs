//! What may be sent as a text.

use serde_json::json;

use crate::support::Stage;

async fn refused(stage: &Stage, text: &str) -> String {
    stage.refusal("sendMessage", json!({ "chat_id": stage.ann.chat_id(), "text": text })).await
}

#[tokio::test]
async fn a_text_arrives_as_a_message_of_the_bot() {
    let stage = Stage::new().await;
    let message = stage.ok("sendMessage", json!({ "chat_id": stage.ann.chat_id(), "text": " Hello \n" })).await;
    assert_eq!(message["text"], "Hello");
    assert_eq!(
        message["from"],
        stage.ok("getMe", json!({})).await["id"]
            .as_i64()
            .map(|id| json!({
                "id": id, "is_bot": true, "first_name": "arash_test_bot", "username": "arash_test_bot"
            }))
            .unwrap()
    );
    assert_eq!(message["chat"], json!({ "id": stage.ann.id(), "type": "private", "first_name": "Ann" }));
    assert_eq!(stage.ann.messages_of_bot()[0].text(), "Hello");
}

#[tokio::test]
async fn a_text_is_neither_empty_nor_too_long() {
    let stage = Stage::new().await;
    assert_eq!(refused(&stage, "").await, "Bad Request: message text is empty");
    assert_eq!(refused(&stage, " \n\t").await, "Bad Request: text must be non-empty");
    stage.sent(&"ш".repeat(4096)).await;
    assert_eq!(refused(&stage, &"x".repeat(4097)).await, "Bad Request: message is too long");
    assert_eq!(refused(&stage, &"x".repeat(40_000)).await, "Bad Request: text is too long");
}

#[tokio::test]
async fn the_length_counts_after_parsing() {
    let stage = Stage::new().await;
    let text = format!("<b>{}</b>", "x".repeat(4096));
    stage.ok("sendMessage", json!({ "chat_id": stage.ann.chat_id(), "text": text, "parse_mode": "HTML" })).await;
    let (status, _) = stage.call("sendMessage", json!({ "chat_id": stage.ann.chat_id(), "text": text })).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn what_people_type_has_the_entities_that_telegram_finds() {
    let stage = Stage::new().await;
    stage.ann.say("/ask@arash_test_bot 😀 @someone see https://example.org/a, #tag a@b.org");
    let message = &stage.new_updates().await[0]["message"];
    let kinds = message["entities"].as_array().unwrap().iter().map(|entity| {
        (entity["type"].as_str().unwrap(), entity["offset"].as_u64().unwrap(), entity["length"].as_u64().unwrap())
    });
    let expected = [("bot_command", 0, 19), ("mention", 23, 8), ("url", 36, 21), ("hashtag", 59, 4), ("email", 64, 7)];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_people_type_comes_in_parts_if_it_is_too_long_for_one() {
    let stage = Stage::new().await;
    stage.ann.say(&"ш".repeat(4097));
    let lengths =
        stage.new_updates().await.into_iter().map(|update| update["message"]["text"].as_str().unwrap().chars().count());
    assert_eq!(lengths.collect::<Vec<_>>(), [4096, 1]);
}

#[tokio::test]
async fn a_person_who_never_wrote_or_blocks_the_bot_is_not_written_to() {
    let stage = Stage::new().await;
    let bob = stage.telegram.person("Bob");
    let payload = json!({ "chat_id": bob.chat_id(), "text": "Hello" });
    let words = "Forbidden: bot can't initiate conversation with a user";
    assert_eq!(stage.refusal("sendMessage", payload.clone()).await, words);
    bob.say("/start");
    stage.ok("sendMessage", payload.clone()).await;
    bob.block_bot();
    assert_eq!(stage.refusal("sendMessage", payload.clone()).await, "Forbidden: bot was blocked by the user");
    bob.unblock_bot();
    stage.ok("sendMessage", payload).await;
    let statuses: Vec<_> = stage
        .new_updates()
        .await
        .into_iter()
        .map(|update| update["my_chat_member"]["new_chat_member"]["status"].clone())
        .collect();
    assert_eq!(statuses, [json!(null), json!("kicked"), json!("member")]);
    let nowhere = json!({ "chat_id": 42, "text": "Hello" });
    assert_eq!(stage.refusal("sendMessage", nowhere).await, "Bad Request: chat not found");
    assert_eq!(stage.refusal("sendMessage", json!({ "text": "x" })).await, "Bad Request: chat_id is empty");
}

//! Rich messages, which a message becomes by an edit.

use serde_json::{Value, json};

use crate::support::Stage;

fn edit(stage: &Stage, id: i64, rich: &Value) -> Value {
    json!({ "chat_id": stage.ann.chat_id(), "message_id": id, "rich_message": rich })
}

#[tokio::test]
async fn a_text_becomes_a_rich_message_and_a_text_again() {
    let stage = Stage::new().await;
    let id = stage.sent("Hel").await;
    let rich = edit(&stage, id, &json!({ "markdown": "# سلام", "is_rtl": true }));
    let message = stage.ok("editMessageText", rich.clone()).await;
    let expected = json!({ "blocks": [{ "type": "paragraph", "text": "# سلام" }], "is_rtl": true });
    assert_eq!((&message["rich_message"], &message["text"]), (&expected, &Value::Null));
    let seen = &stage.ann.messages_of_bot()[0];
    assert_eq!((seen.text(), seen.is_rich(), seen.versions.len()), ("# سلام", true, 2));
    let refusal = stage.refusal("editMessageText", rich).await;
    assert!(refusal.starts_with("Bad Request: message is not modified"), "{refusal}");
    let text = json!({ "chat_id": stage.ann.chat_id(), "message_id": id, "text": "# سلام" });
    assert_eq!(stage.ok("editMessageText", text).await["text"], "# سلام");
    assert!(!stage.ann.messages_of_bot()[0].is_rich());
}

#[tokio::test]
async fn it_is_markdown_within_telegrams_limits() {
    let stage = Stage::new().await;
    let id = stage.sent("Hello").await;
    let markdown = |text: String| json!({ "markdown": text });
    for (rich, words) in [
        (json!("x"), "Can't parse rich message JSON object"),
        (json!([]), "object expected as rich message"),
        (json!({}), "rich message must be non-empty"),
        (json!({ "html": "<b>x</b>" }), "field \"html\" of a rich message is not known here"),
        (json!({ "markdown": 1 }), "field \"markdown\" of a rich message is not known here"),
        (json!({ "is_rtl": true }), "RICH_MESSAGE_EMPTY"),
        (json!({ "markdown": " \n" }), "RICH_MESSAGE_EMPTY"),
        (markdown("x".repeat(32_769)), "RICH_MESSAGE_TEXT_TOO_LONG"),
        (markdown("- x\n".repeat(501)), "RICH_MESSAGE_BLOCKS_TOO_MANY"),
        (markdown("|a".repeat(21) + "|"), "RICH_MESSAGE_TABLE_COLS_TOO_MANY"),
        (markdown(">".repeat(16) + "a"), "RICH_MESSAGE_DEPTH_INVALID"),
        (markdown("![](https://a.b/c.png)".to_owned()), "RICH_MESSAGE_PHOTO_NO_MEDIA_FOUND"),
    ] {
        let said = stage.refusal("editMessageText", edit(&stage, id, &rich)).await;
        assert!(said.to_lowercase() == format!("Bad Request: {words}").to_lowercase(), "{said}");
    }
    let mut both = edit(&stage, id, &json!({ "markdown": "x" }));
    both["text"] = json!("x");
    let said = stage.refusal("editMessageText", both).await;
    assert_eq!(said, "Bad Request: a message has either a text or a rich message");
    let most = format!("{}\n\n```\n![](https://a.b)\n{}```", "x".repeat(31_000), "- y\n".repeat(400));
    stage.ok("editMessageText", edit(&stage, id, &markdown(most))).await;
}

//! Entities that bots give.

use serde_json::{Value, json};

use crate::support::Stage;

async fn refused(stage: &Stage, text: &str, entities: Value) -> String {
    let payload = json!({ "chat_id": stage.ann.chat_id(), "text": text, "entities": entities });
    stage.refusal("sendMessage", payload).await
}

async fn sent(stage: &Stage, text: &str, entities: Value) -> (String, Value) {
    let payload = json!({ "chat_id": stage.ann.chat_id(), "text": text, "entities": entities });
    let message = stage.ok("sendMessage", payload).await;
    let entities = message["entities"].as_array().cloned().unwrap_or_default();
    let brief = entities.iter().map(|entity| json!([entity["type"], entity["offset"], entity["length"]])).collect();
    (message["text"].as_str().unwrap().to_owned(), brief)
}

#[tokio::test]
async fn entities_lie_within_the_text_and_between_its_characters() {
    let stage = Stage::new().await;
    let bold = |offset: i64, length: i64| json!([{ "type": "bold", "offset": offset, "length": length }]);
    for (entity, words) in [
        (bold(5, 1), "entity begins after the end of the text at UTF-16 offset 5"),
        (bold(3, 9), "entity beginning at UTF-16 offset 3 ends after the end of the text at UTF-16 offset 12"),
        (bold(2, 1), "entity begins in a middle of a UTF-16 symbol at byte offset 5"),
        (bold(0, 2), "entity beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at byte offset 5"),
        (bold(-1, 1), "receive an entity with incorrect offset -1"),
        (bold(0, 1_000_001), "receive an entity with incorrect length 1000001"),
        (json!([{ "type": "big", "offset": 0, "length": 1 }]), "can't parse MessageEntity: Unsupported type specified"),
        (json!([{ "type": "bold", "offset": 0 }]), "can't parse MessageEntity: Can't find field \"length\""),
        (
            json!([{ "type": "text_link", "offset": 0, "length": 1 }]),
            "can't parse MessageEntity: Can't find field \"url\"",
        ),
        (json!(["bold"]), "can't parse MessageEntity: expected an Object"),
    ] {
        assert_eq!(refused(&stage, "a😀bc", entity).await, format!("Bad Request: {words}"));
    }
    assert_eq!(sent(&stage, "a😀bc", bold(1, 2)).await.1, json!([["bold", 1, 2]]));
}

#[tokio::test]
async fn blanks_around_the_text_go_and_entities_with_them() {
    let stage = Stage::new().await;
    let entities = json!([{ "type": "bold", "offset": 2, "length": 7 }]);
    assert_eq!(sent(&stage, " \nbold\n  ", entities).await, ("bold".to_owned(), json!([["bold", 0, 4]])));
}

#[tokio::test]
async fn nothing_lies_over_code_and_nothing_is_found_in_it() {
    let stage = Stage::new().await;
    let entities = json!([
        { "type": "bold", "offset": 0, "length": 10 },
        { "type": "code", "offset": 2, "length": 4 },
        { "type": "text_link", "offset": 3, "length": 1, "url": "https://example.org" },
    ]);
    let expected = json!([["bold", 0, 2], ["code", 2, 4], ["bold", 6, 4]]);
    assert_eq!(sent(&stage, "a /b @cdef", entities).await.1, expected);
}

#[tokio::test]
async fn entities_that_cross_are_cut() {
    let stage = Stage::new().await;
    let entities = json!([
        { "type": "italic", "offset": 2, "length": 4 },
        { "type": "bold", "offset": 0, "length": 4 },
    ]);
    let expected = json!([["bold", 0, 4], ["italic", 2, 2], ["italic", 4, 2]]);
    assert_eq!(sent(&stage, "abcdef", entities).await.1, expected);
}

#[tokio::test]
async fn a_link_that_leads_nowhere_is_dropped() {
    let stage = Stage::new().await;
    let entities = json!([{ "type": "text_link", "offset": 0, "length": 4, "url": "javascript:alert(1)" }]);
    assert_eq!(sent(&stage, "link", entities).await.1, json!([]));
}

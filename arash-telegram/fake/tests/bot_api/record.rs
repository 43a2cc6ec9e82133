//! What tests can see of what was called.

use serde_json::json;

use crate::support::Stage;

#[tokio::test]
async fn calls_are_written_down_in_order_with_what_came_of_them() {
    let stage = Stage::new().await;
    // Even if no time passes between them.
    stage.telegram.stop_clock();
    stage.sent("Hello").await;
    stage.refusal("SENDmessage", json!({ "chat_id": 42, "text": "Hello" })).await;
    stage.refusal("makeCoffee", json!({})).await;
    let calls = stage.telegram.calls();
    assert!(calls.is_sorted_by(|one, other| one.at < other.at));
    let last: Vec<_> = calls.iter().rev().take(3).rev().collect();
    assert_eq!(
        last.iter().map(|call| call.method.as_str()).collect::<Vec<_>>(),
        ["sendMessage", "sendMessage", "makeCoffee"]
    );
    assert_eq!(last.iter().map(|call| call.refused_with()).collect::<Vec<_>>(), [None, Some(400), Some(404)]);
    assert_eq!((last[0].text("text"), last[0].chat_id), ("Hello".to_owned(), Some(stage.ann.chat_id())));
}

#[tokio::test]
async fn after_its_token_was_revoked_a_bot_gets_nothing_but_401() {
    let stage = Stage::new().await;
    stage.telegram.revoke_token();
    for method in ["getMe", "getUpdates", "sendMessage", "nothing"] {
        assert_eq!(stage.refusal(method, json!({})).await, "Unauthorized");
    }
    assert_eq!(stage.telegram.calls().iter().filter(|call| call.refused_with() == Some(401)).count(), 4);
}

//! What the bot can ask about chats and members, and `typing`.

use std::time::Duration;

use serde_json::json;

use crate::support::Stage;

#[tokio::test]
async fn members_are_told_with_what_they_are() {
    let stage = Stage::new().await;
    let bob = stage.telegram.person("Bob");
    let group = stage.telegram.supergroup("Team", &[&stage.ann, &bob]);
    let eve = stage.telegram.person("Eve");
    for (who, status) in
        [(stage.ann.id(), "creator"), (bob.id(), "member"), (eve.id(), "left"), (stage.telegram.bot_id(), "member")]
    {
        let member = stage.ok("getChatMember", json!({ "chat_id": group.id(), "user_id": who })).await;
        assert_eq!((&member["status"], &member["user"]["id"]), (&json!(status), &json!(who)));
    }
    assert_eq!(stage.ok("getChatMemberCount", json!({ "chat_id": group.id() })).await, 3);
    let admins = stage.ok("getChatAdministrators", json!({ "chat_id": group.id() })).await;
    assert_eq!((admins.as_array().unwrap().len(), &admins[0]["user"]["first_name"]), (1, &json!("Ann")));
    let stranger = json!({ "chat_id": group.id(), "user_id": 5 });
    assert_eq!(stage.refusal("getChatMember", stranger).await, "Bad Request: user not found");
    assert_eq!(stage.ok("getChat", json!({ "chat_id": group.id() })).await["title"], "Team");
    stage.ok("leaveChat", json!({ "chat_id": group.id() })).await;
    let words = "Forbidden: bot is not a member of the supergroup chat";
    assert_eq!(stage.refusal("getChat", json!({ "chat_id": group.id() })).await, words);
}

#[tokio::test]
async fn typing_shows_for_five_seconds_or_until_a_message_comes() {
    let stage = Stage::new().await;
    let typing = json!({ "chat_id": stage.ann.chat_id(), "action": "typing" });
    stage.ok("sendChatAction", typing.clone()).await;
    assert_eq!(stage.ann.action().as_deref(), Some("typing"));
    stage.telegram.turn_clock(Duration::from_secs(5));
    assert_eq!(stage.ann.action(), None);
    stage.ok("sendChatAction", typing).await;
    stage.sent("x").await;
    assert_eq!(stage.ann.action(), None);
    let unknown = json!({ "chat_id": stage.ann.chat_id(), "action": "thinking" });
    assert_eq!(stage.refusal("sendChatAction", unknown).await, "Bad Request: wrong parameter action in request");
}

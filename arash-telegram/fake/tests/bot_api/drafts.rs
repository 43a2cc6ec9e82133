//! Drafts.

use std::time::Duration;

use serde_json::json;

use crate::support::Stage;

#[tokio::test]
async fn a_draft_shows_for_thirty_seconds_or_until_a_message_comes() {
    let stage = Stage::new().await;
    let draft = |chat: i64, id: i64| json!({ "chat_id": chat, "draft_id": id, "text": "Hel" });
    stage.ok("sendMessageDraft", draft(stage.ann.chat_id(), 7)).await;
    assert_eq!(stage.ann.draft().as_deref(), Some("Hel"));
    stage.telegram.turn_clock(Duration::from_secs(30));
    assert_eq!(stage.ann.draft(), None);
    stage.ok("sendMessageDraft", draft(stage.ann.chat_id(), 7)).await;
    stage.sent("Hello").await;
    assert_eq!(stage.ann.draft(), None);
    assert_eq!(
        stage.refusal("sendMessageDraft", draft(stage.ann.chat_id(), 0)).await,
        "Bad Request: RANDOM_ID_INVALID"
    );
    let group = stage.telegram.group("Team", &[&stage.ann]);
    assert_eq!(stage.refusal("sendMessageDraft", draft(group.id(), 7)).await, "Bad Request: TEXTDRAFT_PEER_INVALID");
}

//! Deletions.

use std::time::Duration;

use arash_fake_telegram::Status;
use serde_json::json;

use crate::support::Stage;

#[tokio::test]
async fn what_is_deleted_is_gone_and_cannot_be_deleted_twice() {
    let stage = Stage::new().await;
    let id = stage.sent("x").await;
    let payload = json!({ "chat_id": stage.ann.chat_id(), "message_id": id });
    stage.ok("deleteMessage", payload.clone()).await;
    assert_eq!(stage.ann.messages_of_bot().len(), 0);
    assert!(stage.telegram.history(stage.ann.chat_id()).iter().any(|message| message.id == id && message.is_deleted));
    assert_eq!(stage.refusal("deleteMessage", payload).await, "Bad Request: message to delete not found");
}

#[tokio::test]
async fn what_is_two_days_old_stays() {
    let stage = Stage::new().await;
    let id = stage.sent("x").await;
    stage.telegram.turn_clock(Duration::from_secs(48 * 3600));
    let payload = json!({ "chat_id": stage.ann.chat_id(), "message_id": id });
    assert_eq!(stage.refusal("deleteMessage", payload).await, "Bad Request: message can't be deleted");
}

#[tokio::test]
async fn in_groups_only_administrators_delete_what_others_wrote() {
    let stage = Stage::new().await;
    let group = stage.telegram.group("Team", &[&stage.ann]);
    let id = stage.ann.at(&group).say("x");
    let payload = json!({ "chat_id": group.id(), "message_id": id });
    assert_eq!(stage.refusal("deleteMessage", payload.clone()).await, "Bad Request: message can't be deleted");
    group.set_bot(Status::Administrator);
    stage.ok("deleteMessage", payload).await;
}

#[tokio::test]
async fn of_many_those_that_are_missing_are_passed_over() {
    let stage = Stage::new().await;
    let ids = [stage.sent("x").await, 999, stage.sent("y").await];
    stage.ok("deleteMessages", json!({ "chat_id": stage.ann.chat_id(), "message_ids": ids })).await;
    assert_eq!(stage.ann.messages_of_bot().len(), 0);
}

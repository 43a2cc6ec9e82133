//! Groups: what the bot is shown of them, and what becomes of them.

use arash_fake_telegram::{FakeTelegram, Settings, Status};
use serde_json::{Value, json};

use crate::support::Stage;

fn texts(updates: &[Value]) -> Vec<&str> {
    updates.iter().filter_map(|update| update["message"]["text"].as_str()).collect()
}

#[tokio::test]
async fn privacy_mode_shows_commands_and_replies_but_no_mentions() {
    let stage = Stage::new().await;
    let bob = stage.telegram.person("Bob");
    let group = stage.telegram.group("Team", &[&stage.ann, &bob]);
    let ann = stage.ann.at(&group);
    let joined = stage.new_updates().await;
    assert_eq!(joined[0]["my_chat_member"]["new_chat_member"]["status"], "member");
    assert_eq!(joined[1]["message"]["new_chat_members"][0]["is_bot"], true);
    let sent = stage.ok("sendMessage", json!({ "chat_id": group.id(), "text": "Hello" })).await;
    let theirs = ann.say("chatter");
    ann.say("@arash_test_bot mentioned");
    ann.say("/ask");
    ann.say("/ask@ARASH_test_bot");
    ann.say("/ask@other_bot");
    ann.reply(sent["message_id"].as_i64().unwrap(), "to the bot");
    bob.at(&group).reply(theirs, "to Ann");
    assert_eq!(texts(&stage.new_updates().await), ["/ask", "/ask@ARASH_test_bot", "to the bot"]);
    group.set_bot(Status::Administrator);
    ann.say("seen by administrators");
    assert_eq!(texts(&stage.new_updates().await), ["seen by administrators"]);
}

#[tokio::test]
async fn without_privacy_mode_everything_is_shown() {
    let telegram = FakeTelegram::start_with(Settings { has_privacy: false, ..Settings::default() }).await.unwrap();
    let ann = telegram.person("Ann");
    let group = telegram.group("Team", &[&ann]);
    let before = telegram.pending_updates();
    ann.at(&group).say("chatter");
    assert_eq!(telegram.pending_updates(), before + 1);
}

#[tokio::test]
async fn a_bot_that_is_kicked_is_told_and_may_not_write() {
    let stage = Stage::new().await;
    for (group, kind) in [
        (stage.telegram.group("Team", &[&stage.ann]), "group"),
        (stage.telegram.supergroup("Team", &[&stage.ann]), "supergroup"),
    ] {
        let payload = json!({ "chat_id": group.id(), "text": "x" });
        stage.ok("sendMessage", payload.clone()).await;
        group.set_bot(Status::Kicked);
        let told = stage.new_updates().await.pop().unwrap();
        assert_eq!(told["my_chat_member"]["new_chat_member"]["status"], "kicked");
        let words = format!("Forbidden: bot was kicked from the {kind} chat");
        assert_eq!(stage.refusal("sendMessage", payload.clone()).await, words);
        stage.ann.at(&group).say("/ask");
        assert_eq!(stage.new_updates().await.len(), 0);
        group.set_bot(Status::Left);
        let words = format!("Forbidden: bot is not a member of the {kind} chat");
        assert_eq!(stage.refusal("sendMessage", payload).await, words);
    }
}

#[tokio::test]
async fn a_group_that_becomes_a_supergroup_says_where_it_is() {
    let stage = Stage::new().await;
    let group = stage.telegram.group("Team", &[&stage.ann]);
    stage.new_updates().await;
    let supergroup = group.migrate();
    let updates = stage.new_updates().await;
    assert_eq!(updates[0]["message"]["migrate_to_chat_id"], json!(supergroup.id()));
    assert_eq!(updates[1]["message"]["migrate_from_chat_id"], json!(group.id()));
    let (status, body) = stage.call("sendMessage", json!({ "chat_id": group.id(), "text": "x" })).await;
    assert_eq!((status, &body["parameters"]), (400, &json!({ "migrate_to_chat_id": supergroup.id() })));
    assert_eq!(body["description"], "Bad Request: group chat was upgraded to a supergroup chat");
    stage.ok("sendMessage", json!({ "chat_id": supergroup.id(), "text": "x" })).await;
}

#[tokio::test]
async fn administrators_are_told_of_members_if_they_ask_for_it() {
    let stage = Stage::new().await;
    let bob = stage.telegram.person("Bob");
    let group = stage.telegram.supergroup("Team", &[&stage.ann]);
    group.set_bot(Status::Administrator);
    stage.ok("getUpdates", json!({ "allowed_updates": ["chat_member"] })).await;
    stage.new_updates().await;
    group.add(&bob);
    group.set_member(&bob, Status::Kicked);
    let statuses: Vec<_> = stage
        .new_updates()
        .await
        .iter()
        .map(|update| update["chat_member"]["new_chat_member"]["status"].clone())
        .collect();
    assert_eq!(statuses, ["member", "kicked"]);
}
